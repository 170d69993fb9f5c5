"""This broker among the brokers of the site: a live record on a lease of 15 s, and a known record that outlives it.

The live record says whether the broker drains; whichever broker is asked to drain this one writes that into it, and
it is heard here by the watch. The known record, by the broker's name, lasts a day after a death, so that somebody is
told who is missing. What an earlier broker of the same address left is removed: it died without a word. One task
keeps the leases alive; when the grid has let one go meanwhile, the record is written anew.

The lease also holds the singleton jobs of this broker (`jobs`): they pass on with its life.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from broker.grid.grid import GridError, LeaseGone
from broker.grid.scopes import Record, SealedOperation, Stores
from broker.live_brokers import LiveBroker, live_path
from broker.repositories.committing import commit
from broker.snapshot import Change, Snapshot
from portcullis.clock import Clock
from portcullis.errors import Unavailable
from portcullis.ids import name_hash
from portcullis.logs import ids
from portcullis.settings import Address
from portcullis.tasks import cancel_and_wait, spawn

log = logging.getLogger(__name__)

LEASE_SECONDS = 15
KEEP_ALIVE_SECONDS = 5.0
KNOWN_SECONDS = 24 * 3600
KEEP_KNOWN_SECONDS = 3600.0


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
        self._id = broker_id
        self._path = live_path(broker_id)
        self._version = version
        self._is_failing = is_failing
        self._name = ""
        self._address: Address | None = None
        self._started = clock.now()
        self._known_at = 0.0
        self._known_lease = 0
        self._task: asyncio.Task[None] | None = None
        self._unsubscribe: Callable[[], None] = lambda: None
        self._callbacks: list[Callable[[], None]] = []
        self.lease = 0
        self.draining = False

    @property
    def me(self) -> LiveBroker:
        """As it is told to others, once it has started."""
        address = str(self._address)
        return LiveBroker(
            self._id,
            self._name or address,
            address,
            self._version,
            self._started,
            self.draining,
            changes_keys=True,
        )

    def on_draining(self, callback: Callable[[], None]) -> None:
        """Call `callback` whenever `draining` has changed."""
        self._callbacks.append(callback)

    async def start(self, address: Address, name: str = "") -> None:
        """Raises Unavailable, GridUnavailable."""
        self._address, self._name = address, name
        await self._announce()
        self._unsubscribe = self._snapshot.subscribe(self._changed)
        self._task = spawn(self._run(), name="broker-presence")

    async def stop(self) -> None:
        """Other brokers, gateways and hosts learn at once that this one is gone, and that it meant to."""
        self._unsubscribe()
        await cancel_and_wait(self._task)
        try:
            await self._stores.grid.revoke(self._known_lease)
            await self._stores.grid.revoke(self.lease)
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
            await self._stores.grid.keep_alive(self.lease)
            await self._keep_known()
        except LeaseGone:
            await self._announce()
        else:
            if self._is_failing():
                await self._write_again()

    async def _keep_known(self) -> None:
        if self._clock.monotonic() - self._known_at >= KEEP_KNOWN_SECONDS:
            await self._stores.grid.keep_alive(self._known_lease)
            self._known_at = self._clock.monotonic()

    async def _write_again(self) -> None:
        """Unless another broker has just written it, which shows as well that the grid takes writes."""
        record = self._snapshot.get("site", self._path)
        if record is not None:
            await commit(self._stores, self._record(), conditions=[self._stores.site.unchanged(record)])

    async def _announce(self) -> None:
        self.lease = (await self._stores.grid.lease(LEASE_SECONDS)).id
        self._known_lease = await self._lease_of_known()
        self._known_at = self._clock.monotonic()
        result = await commit(self._stores, self._record(), self._known(), *self._left_here())
        await self._snapshot.until(result.revision)

    async def _lease_of_known(self) -> int:
        """That of an earlier broker of this name is carried on."""
        record = await self._stores.site.get(self._known_path)
        if record is not None and record.lease:
            try:
                await self._stores.grid.keep_alive(record.lease)
            except LeaseGone:
                pass
            else:
                return record.lease
        return (await self._stores.grid.lease(KNOWN_SECONDS)).id

    def _left_here(self) -> list[SealedOperation]:
        """What earlier brokers of this address left."""
        there = self._snapshot.list("site", "live", "broker") + self._snapshot.list("site", "broker")
        return [self._stores.site.delete(other.path) for other in there if self._is_stale(other)]

    def _is_stale(self, record: Record) -> bool:
        ours = record.path in (self._path, self._known_path)
        return not ours and record.value["address"] == str(self._address)

    @property
    def _known_path(self) -> tuple[str, ...]:
        return ("broker", name_hash(self.me.name))

    def _record(self) -> SealedOperation:
        return self._stores.site.put(self._path, self.me.to_json(), lease=self.lease)

    def _known(self) -> SealedOperation:
        value = {"name": self.me.name, "address": self.me.address, "version": self._version}
        return self._stores.site.put(self._known_path, value, lease=self._known_lease)

    def _changed(self, change: Change) -> None:
        if change.scope != "site" or change.path != self._path or change.record is None:
            return
        draining = bool(change.record.value.get("draining", False))
        if draining != self.draining:
            self.draining = draining
            log.info(
                "this broker drains" if draining else "this broker serves again", extra=ids(broker=self._id)
            )
            for callback in self._callbacks:
                callback()
