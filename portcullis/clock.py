"""Time as an argument: what reads a clock takes one, so that tests set it."""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    def now(self) -> float:
        """Wall time, seconds since the epoch. For what is shown or compared across machines."""
        ...

    def monotonic(self) -> float:
        """Seconds from an arbitrary start, never backwards. For waits and time limits."""
        ...


class SystemClock:
    def now(self) -> float:
        return time.time()

    def monotonic(self) -> float:
        return time.monotonic()
