"""Which groups somebody is in, groups inside groups counted, and who is in a group; kept up with the snapshot."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping

from broker.grid.scopes import Record
from broker.snapshot import Change, Snapshot
from portcullis.model.group import Group, containers, with_containers


class GroupIndex:
    """What it knows of a tenant is worked out when somebody asks, and again after a group has changed."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        self._containing: dict[str, Mapping[str, frozenset[str]]] = {}
        snapshot.subscribe(self._changed)

    def effective(self, tenant_id: str, own: frozenset[str]) -> frozenset[str]:
        """`own`, which a user names, and all groups that contain one of them."""
        containing = self._containing.get(tenant_id)
        if containing is None:
            containing = self._containing[tenant_id] = containers(self.list(tenant_id))
        return with_containers(own, containing)

    def list(self, tenant_id: str) -> list[Group]:
        """Those that have a record, in no particular order."""
        return [Group.from_json(record.value) for record in self._snapshot.list(tenant_id, "group")]

    def _changed(self, change: Change) -> None:
        if change.path[0] == "group":
            self._containing.pop(change.scope, None)


class MemberIndex:
    """Which users name a group: asking costs what the answer holds, not a walk over all users."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._members: defaultdict[str, dict[str, set[str]]] = defaultdict(dict)
        for tenant in snapshot.tenants():
            for record in snapshot.list(tenant.path[1], "user"):
                self._add(record)
        snapshot.subscribe(self._changed)

    def names(self, tenant_id: str) -> Collection[str]:
        """Of all groups that a user names."""
        return self._members[tenant_id].keys() if tenant_id in self._members else ()

    def of_group(self, tenant_id: str, name: str) -> frozenset[str]:
        """Ids of the users who name it themselves."""
        return (
            frozenset(self._members[tenant_id].get(name, ())) if tenant_id in self._members else frozenset()
        )

    def count(self, tenant_id: str, name: str) -> int:
        return len(self._members[tenant_id].get(name, ())) if tenant_id in self._members else 0

    def _changed(self, change: Change) -> None:
        if change.path[0] == "user":
            if change.previous is not None:
                self._remove(change.previous)
            if change.record is not None:
                self._add(change.record)

    def _add(self, record: Record) -> None:
        groups = self._members[record.scope]
        for name in record.value.get("groups", ()):
            groups.setdefault(name, set()).add(record.path[1])

    def _remove(self, record: Record) -> None:
        groups = self._members[record.scope]
        for name in record.value.get("groups", ()):
            members = groups.get(name, set())
            members.discard(record.path[1])
            if not members:
                groups.pop(name, None)
