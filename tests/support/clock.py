"""A clock that stands until it is set."""

from __future__ import annotations


class ManualClock:
    def __init__(self, now: float = 1_763_676_000.0) -> None:
        self._now = now
        self._monotonic = 1000.0

    def now(self) -> float:
        return self._now

    def monotonic(self) -> float:
        return self._monotonic

    def advance(self, seconds: float) -> None:
        self._now += seconds
        self._monotonic += seconds
