"""An event loop whose time passes only while everybody waits, or when somebody says so: hours in a moment, exactly.

    with asyncio.Runner(loop_factory=lambda: VirtualTimeLoop(clock)) as runner:
        runner.run(...)

Whoever calls `clock.advance` in a callback holds the loop up for that long.
"""

from __future__ import annotations

import asyncio
import selectors

from tests.support.clock import ManualClock


class _Selector(selectors.DefaultSelector):
    """Finds at once what is there, and lets the time pass that it should have waited."""

    def __init__(self, clock: ManualClock) -> None:
        super().__init__()
        self._clock = clock

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(None if timeout is None else 0)
        if not ready and timeout:
            self._clock.advance(timeout)
        return ready


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    def __init__(self, clock: ManualClock) -> None:
        super().__init__(_Selector(clock))
        self._clock = clock

    def time(self) -> float:
        return self._clock.monotonic()
