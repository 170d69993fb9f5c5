"""This broker among the brokers of the site: a live record on a lease of 15 s.

What an earlier broker of the same address left is removed: it died without a word. One task keeps the lease
alive; when the grid has let it go meanwhile, the record is written anew.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from broker.grid.grid import GridError, LeaseGone
from broker.grid.scopes import SealedOperation, Stores
from broker.repositories.committing import commit
from broker.snapshot import Snapshot
from portcullis.clock import Clock
from portcullis.errors import Unavailable
from portcullis.settings import Address
from portcullis.tasks import cancel_and_wait, spawn

log = logging.getLogger(__name__)

LEASE_SECONDS = 15
KEEP_ALIVE_SECONDS = 5.0


class Presence:
    def __init__(
        self,
        stores: Stores,
        snapshot: Snapshot,
        clock: Clock,
        broker_id: str,
        version: str,
        is_failing: Callable[[], bool] = lambda: False,
    ) -> None:
        """`is_failing`: whether the last write failed. Then this one, which nothing hangs on, tries the next."""
        self._stores = stores
        self._snapshot = snapshot
        self._clock = clock
        self._path = ("live", "broker", broker_id)
        self._version = version
        self._is_failing = is_failing
        self._address: Address | None = None
        self._lease = 0
        self._task: asyncio.Task[None] | None = None

    async def start(self, address: Address) -> None:
        """Raises Unavailable, GridUnavailable."""
        self._address = address
        await self._announce()
        self._task = spawn(self._run(), name="broker-presence")

    async def stop(self) -> None:
        """Other brokers, gateways and hosts learn at once that this one is gone."""
        await cancel_and_wait(self._task)
        try:
            await self._stores.grid.revoke(self._lease)
        except GridError as exc:
            log.warning("this broker counts as live until its lease ends: %s", exc)

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(KEEP_ALIVE_SECONDS)
            try:
                await self._keep_alive()
            except (GridError, Unavailable) as exc:
                log.warning("the broker's liveness is not renewed: %s", exc)

    async def _keep_alive(self) -> None:
        try:
            await self._stores.grid.keep_alive(self._lease)
        except LeaseGone:
            await self._announce()
        else:
            if self._is_failing():
                await commit(self._stores, self._record())

    async def _announce(self) -> None:
        self._lease = (await self._stores.grid.lease(LEASE_SECONDS)).id
        site = self._stores.site
        others = (
            record for record in self._snapshot.list("site", "live", "broker") if record.path != self._path
        )
        stale = [site.delete(other.path) for other in others if other.value["address"] == str(self._address)]
        result = await commit(self._stores, self._record(), *stale)
        await self._snapshot.until(result.revision)

    def _record(self) -> SealedOperation:
        value = {"address": str(self._address), "version": self._version, "started": self._clock.now()}
        return self._stores.site.put(self._path, value, lease=self._lease)
