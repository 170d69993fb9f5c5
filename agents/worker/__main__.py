"""`python -m agents.worker`: the leader starts it, with a channel to itself (`Backend.worker_channel`)."""

from __future__ import annotations

import argparse
import asyncio
import logging
import sys
from asyncio.sslproto import SSLProtocol
from collections.abc import Sequence

from agents.backend import load
from agents.worker.app import Worker, WorkerFailed
from agents.worker.event_loop import new_event_loop
from portcullis import logs
from portcullis.clock import SystemClock

_TLS_BUFFER_BYTES = 64 << 10

log = logging.getLogger(__name__)


async def _run(channel: str) -> None:
    # What is received at once is taken in one turn of the loop: a flood must not keep the next viewer's dial waiting.
    SSLProtocol.max_size = _TLS_BUFFER_BYTES
    backend = load()
    reader, writer = await backend.worker_channel(channel)
    await Worker(reader, writer, backend, SystemClock()).run()


def main(arguments: Sequence[str] | None = None) -> int:
    """0: it was told to close. 1: the display or the leader is gone; the log says which."""
    parser = argparse.ArgumentParser(prog="agents.worker")
    parser.add_argument("--log-format", choices=logs.FORMATS, default="text")
    parser.add_argument("--channel", default="", help="To the leader, where it is no file descriptor.")
    given = parser.parse_args(arguments)
    logs.configure("worker", form=given.log_format)
    try:
        with asyncio.Runner(loop_factory=new_event_loop) as runner:
            runner.run(_run(given.channel))
    except (WorkerFailed, OSError) as exc:
        log.error("the worker ends: %s", exc)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
