"""How long a part that died waits before it is started again. Pure: the supervisor tells what happened when.

Doubling waits, so that a part that cannot start does not burn a core; a part that ran well for a minute starts
over with the shortest.
"""

from __future__ import annotations

from dataclasses import dataclass

FIRST_SECONDS = 0.25
LONGEST_SECONDS = 15.0
STEADY_SECONDS = 60.0


@dataclass(slots=True)
class Backoff:
    wait_seconds: float = FIRST_SECONDS
    longest_seconds: float = LONGEST_SECONDS

    def died(self, ran_seconds: float) -> float:
        """The seconds to wait now."""
        if ran_seconds >= STEADY_SECONDS:
            self.wait_seconds = FIRST_SECONDS
        wait = self.wait_seconds
        self.wait_seconds = min(wait * 2, self.longest_seconds)
        return wait
