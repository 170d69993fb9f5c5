"""A program of the session that a claim about the desktop moves (desktop_claims.py), and the line protocol between
them: a JSON object a line on its standard input, each answered by `{"done": true}`, events in between.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import threading
from typing import Any

from tests.support.patience import patient

ANSWER_SECONDS = 15.0


class ActorProcess:
    """`desktop_claims.Actor`, over the pipes of a process."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.process = process
        self.events: list[dict[str, Any]] = []
        self._loop = asyncio.get_running_loop()
        self._done = asyncio.Queue[None]()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    async def do(self, what: str, **how: Any) -> None:
        self.process.stdin.write(json.dumps({"do": what, **how}).encode() + b"\n")
        self.process.stdin.flush()
        await asyncio.wait_for(self._done.get(), patient(ANSWER_SECONDS))

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(10)
        self._reader.join(10)  # closing what it reads from would wait for it without an end
        for pipe in (self.process.stdin, self.process.stdout):
            pipe.close()

    def _read(self) -> None:
        try:
            for line in self.process.stdout:
                self._loop.call_soon_threadsafe(self._take, json.loads(line))
        except (RuntimeError, ValueError):  # the test is over
            pass

    def _take(self, value: dict[str, Any]) -> None:
        if value.get("done"):
            self._done.put_nowait(None)
        else:
            self.events.append(value)


def tell(value: dict[str, Any]) -> None:
    """Of the actor."""
    print(json.dumps(value), flush=True)
