"""`python -m agents.worker`: the leader starts it with its end of a socketpair as file descriptor 3."""

from __future__ import annotations

import argparse
import asyncio
import logging
import socket
import sys
from asyncio.sslproto import SSLProtocol
from collections.abc import Sequence

from agents.worker.app import Worker, WorkerFailed
from portcullis import logs
from portcullis.clock import SystemClock

_CHANNEL = 3
_TLS_BUFFER_BYTES = 64 << 10

log = logging.getLogger(__name__)


async def _run() -> None:
    # What is received at once is taken in one turn of the loop: a flood must not keep the next viewer's dial waiting.
    SSLProtocol.max_size = _TLS_BUFFER_BYTES
    await Worker(socket.socket(fileno=_CHANNEL), SystemClock()).run()


def main(arguments: Sequence[str] | None = None) -> int:
    """0: it was told to close. 1: the display or the leader is gone; the log says which."""
    parser = argparse.ArgumentParser(prog="agents.worker")
    parser.add_argument("--log-format", choices=logs.FORMATS, default="text")
    logs.configure("worker", form=parser.parse_args(arguments).log_format)
    try:
        asyncio.run(_run())
    except (WorkerFailed, OSError) as exc:
        log.error("the worker ends: %s", exc)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
