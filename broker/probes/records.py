"""Probes in the grid: `t/<tid>/probe/<application id>`, and the session that one has under way, `.../probing/<id>`.

The latter is how the next prober knows a session that its predecessor left when it died: it alone is ended, for any
other session of the user may be somebody's at work.
"""

from __future__ import annotations

from collections.abc import Iterator

from broker.grid.scopes import Stores
from broker.probes.result import Probe
from broker.repositories.committing import commit
from broker.snapshot import Snapshot


class Probes:
    def __init__(self, stores: Stores, snapshot: Snapshot) -> None:
        self._stores = stores
        self._snapshot = snapshot

    def all(self) -> Iterator[tuple[str, Probe]]:
        """Of every tenant, with its id."""
        for tenant in self._snapshot.tenants():
            for probe in self.list(tenant.path[1]):
                yield tenant.path[1], probe

    def list(self, tenant_id: str) -> list[Probe]:
        return [
            Probe.from_json(record.path[1], record.value)
            for record in self._snapshot.list(tenant_id, "probe")
        ]

    def get(self, tenant_id: str, application_id: str) -> Probe | None:
        record = self._snapshot.get(tenant_id, ("probe", application_id))
        return None if record is None else Probe.from_json(application_id, record.value)

    async def put(self, tenant_id: str, probe: Probe, author: str) -> int:
        """Answers with the grid's revision."""
        store = await self._stores.tenant(tenant_id)
        put = store.put(("probe", probe.application_id), probe.to_json(), author=author)
        return (await commit(self._stores, put)).revision

    async def delete(self, tenant_id: str, application_id: str, author: str) -> int:
        """Answers with the grid's revision."""
        store = await self._stores.tenant(tenant_id)
        deletes = [store.delete((kind, application_id), author=author) for kind in ("probe", "probing")]
        return (await commit(self._stores, *deletes)).revision

    def under_way(self, tenant_id: str, application_id: str) -> str:
        """The id of the session that a probe launched last; empty: none is known."""
        record = self._snapshot.get(tenant_id, ("probing", application_id))
        return "" if record is None else str(record.value.get("session", ""))

    async def note(self, tenant_id: str, application_id: str, session: str) -> None:
        store = await self._stores.tenant(tenant_id)
        put = store.put(("probing", application_id), {"session": session})
        await self._snapshot.until((await commit(self._stores, put)).revision)
