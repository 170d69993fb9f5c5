"""Events of a tenant that was deleted go with it, copies of them too: from each broker that hears of it, and from one
that was away when it comes back.

That a tenant is not in the grid is no reason alone, since a grid may have been restored to before it: its history must
say that it was deleted.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from broker.audit.audit import Audit
from broker.grid.grid import GridError
from broker.grid.scopes import Stores
from broker.snapshot import Change, Snapshot
from portcullis.errors import Unavailable
from portcullis.logs import ids
from portcullis.tasks import cancel_and_wait, spawn

log = logging.getLogger(__name__)


class Forgetting:
    def __init__(self, audit: Audit, stores: Stores, snapshot: Snapshot) -> None:
        self._audit = audit
        self._stores = stores
        self._snapshot = snapshot
        self._gone: asyncio.Queue[str] = asyncio.Queue()
        self._unsubscribe: Callable[[], None] = lambda: None
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._unsubscribe = self._snapshot.subscribe(self._changed)
        self._task = spawn(self._run(), name="audit of deleted tenants")

    async def stop(self) -> None:
        self._unsubscribe()
        await cancel_and_wait(self._task)

    def _changed(self, change: Change) -> None:
        if change.scope == "site" and change.path[0] == "tenant" and change.record is None:
            self._gone.put_nowait(change.path[1])

    async def _run(self) -> None:
        try:
            for tenant_id in await self._audit.read(lambda store: store.tenants()):
                if self._snapshot.get("site", ("tenant", tenant_id)) is None and await self._was_deleted(
                    tenant_id
                ):
                    self._gone.put_nowait(tenant_id)
        except (GridError, Unavailable) as exc:
            log.warning("events of deleted tenants are looked for at the next start: %s", exc)
        while True:
            await self._forget(await self._gone.get())

    async def _was_deleted(self, tenant_id: str) -> bool:
        past = await self._stores.site.list("history", "tenant", tenant_id)
        newest = max(past, key=lambda record: record.mod_revision, default=None)
        return newest is not None and newest.value.get("value") is None

    async def _forget(self, tenant_id: str) -> None:
        try:
            await self._audit.forget(tenant_id)
        except Unavailable as exc:
            log.warning(
                "events of a deleted tenant stay until the next start: %s", exc, extra=ids(tenant=tenant_id)
            )
        else:
            log.info("the events of a deleted tenant are gone", extra=ids(tenant=tenant_id))
