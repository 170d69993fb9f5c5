"""Traces of refused and failed launches: 24 hours, the newest 500 of a tenant. Not in the snapshot.

Anybody who may launch can cause refusals at will, so they must cost little. Traces of the same hour share a lease
(an abandoned one would live for a day), and the oldest are known from memory, read anew from the grid now and
then: several brokers together keep to the limit within `RECOUNT_AFTER` each.
"""

from __future__ import annotations

from collections import deque

from broker.grid.grid import LeaseGone
from broker.grid.scopes import SealedOperation, Stores, TenantStore
from broker.repositories.committing import commit
from portcullis.clock import Clock
from portcullis.model.launch import LaunchTrace

LIFETIME_SECONDS = 24 * 3600
LEASE_SHARED_SECONDS = 3600
MAXIMUM_PER_TENANT = 500
RECOUNT_AFTER = 100


class TraceStore:
    def __init__(self, stores: Stores, clock: Clock, maximum: int = MAXIMUM_PER_TENANT) -> None:
        self._stores = stores
        self._clock = clock
        self._maximum = maximum
        self._kept: dict[str, _Kept] = {}
        self._lease = 0
        self._lease_until = 0.0

    async def get(self, tenant_id: str, reference: str) -> LaunchTrace | None:
        tenant = await self._stores.tenant(tenant_id)
        record = await tenant.get(("trace", reference))
        return LaunchTrace.from_json(record.value) if record else None

    async def put(self, tenant_id: str, trace: LaunchTrace) -> None:
        tenant = await self._stores.tenant(tenant_id)
        kept = await self._kept_of(tenant_id, tenant)
        surplus = kept.add(trace.reference, self._maximum)
        deletes = [tenant.delete(("trace", reference)) for reference in surplus]
        try:
            await self._commit(tenant, trace, deletes)
        except LeaseGone:
            self._lease_until = 0.0
            await self._commit(tenant, trace, deletes)

    async def _commit(self, tenant: TenantStore, trace: LaunchTrace, deletes: list[SealedOperation]) -> None:
        lease = await self._shared_lease()
        put = tenant.put(("trace", trace.reference), trace.to_json(), lease=lease)
        await commit(self._stores, put, *deletes)

    async def _shared_lease(self) -> int:
        now = self._clock.monotonic()
        if now >= self._lease_until:
            self._lease = (await self._stores.grid.lease(LIFETIME_SECONDS + LEASE_SHARED_SECONDS)).id
            self._lease_until = now + LEASE_SHARED_SECONDS
        return self._lease

    async def _kept_of(self, tenant_id: str, tenant: TenantStore) -> _Kept:
        kept = self._kept.get(tenant_id)
        if kept is None or kept.added >= RECOUNT_AFTER:
            records = sorted(await tenant.list("trace"), key=lambda record: record.mod_revision)
            kept = self._kept[tenant_id] = _Kept([record.path[1] for record in records])
        return kept


class _Kept:
    """References of the traces that a tenant has, oldest first."""

    MOST_DELETED_AT_ONCE = 50

    def __init__(self, references: list[str]) -> None:
        self._references = deque(references)
        self.added = 0

    def add(self, reference: str, maximum: int) -> list[str]:
        """The references that have to go for it."""
        self.added += 1
        if reference in self._references:
            self._references.remove(reference)
        self._references.append(reference)
        count = min(max(0, len(self._references) - maximum), self.MOST_DELETED_AT_ONCE)
        return [self._references.popleft() for _ in range(count)]
