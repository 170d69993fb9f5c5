"""Jobs that one broker of the site does: `site/job/<name>`, bound to the broker's lease.

Holding such a key proves nothing by itself: a broker that was paused goes on believing in it. What proves it is the
key's create revision, which each write of the job compares (`fence`): the write of a former holder fails, whenever it
comes. When the holder dies the key goes with its lease, and the first broker to see that takes the job.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Awaitable, Callable

from broker.grid.grid import GridError
from broker.grid.scopes import Condition, Stores
from broker.repositories.committing import commit
from broker.snapshot import Snapshot
from portcullis.errors import PortcullisError
from portcullis.logs import ids
from portcullis.tasks import cancel_and_wait, spawn

log = logging.getLogger(__name__)

Work = Callable[[Condition], Awaitable[None]]
"""One round of the job. Every write of it names the fence among its conditions."""


class Job:
    def __init__(
        self,
        name: str,
        stores: Stores,
        snapshot: Snapshot,
        work: Work,
        *,
        period_seconds: float,
        lease: Callable[[], int],
        may_hold: Callable[[], bool] = lambda: True,
        holder: str = "",
    ) -> None:
        """`lease`: of this broker's liveness. `may_hold`: a broker that drains gives its jobs away."""
        self._path = ("job", name)
        self._stores = stores
        self._snapshot = snapshot
        self._work = work
        self._period_seconds = period_seconds
        self._lease = lease
        self._may_hold = may_hold
        self._holder = holder
        self._token = 0
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = spawn(self._run(), name=f"job-{self._path[1]}")

    async def stop(self) -> None:
        """The key goes with the broker's lease."""
        await cancel_and_wait(self._task)

    @property
    def is_held(self) -> bool:
        return self._token != 0

    async def round(self) -> None:
        """Take the job if it is free, do one round of it if it is ours. Raises GridError, PortcullisError."""
        if not self._may_hold():
            await self._give_up()
        elif await self._hold():
            await self._work(self._stores.site.created_at(self._path, self._token))

    async def _run(self) -> None:
        while True:
            try:
                await self.round()
            except (GridError, PortcullisError) as exc:
                log.warning("a round of the job is put off: %s", exc, extra=ids(job=self._path[1]))
            await asyncio.sleep(self._period_seconds)

    async def _hold(self) -> bool:
        known = self._snapshot.get("site", self._path)
        if self._token and (known is None or known.create_revision != self._token):
            log.warning("the job went to another broker", extra=ids(job=self._path[1]))
            self._token = 0
        if known is None:
            await self._take()
        return self.is_held

    async def _take(self) -> None:
        value = {"broker": self._holder, "nonce": secrets.token_hex(8)}
        put = self._stores.site.put(self._path, value, lease=self._lease())
        result = await commit(self._stores, put, conditions=[self._stores.site.absent(self._path)])
        await self._snapshot.until(result.revision)
        record = await self._stores.site.get(self._path)
        if record is not None and record.value == value:  # also where the outcome was unknown at first
            self._token = record.create_revision
            log.info("this broker does the job", extra=ids(job=self._path[1], broker=self._holder))

    async def _give_up(self) -> None:
        if not self.is_held:
            return
        site, token = self._stores.site, self._token
        await commit(self._stores, site.delete(self._path), conditions=[site.created_at(self._path, token)])
        self._token = 0
