"""When to look at the screen again, where looking costs and Windows does not tell of every change. Pure.

Soon after input, and after anything that tells that an application did something; as often as frames are shown while
the picture changes; ever more rarely while it does not. What a look costs is measured: an idle screen takes a twentieth
of a processor at most, while a busy one is looked at again as soon as it can be, for most of a look is the system's
copying. While nobody takes what was found, there is no reason to look.
"""

from __future__ import annotations

import math

BUSY_SECONDS = 1 / 60
HURRIED_SECONDS = 0.004
HURRY_SECONDS = 0.1
"""After input: an answer that takes longer does not feel like one in any case."""
IDLE_SECONDS = 1 / 30
"""However little a look costs."""
LONGEST_SECONDS = 1.0
UNTAKEN_SECONDS = 0.5
_SLOWING = 1.5
_IDLE_SHARE, _BUSY_SHARE = 0.05, 0.9
_SMOOTHING = 0.3


class Pace:
    def __init__(self) -> None:
        self._cost = 0.0
        self._interval = BUSY_SECONDS
        self._looked_at = -math.inf
        self._hurried_until = -math.inf
        self._untaken_since = math.inf

    def looked(self, began: float, ended: float, has_changed: bool) -> None:
        self._cost += (ended - began - self._cost) * (_SMOOTHING if self._cost else 1.0)
        self._looked_at = began
        self._interval = BUSY_SECONDS if has_changed else min(self._interval * _SLOWING, self._longest())
        if has_changed and self._untaken_since == math.inf:
            self._untaken_since = ended

    def hinted(self) -> None:
        """An application did something, most likely."""
        self._interval = BUSY_SECONDS

    def hurried(self, now: float) -> None:
        """Somebody typed, and waits to see it."""
        self._interval = BUSY_SECONDS
        self._hurried_until = now + HURRY_SECONDS

    def taken(self) -> None:
        self._untaken_since = math.inf

    def is_asleep(self, now: float) -> bool:
        """What was found is not taken: nobody looks."""
        return now - self._untaken_since > UNTAKEN_SECONDS

    def due_at(self, now: float) -> float:
        if self.is_asleep(now):
            return math.inf
        if now < self._hurried_until:
            return self._looked_at + max(HURRIED_SECONDS, self._cost / _BUSY_SHARE)
        return self._looked_at + max(self._interval, self._cost / _BUSY_SHARE)

    def _longest(self) -> float:
        return min(max(IDLE_SECONDS, self._cost / _IDLE_SHARE), LONGEST_SECONDS)
