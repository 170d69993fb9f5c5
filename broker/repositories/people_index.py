"""What rules and lists ask of users, kept up with the snapshot, without their records.

A rule that changes is held against 100,000 sessions within a second, so nobody parses a user for each. Users of the
same groups share one set: whoever keeps answers by groups finds them by it.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Mapping
from typing import NamedTuple

from broker.grid.scopes import Record
from broker.snapshot import Change, Snapshot


class Person(NamedTuple):
    id: str
    name: str
    groups: frozenset[str]
    """That they name themselves."""
    role: str = ""
    is_disabled: bool = False


_NOBODY: Mapping[str, Person] = {}


class PeopleIndex:
    def __init__(self, snapshot: Snapshot) -> None:
        self._people: defaultdict[str, dict[str, Person]] = defaultdict(dict)
        self._groups: dict[frozenset[str], frozenset[str]] = {}
        for tenant in snapshot.tenants():
            for record in snapshot.list(tenant.path[1], "user"):
                self._put(record)
        snapshot.subscribe(self._changed)

    def get(self, tenant_id: str, user_id: str) -> Person | None:
        return self.all(tenant_id).get(user_id)

    def all(self, tenant_id: str) -> Mapping[str, Person]:
        """By their ids; it changes under whoever waits."""
        return self._people.get(tenant_id, _NOBODY)

    def _changed(self, change: Change) -> None:
        if change.path[0] != "user":
            return
        if change.record is not None:
            self._put(change.record)
        else:
            self._people[change.scope].pop(change.path[1], None)

    def _put(self, record: Record) -> None:
        user_id, value = record.path[1], record.value
        groups = frozenset(value.get("groups") or ())
        groups = self._groups.setdefault(groups, groups)
        self._people[record.scope][user_id] = Person(
            user_id,
            value["name"],
            groups,
            sys.intern(str(value.get("role") or "")),
            bool(value.get("disabled")),
        )
