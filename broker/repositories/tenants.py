"""Tenants and the site that they live in.

A tenant is found by its id, by its name whatever its case, or by a host name; each name belongs to one tenant, which
index records in the same transaction see to. One that is being deleted (`leaving`) is found by nobody any more.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from broker.grid.scopes import Condition, Record, SealedOperation, Stores
from broker.repositories.committing import commit
from broker.repositories.host_names import HostNames, host_name_of
from broker.snapshot import Snapshot
from portcullis.errors import InvalidInput, Refused, Unavailable
from portcullis.ids import name_hash
from portcullis.model.tenant import Site, Tenant

_ATTEMPTS = 5


@dataclass(frozen=True, slots=True)
class Written:
    tenant: Tenant
    revision: int


class Tenants:
    """Reading, from the snapshot."""

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

    def record(self, tenant_id: str) -> Record | None:
        return self._snapshot.get("site", ("tenant", tenant_id))

    def get(self, tenant_id: str) -> Tenant | None:
        record = self.record(tenant_id)
        tenant = Tenant.from_json(record.value) if record else None
        return None if tenant is None or tenant.leaving else tenant

    def list(self) -> list[Tenant]:
        return [tenant for tenant in self._all() if not tenant.leaving]

    def closed(self) -> Sequence[Tenant]:
        """Those that nobody may work in: suspended, or leaving."""
        return [tenant for tenant in self._all() if not tenant.is_open]

    def by_name(self, name: str) -> Tenant | None:
        index = self._snapshot.get("site", _name_path(name))
        return self.get(index.value["id"]) if index else None

    def by_host_name(self, host_name: str) -> Tenant | None:
        tenant_id = self._snapshot.index(HostNames).tenant_of(host_name)
        return None if tenant_id is None else self.get(tenant_id)

    def by_origin(self, origin: str) -> Tenant | None:
        """Whose page it is, where the name that was called is one tenant's."""
        return self.by_host_name(host_name_of(origin)) if origin else None

    def _all(self) -> Sequence[Tenant]:
        return [Tenant.from_json(record.value) for record in self._snapshot.tenants()]


class TenantRecords:
    """Writing. Every change is one transaction, which compares the record that it changes."""

    def __init__(self, stores: Stores, snapshot: Snapshot) -> None:
        self._stores = stores
        self._snapshot = snapshot
        self._tenants = Tenants(snapshot)

    async def create(self, tenant: Tenant, author: str) -> int:
        """With a data key of its own. Answers the grid's revision. Raises Refused("already_exists"), InvalidInput for
        a host name that is taken, Unavailable.
        """
        site = self._stores.site
        _, data_key = self._stores.found_tenant(tenant.id)
        operations = [
            data_key,
            site.put(("tenant", tenant.id), tenant.to_json(), author=author),
            site.put(_name_path(tenant.name), {"id": tenant.id}),
        ]
        conditions = [site.absent(("tenant", tenant.id)), site.absent(_name_path(tenant.name))]
        taken, free = self._naming(tenant.id, (), tenant.host_names)
        result = await commit(self._stores, *operations, *taken, conditions=[*conditions, *free])
        await self._snapshot.until(result.revision)
        if not result.succeeded and await site.get(("tenant", tenant.id)) is None:
            self._check_host_names(tenant)
            raise Refused("already_exists", "There is a tenant of this name.")
        return result.revision

    async def change(self, tenant_id: str, change: Callable[[Tenant], Tenant], author: str) -> Written:
        """Raises Refused: not_found, changed_meanwhile; InvalidInput for a host name that is taken; Unavailable."""
        for _ in range(_ATTEMPTS):
            record = self._tenants.record(tenant_id)
            known = self._tenants.get(tenant_id)
            if record is None or known is None:
                raise Refused("not_found")
            changed = change(known)
            if changed == known:
                return Written(known, self._snapshot.revision)
            self._check_host_names(changed)
            site = self._stores.site
            put = site.put(record.path, changed.to_json(), author=author)
            taken, free = self._naming(tenant_id, known.host_names, changed.host_names)
            result = await commit(self._stores, put, *taken, conditions=[site.unchanged(record), *free])
            await self._snapshot.until(result.revision)
            if result.succeeded:
                return Written(changed, result.revision)
        raise Refused("changed_meanwhile")

    async def leave(self, tenant_id: str, author: str) -> Written:
        """The first step of a deletion: from here on it is found by nobody, and its names are free.

        Raises Refused: not_found, changed_meanwhile; Unavailable.
        """
        for _ in range(_ATTEMPTS):
            record, known = self._tenants.record(tenant_id), self._tenants.get(tenant_id)
            if record is None or known is None:
                raise Refused("not_found")
            site = self._stores.site
            leaving = replace(known, leaving=True, host_names=())
            operations = [
                site.put(record.path, leaving.to_json(), author=author),
                site.delete(_name_path(known.name)),
                *self._naming(tenant_id, known.host_names, ())[0],
            ]
            result = await commit(self._stores, *operations, conditions=[site.unchanged(record)])
            await self._snapshot.until(result.revision)
            if result.succeeded:
                return Written(leaving, result.revision)
        raise Refused("changed_meanwhile")

    async def destroy_key(self, tenant_id: str) -> None:
        """From now on nobody can open what is left of it. Raises Unavailable."""
        site = self._stores.site
        result = await commit(self._stores, site.delete(("key", "tenant", tenant_id)))
        await self._snapshot.until(result.revision)

    async def forget(self, tenant_id: str, author: str) -> None:
        """The last step, once nothing of it is left. Raises Unavailable."""
        site = self._stores.site
        result = await commit(self._stores, site.delete(("tenant", tenant_id), author=author))
        await self._snapshot.until(result.revision)

    def _naming(
        self, tenant_id: str, before: tuple[str, ...], after: tuple[str, ...]
    ) -> tuple[list[SealedOperation], list[Condition]]:
        site = self._stores.site
        new = [_host_path(name) for name in after if name not in before]
        gone = [_host_path(name) for name in before if name not in after]
        operations = [site.put(path, {"id": tenant_id}) for path in new]
        return [*operations, *map(site.delete, gone)], [site.absent(path) for path in new]

    def _check_host_names(self, tenant: Tenant) -> None:
        """Raises InvalidInput for one that another tenant has."""
        for number, name in enumerate(tenant.host_names):
            index = self._snapshot.get("site", _host_path(name))
            if index is not None and index.value["id"] != tenant.id:
                raise InvalidInput(
                    f"host_names[{number}]", "a host name that no other tenant has", "already_exists"
                )


def only_or_named(tenants: Tenants, name: str | None) -> Tenant:
    """A site of one tenant needs no name. Raises InvalidInput."""
    if name is None and len(tenants.list()) == 1:
        return tenants.list()[0]
    tenant = None if name is None else tenants.by_name(name)
    if tenant is None:
        raise InvalidInput("tenant", "the name of a tenant of this site")
    return tenant


def _name_path(name: str) -> tuple[str, str]:
    return ("tenant-name", name_hash(name))


def _host_path(host_name: str) -> tuple[str, str]:
    return ("tenant-host", name_hash(host_name))
