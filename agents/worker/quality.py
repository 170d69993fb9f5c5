"""How much of the picture a path carries: a level between 0 and 1, and what is given up at each.

Given up in the order in which users miss it least: refinement beside motion, the sharpness of what moves, its pictures
a second. Text is exact at every level; it comes in pieces of what pacing allows. Pure: pacing's measures in,
an `Effort` out. The figures were found by simulation (tests/support/pacing_simulation.py).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

STEP_SECONDS = 0.1
LEAST = 0.05
BLOCKED_SHARE, QUEUEING_SECONDS = 0.25, 0.06
"""More of either: the path carries less than is sent."""
FAR_BLOCKED_SHARE, FAR_QUEUEING_SECONDS = 0.6, 0.15
"""Much less."""
FREE_SHARE, FREE_QUEUEING_SECONDS = 0.05, 0.035
"""Less of both: it may carry more."""
CLEAR_QUEUEING_SECONDS = 0.01
WORSE, MUCH_WORSE, BETTER = 0.88, 0.7, 1.06
LONGEST_HOLD_SECONDS = 1.0
NEAR_LIMIT = 0.8
"""From this share of the level that was too much the last time, steps are small, and grow with the time since."""
LOWEST_LIMIT = 0.2
"""What was too much even for the least says nothing of the path: so begins what is not seen to be a video yet."""
NEAR_STEP = 0.003
NEAR_SECONDS, CLEAR_SECONDS = 4.0, 2.0
REFINES_FROM, SHARP_FROM, BLURRED_FROM = 0.9, 0.85, 0.35
_RATES = ((0.3, 60), (0.2, 30), (0.12, 20))
_LEAST_RATE = 12


@dataclass(frozen=True, slots=True)
class Effort:
    refines: bool
    """What was sent coarsely may be sent again exactly while something else moves; at rest it always may."""
    video_quality: float
    """1: the best. 0: the fewest bytes."""
    frames_per_second: int
    """Of regions that are video."""


class Quality:
    def __init__(self) -> None:
        self.level = 1.0
        self._limit, self._limit_at = 1.0, -math.inf
        """The level that was too much the last time."""
        self._worse_from = self._stepped_at = -math.inf

    def update(self, now: float, blocked_share: float, queueing: float, round_trip: float = 0.0) -> float:
        """The level from here on. To be called often: it takes a step every tenth of a second.

        Time in which nobody called is time in which nothing was held up.
        """
        if self._stepped_at == -math.inf:
            self._stepped_at = now
        steps = int((now - self._stepped_at) / STEP_SECONDS + 1e-6)
        if steps > 0:
            self._stepped_at = now
            if blocked_share > BLOCKED_SHARE or queueing > QUEUEING_SECONDS:
                is_far = blocked_share > FAR_BLOCKED_SHARE or queueing > FAR_QUEUEING_SECONDS
                # Delay alone may be a busy machine's: pictures are made fewer only where the window holds them up.
                least = LEAST if blocked_share > BLOCKED_SHARE else min(self.level, BLURRED_FROM)
                self._worsen(now, MUCH_WORSE if is_far else WORSE, least, round_trip)
            elif blocked_share < FREE_SHARE and queueing < FREE_QUEUEING_SECONDS:
                self._improve(now, min(steps, 100), queueing)
        return self.level

    @property
    def effort(self) -> Effort:
        level = self.level
        sharpness = (level - BLURRED_FROM) / (SHARP_FROM - BLURRED_FROM)
        rate = next((rate for least, rate in _RATES if level >= least), _LEAST_RATE)
        return Effort(level >= REFINES_FROM, max(0.0, min(1.0, sharpness)), rate)

    def _worsen(self, now: float, factor: float, least: float, round_trip: float) -> None:
        # What was given up shows when the acknowledgements of what follows come, not before.
        if now >= self._worse_from:
            self._limit, self._limit_at = max(self.level, LOWEST_LIMIT), now
            self.level = max(least, self.level * factor)
            self._worse_from = now + min(round_trip, LONGEST_HOLD_SECONDS)

    def _improve(self, now: float, steps: int, queueing: float) -> None:
        growth = BETTER
        if self.level > self._limit * NEAR_LIMIT:
            usual = CLEAR_SECONDS if queueing < CLEAR_QUEUEING_SECONDS else NEAR_SECONDS
            growth = min(BETTER, 1 + NEAR_STEP * (1 + ((now - self._limit_at) / usual) ** 2))
        self.level = min(1.0, self.level * growth**steps)
