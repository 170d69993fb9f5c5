"""A worker without a desktop, for tests of the helper under Wine: tells a state, obeys `closing`, repeats what it is
told (`tell`) in its log, and ends with status 3 when that is `die`."""

import asyncio
import json
import sys

from agents.windows import pipe


def state(windows: int) -> bytes:
    return (
        json.dumps({"from": "worker", "type": "state", "windows": windows, "connections": 0, "e": 0}).encode()
        + b"\n"
    )


async def main() -> int:
    reader, writer = pipe.inherited(int(sys.argv[sys.argv.index("--channel") + 1]))
    while line := await reader.readline():
        message = json.loads(line)
        if message["type"] == "start":
            writer.write(state(1 if message.get("attached") else 0))
        elif message["type"] == "tell" and message["text"] == "die":
            return 3
        elif message["type"] == "tell" and message["text"] == "show":
            writer.write(state(1))
        elif message["type"] == "tell":
            print("told", message["text"], file=sys.stderr, flush=True)
        elif message["type"] == "closing":
            writer.close()
            return 0
    return 1


sys.exit(asyncio.run(main()))
