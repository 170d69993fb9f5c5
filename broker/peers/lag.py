"""How far this broker's snapshot is behind the newest revision that anybody is known to have reached."""

from __future__ import annotations

from collections import deque

from portcullis.clock import Clock


class Lag:
    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._unreached: deque[tuple[int, float]] = deque()  # revisions, rising, and when they were heard of

    def look(self, reached: int, newest: int) -> None:
        """The snapshot is at `reached`; a transaction or another broker was at `newest`."""
        while self._unreached and self._unreached[0][0] <= reached:
            self._unreached.popleft()
        if newest > max(reached, self._unreached[-1][0] if self._unreached else 0):
            self._unreached.append((newest, self._clock.monotonic()))

    @property
    def seconds(self) -> float:
        """Since the oldest revision was heard of that the snapshot has not reached."""
        return self._clock.monotonic() - self._unreached[0][1] if self._unreached else 0.0
