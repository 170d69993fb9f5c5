"""Slots that this broker is claiming at this moment: its other launches look elsewhere meanwhile.

A hint, which spares transactions that would fail. What makes a slot somebody's is the transaction alone, and a launch
that finds every place taken, these counted in, looks once more without them.
"""

from __future__ import annotations

from collections.abc import Iterator, Set
from contextlib import contextmanager


class Claims:
    def __init__(self) -> None:
        self._slots: dict[str, set[int]] = {}

    def __bool__(self) -> bool:
        return bool(self._slots)

    def slots(self) -> list[tuple[str, Set[int]]]:
        """By host."""
        return list(self._slots.items())

    @contextmanager
    def claiming(self, host_id: str, slot: int) -> Iterator[None]:
        """Two launches may claim the same slot: the grid lets one of them have it."""
        mine = slot not in self._slots.setdefault(host_id, set())
        self._slots[host_id].add(slot)
        try:
            yield
        finally:
            if mine:
                self._slots[host_id].discard(slot)
                if not self._slots[host_id]:
                    del self._slots[host_id]
