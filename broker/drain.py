"""Draining: a host takes no new session, a gateway gives its streams away, a broker its channels; nobody loses work.

The wish stands in the record of the host or gateway, and in the live record of the broker (it ends with that process:
whoever starts it again wants it to serve). Every part acts on what it sees there.
"""

from __future__ import annotations

from broker.grid.keys import Path
from broker.grid.scopes import Stores
from broker.live_brokers import live_path
from broker.repositories.committing import commit
from broker.snapshot import Snapshot
from portcullis.errors import Refused, Unavailable

ATTEMPTS_ON_CONFLICT = 8


class Drains:
    def __init__(self, stores: Stores, snapshot: Snapshot) -> None:
        self._stores = stores
        self._snapshot = snapshot

    async def host(self, host_id: str, draining: bool, author: str) -> int:
        """The grid's revision with the change. Raises Refused("not_found"), Unavailable; so do the others."""
        return await self._set(("host", host_id), draining, author)

    async def gateway(self, gateway_id: str, draining: bool, author: str) -> int:
        return await self._set(("gateway", gateway_id), draining, author)

    async def broker(self, broker_id: str, draining: bool, author: str) -> int:
        return await self._set(live_path(broker_id), draining, author)

    async def _set(self, path: Path, draining: bool, author: str) -> int:
        site = self._stores.site
        for _ in range(ATTEMPTS_ON_CONFLICT):
            record = self._snapshot.get("site", path)
            if record is None:
                raise Refused("not_found")
            if bool(record.value.get("draining", False)) == draining:
                return self._snapshot.revision
            value = {**record.value, "draining": draining}
            put = site.put(path, value, lease=record.lease, author=author)
            result = await commit(self._stores, put, conditions=[site.unchanged(record)])
            await self._snapshot.until(result.revision)
            if result.succeeded:
                return result.revision
        raise Unavailable()
