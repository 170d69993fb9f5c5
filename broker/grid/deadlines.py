"""When which lease runs out: a heap with lazy removal. Pure; instants are given."""

from __future__ import annotations

import heapq


class Deadlines:
    def __init__(self) -> None:
        self._current: dict[int, float] = {}
        self._heap: list[tuple[float, int]] = []

    def set(self, lease: int, deadline: float) -> None:
        self._current[lease] = deadline
        heapq.heappush(self._heap, (deadline, lease))

    def drop(self, lease: int) -> None:
        self._current.pop(lease, None)

    def next(self) -> float | None:
        self._discard_stale()
        return self._heap[0][0] if self._heap else None

    def due(self, now: float) -> list[int]:
        """Leases whose deadline has come, earliest first; they are forgotten here."""
        leases = []
        while (deadline := self.next()) is not None and deadline <= now:
            lease = heapq.heappop(self._heap)[1]
            del self._current[lease]
            leases.append(lease)
        return leases

    def _discard_stale(self) -> None:
        while self._heap and self._current.get(self._heap[0][1]) != self._heap[0][0]:
            heapq.heappop(self._heap)
