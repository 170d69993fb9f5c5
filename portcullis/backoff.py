"""Waits between attempts to connect: short at first, growing, and jittered.

A site that comes back is so not met by all its hosts in the same moment.
"""

from __future__ import annotations

from collections.abc import Callable

FIRST_SECONDS = 0.2
LONGEST_SECONDS = 5.0


class Backoff:
    def __init__(self, uniform: Callable[[], float], longest_seconds: float = LONGEST_SECONDS) -> None:
        """`uniform` draws from [0, 1)."""
        self._uniform = uniform
        self._longest_seconds = longest_seconds
        self._ceiling = FIRST_SECONDS

    def succeeded(self) -> None:
        self._ceiling = FIRST_SECONDS

    def next_seconds(self) -> float:
        """Between half of the present ceiling and all of it; the ceiling doubles."""
        seconds = self._ceiling * (0.5 + self._uniform() / 2)
        self._ceiling = min(self._ceiling * 2, self._longest_seconds)
        return seconds
