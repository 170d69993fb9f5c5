"""Input messages into the desktop, in order: at once when nothing waits, else when their turn comes.

A long text or a character that needs a spare key may take a while; what comes behind it waits, the event loop does not.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterator

from portcullis.protocol.messages import Input

MANY = 256
"""Waiting messages, from which on the sender should pause."""


class InputQueue:
    """`on_applied` is called with the sequence of each message when it is done."""

    def __init__(self, apply: Callable[[Input], Iterator[float]], on_applied: Callable[[int], None]) -> None:
        self._apply = apply
        self._on_applied = on_applied
        self._waiting: deque[Input] = deque()
        self._current: tuple[int, Iterator[float]] | None = None
        self._timer: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, message: Input) -> None:
        self._waiting.append(message)
        if self._current is None:
            self._advance()

    def drop(self) -> None:
        """Forget what waits; what is being done is finished, and no longer reported."""
        self._waiting.clear()
        if self._current is not None:
            self._current = 0, self._current[1]

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._waiting.clear()
        self._current = None

    def _advance(self) -> None:
        while self._current is not None or self._waiting:
            if self._current is None:
                message = self._waiting.popleft()
                self._current = message.sequence, self._apply(message)
            sequence, steps = self._current
            wait = next(steps, None)
            if wait is not None:
                self._timer = asyncio.get_running_loop().call_later(wait, self._advance)
                return
            self._current = None
            self._on_applied(sequence)
