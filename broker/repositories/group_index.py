"""Which groups somebody is in, groups inside groups counted, kept up with the snapshot."""

from __future__ import annotations

from collections.abc import Mapping

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
