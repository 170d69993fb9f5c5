"""The embedded grid's state in memory: keys in order, their revisions, and which lease holds which keys.

Pure and synchronous: every change is whole before the next begins. `embedded` makes it durable and tells of
it.
"""

from __future__ import annotations

import bisect
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from broker.grid.grid import (
    Compare,
    CreateRevision,
    Delete,
    DeleteEvent,
    Event,
    Exists,
    Get,
    KeyValue,
    LeaseGone,
    Operation,
    Put,
    PutEvent,
)


@dataclass(frozen=True, slots=True)
class Applied:
    """What a branch did. Without events it changed nothing and `revision` is the one before it."""

    revision: int
    events: tuple[Event, ...] = ()
    values: Mapping[str, KeyValue | None] | None = None
    deleted: Mapping[str, KeyValue | None] | None = None


class State:
    def __init__(
        self, revision: int = 0, items: Iterable[KeyValue] = (), leases: Mapping[int, float] | None = None
    ) -> None:
        self.revision = revision
        self.leases: dict[int, float] = dict(leases or {})  # id -> ttl in seconds
        self._items = {item.key: item for item in items}
        self._keys = sorted(self._items)
        self._held: dict[int, set[str]] = {lease: set() for lease in self.leases}
        for item in self._items.values():
            if item.lease:
                self._held.setdefault(item.lease, set()).add(item.key)

    def get(self, key: str) -> KeyValue | None:
        return self._items.get(key)

    def range(self, prefix: str) -> tuple[KeyValue, ...]:
        start = bisect.bisect_left(self._keys, prefix)
        end = start
        while end < len(self._keys) and self._keys[end].startswith(prefix):
            end += 1
        return tuple(self._items[key] for key in self._keys[start:end])

    def holds(self, compare: Compare) -> bool:
        item = self._items.get(compare.key)
        if isinstance(compare, Exists):
            return item is not None
        if isinstance(compare, CreateRevision):
            return (item.create_revision if item else 0) == compare.revision
        return (item.mod_revision if item else 0) == compare.revision

    def apply(self, branch: Sequence[Operation]) -> Applied:
        """Run one branch of a transaction. Raises LeaseGone before anything is changed."""
        for operation in branch:
            if isinstance(operation, Put) and operation.lease and operation.lease not in self.leases:
                raise LeaseGone(f"lease {operation.lease:x}")
        values = {op.key: self._items.get(op.key) for op in branch if isinstance(op, Get)}
        deleted = {op.key: self._items.get(op.key) for op in branch if isinstance(op, Delete)}
        revision = self.revision + 1
        events: list[Event] = []
        for operation in branch:
            if isinstance(operation, Put):
                events.append(PutEvent(self._put(operation, revision)))
            elif isinstance(operation, Delete) and self._delete(operation.key):
                events.append(DeleteEvent(operation.key, revision))
        if events:
            self.revision = revision
        return Applied(self.revision, tuple(events), values, deleted)

    def grant(self, lease: int, ttl_seconds: float) -> None:
        self.leases[lease] = ttl_seconds
        self._held[lease] = set()

    def revoke(self, lease: int) -> Applied:
        """End the lease and delete its keys, all at one revision."""
        self.leases.pop(lease, None)
        revision = self.revision + 1
        keys = sorted(self._held.pop(lease, ()))
        for key in keys:
            self._delete(key)
        if keys:
            self.revision = revision
        return Applied(self.revision, tuple(DeleteEvent(key, revision) for key in keys))

    def _put(self, put: Put, revision: int) -> KeyValue:
        old = self._items.get(put.key)
        if old is None:
            bisect.insort(self._keys, put.key)
            item = KeyValue(put.key, put.value, revision, revision, put.lease)
        else:
            self._detach(old)
            item = replace(old, value=put.value, mod_revision=revision, lease=put.lease)
        self._items[put.key] = item
        if put.lease:
            self._held[put.lease].add(put.key)
        return item

    def _delete(self, key: str) -> bool:
        item = self._items.pop(key, None)
        if item is None:
            return False
        del self._keys[bisect.bisect_left(self._keys, key)]
        self._detach(item)
        return True

    def _detach(self, item: KeyValue) -> None:
        if item.lease in self._held:
            self._held[item.lease].discard(item.key)
