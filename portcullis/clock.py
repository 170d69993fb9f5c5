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
        return time.perf_counter()  # the same on Linux; on Windows monotonic() goes in steps of 16 ms


class HeldClock:
    """A clock whose wall time never goes back: when it is set back it goes on as if it had not been. For what must not
    be good a second time, such as a signature, whose nonce is forgotten after its minute."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._latest: tuple[float, float] | None = None
        """What was told last; nothing is held before somebody was told something."""

    def now(self) -> float:
        """Also in a process that was asked seldom: what has passed since is counted."""
        wall, monotonic = self._clock.now(), self._clock.monotonic()
        if self._latest is not None:
            told, at = self._latest
            wall = max(wall, told + max(0.0, monotonic - at))
        self._latest = (wall, monotonic)
        return wall

    def set_back(self) -> None:
        """What was told before is known to be wrong."""
        self._latest = None

    def monotonic(self) -> float:
        return self._clock.monotonic()


class SiteClock:
    """The time of the site's brokers on a machine whose own clock may be wrong, or be set meanwhile.

    `base` is the brokers' time less this machine's monotonic clock, so that processes of one machine can share it; 0
    while it is not known: the machine's own time holds then.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.base = 0.0

    def learn(self, now: float) -> float:
        """The brokers' time is `now`. Answers by how many seconds this machine's own clock is ahead of it."""
        self.base = now - self._clock.monotonic()
        return self._clock.now() - now

    def now(self) -> float:
        return self.base + self._clock.monotonic() if self.base else self._clock.now()

    def monotonic(self) -> float:
        return self._clock.monotonic()
