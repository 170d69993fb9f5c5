"""Roles that a tenant made for itself, by name whatever its case. The built-in ones are no records."""

from __future__ import annotations

from broker.snapshot import Snapshot
from portcullis.ids import name_hash
from portcullis.model.roles import BUILT_IN_ROLES, Role


class Roles:
    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot

    def get(self, tenant_id: str, name: str) -> Role | None:
        record = self._snapshot.get(tenant_id, ("role", name_hash(name)))
        return Role.from_json(record.value) if record else None

    def permissions(self, tenant_id: str, name: str) -> frozenset[str]:
        """None for a role that is not there."""
        if name in BUILT_IN_ROLES:
            return BUILT_IN_ROLES[name]
        role = self.get(tenant_id, name)
        return role.permissions if role else frozenset()
