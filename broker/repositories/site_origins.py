"""The public origins that are the site's own, beside those that its gateways registered."""

from __future__ import annotations

from dataclasses import replace

from broker.grid.scopes import Stores
from broker.repositories.committing import commit
from broker.snapshot import Snapshot
from portcullis.errors import Unavailable
from portcullis.model.tenant import Site

_META = ("meta",)
_TRIES = 4


class SiteOrigins:
    def __init__(self, stores: Stores, snapshot: Snapshot) -> None:
        self._stores = stores
        self._snapshot = snapshot

    def get(self) -> tuple[str, ...]:
        record = self._snapshot.get("site", _META)
        return Site.from_json(record.value).public_origins if record else ()

    async def put(self, origins: tuple[str, ...]) -> int:
        """The revision with which it holds. Raises Unavailable."""
        for _ in range(_TRIES):
            record = await self._stores.site.get(_META)
            if record is None:
                break
            site = replace(Site.from_json(record.value), public_origins=origins)
            put = self._stores.site.put(_META, {**record.value, **site.to_json()})
            result = await commit(self._stores, put, conditions=[self._stores.site.unchanged(record)])
            await self._snapshot.until(result.revision)
            if result.succeeded or self.get() == origins:
                return result.revision
        raise Unavailable()
