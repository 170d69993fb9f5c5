"""Clocks that are set by hand: one that stands, and one that goes and is wrong."""

from __future__ import annotations

from portcullis.clock import SystemClock


class SkewedClock(SystemClock):
    def __init__(self, ahead: float) -> None:
        self.ahead = ahead

    def now(self) -> float:
        return super().now() + self.ahead


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
