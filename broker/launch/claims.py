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
        self._tenants: dict[tuple[str, int], str] = {}

    def __bool__(self) -> bool:
        return bool(self._slots)

    def slots(self) -> list[tuple[str, Set[int]]]:
        """By host."""
        return list(self._slots.items())

    def of_tenant(self, tenant_id: str) -> list[tuple[str, int]]:
        """Host and slot of what is to be its sessions."""
        return [place for place, tenant in self._tenants.items() if tenant == tenant_id]

    @contextmanager
    def claiming(self, host_id: str, slot: int, tenant_id: str = "") -> Iterator[None]:
        """Two launches may claim the same slot: the grid lets one of them have it."""
        mine = slot not in self._slots.setdefault(host_id, set())
        self._slots[host_id].add(slot)
        self._tenants.setdefault((host_id, slot), tenant_id)
        try:
            yield
        finally:
            if mine:
                del self._tenants[host_id, slot]
                self._slots[host_id].discard(slot)
                if not self._slots[host_id]:
                    del self._slots[host_id]
