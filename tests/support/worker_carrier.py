"""Run by the Windows interpreter: `python worker_carrier.py PORT` starts a worker as a session's helper does.

It carries lines between the worker's pipe and a socket of the test, which no worker on Windows would take.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys

from agents.windows import pipe


async def main(port: int) -> int:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    ours, theirs = pipe.inheritable_pair()
    worker = subprocess.Popen(
        [sys.executable, "-m", "agents.worker", "--channel", str(theirs)],
        startupinfo=subprocess.STARTUPINFO(lpAttributeList={"handle_list": [theirs]}),
        stdin=subprocess.DEVNULL,
    )
    pipe.close_handle(theirs)
    from_worker, to_worker = pipe.streams(ours)
    carrying = [
        asyncio.create_task(carry(reader, to_worker)),
        asyncio.create_task(carry(from_worker, writer)),
    ]
    await asyncio.wait(carrying, return_when=asyncio.FIRST_COMPLETED)
    for each in (to_worker, writer):
        each.close()
    return await asyncio.to_thread(worker.wait)


async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(1 << 16):
            writer.write(data)
            await writer.drain()
    except OSError:  # the other end has gone, as its end is told on Windows
        pass


if __name__ == "__main__":
    sys.exit(asyncio.run(main(int(sys.argv[1]))))
