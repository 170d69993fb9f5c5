"""Answering once to many events: soon after the first, and no more often than a client could notice.

What an application does can raise events without end. Each of them must cost the worker next to nothing, or it would
answer nobody else: not its viewers, and not the agent that wants to cut them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class Throttle:
    """`ask` as often as you like: `call` follows on the event loop, at most every `seconds`."""

    def __init__(self, call: Callable[[], None], seconds: float) -> None:
        self._call = call
        self.seconds = seconds
        self._not_before = 0.0
        self._timer: asyncio.TimerHandle | None = None

    def ask(self) -> None:
        if self._timer is None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_at(max(loop.time(), self._not_before), self._run)

    def cancel(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _run(self) -> None:
        self._timer = None
        self._not_before = asyncio.get_running_loop().time() + self.seconds
        self._call()
