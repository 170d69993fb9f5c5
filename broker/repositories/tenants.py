"""Tenants and the site that they live in."""

from __future__ import annotations

from broker.snapshot import Snapshot
from portcullis.errors import InvalidInput, Unavailable
from portcullis.ids import name_hash
from portcullis.model.tenant import Site, Tenant


class Tenants:
    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot

    def site(self) -> Site:
        """Raises Unavailable while the snapshot is not loaded."""
        record = self._snapshot.get("site", ("meta",))
        if record is None:
            raise Unavailable()
        return Site.from_json(record.value)

    def epoch(self) -> int:
        """Of the site: what was issued under a lower one is void."""
        record = self._snapshot.get("site", ("meta",))
        return 1 if record is None else int(record.value["epoch"])

    def get(self, tenant_id: str) -> Tenant | None:
        record = self._snapshot.get("site", ("tenant", tenant_id))
        return Tenant.from_json(record.value) if record else None

    def list(self) -> list[Tenant]:
        return [Tenant.from_json(record.value) for record in self._snapshot.tenants()]

    def by_name(self, name: str) -> Tenant | None:
        wanted = name_hash(name)
        return next((tenant for tenant in self.list() if name_hash(tenant.name) == wanted), None)


def only_or_named(tenants: Tenants, name: str | None) -> Tenant:
    """A site of one tenant needs no name. Raises InvalidInput."""
    if name is None and len(tenants.list()) == 1:
        return tenants.list()[0]
    tenant = None if name is None else tenants.by_name(name)
    if tenant is None:
        raise InvalidInput("tenant", "the name of a tenant of this site")
    return tenant
