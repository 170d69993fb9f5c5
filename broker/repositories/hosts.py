"""Hosts and their liveness: the record is configuration, the live record is bound to a lease of 12 s.

The lease's id stands in the live record, so that the next broker that holds the host's channel carries it on.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from broker.grid.grid import LeaseGone
from broker.grid.scopes import Record, Stores
from broker.repositories.committing import commit
from broker.snapshot import Snapshot
from portcullis.errors import Refused, Unavailable
from portcullis.model.host import Host, Isolation, LiveHost

LEASE_SECONDS = 12
"""Its heartbeat comes each 5 s. A host without power counts as gone within 15 s, the grid's own slowness included."""
ATTEMPTS_ON_CONFLICT = 8


class Moved(Exception):
    """The host holds its channel to another broker."""


class Hosts:
    def __init__(self, stores: Stores, snapshot: Snapshot) -> None:
        self._stores = stores
        self._snapshot = snapshot

    def get(self, host_id: str) -> Host | None:
        record = self._snapshot.get("site", ("host", host_id))
        return Host.from_json(record.value) if record else None

    def list(self) -> list[Host]:
        return [Host.from_json(record.value) for record in self._snapshot.list("site", "host")]

    def live(self, host_id: str) -> LiveHost | None:
        record = self._snapshot.get("site", live_path(host_id))
        return LiveHost.from_json(record.value) if record else None

    def is_live(self, host_id: str) -> bool:
        return self._snapshot.get("site", live_path(host_id)) is not None

    def live_ids(self) -> set[str]:
        return {record.path[2] for record in self._snapshot.list("site", "live", "host")}

    async def take_facts(self, host_id: str, slots: int, isolation: Isolation, starting_limit: int) -> None:
        """What the host says of itself. Raises Unavailable. One that was removed meanwhile is left alone."""
        for _ in range(ATTEMPTS_ON_CONFLICT):
            record = self._snapshot.get("site", ("host", host_id))
            if record is None:
                return
            site = self._stores.site
            known = Host.from_json(record.value)
            changed = replace(known, slots=slots, isolation=isolation, starting_limit=starting_limit)
            put = site.put(("host", host_id), changed.to_json(), author="host")
            result = await commit(self._stores, put, conditions=[site.unchanged(record)])
            await self._snapshot.until(result.revision)
            if result.succeeded:
                return
        raise Unavailable()

    def revision(self, host_id: str) -> int:
        """Of its last change; 0: there is none."""
        record = self._snapshot.get("site", ("host", host_id))
        return record.mod_revision if record else 0

    async def set_groups(
        self, host_id: str, groups: frozenset[str], author: str, expected: int | None = None
    ) -> tuple[Host, int]:
        """The host as it is then, and the grid's revision. `expected`: its revision as it was read. Raises Refused:
        not_found, changed_meanwhile; Unavailable.
        """
        return await self.change(host_id, lambda known: replace(known, groups=groups), author, expected)

    async def change(
        self, host_id: str, change: Callable[[Host], Host], author: str, expected: int | None = None
    ) -> tuple[Host, int]:
        """As `set_groups`; also raises what `change` does."""
        for _ in range(ATTEMPTS_ON_CONFLICT):
            record = self._snapshot.get("site", ("host", host_id))
            if record is None:
                raise Refused("not_found")
            if expected is not None and expected != record.mod_revision:
                raise Refused("changed_meanwhile")
            known = Host.from_json(record.value)
            changed = change(known)
            if changed == known:
                return known, self._snapshot.revision
            site = self._stores.site
            put = site.put(record.path, changed.to_json(), author=author)
            result = await commit(self._stores, put, conditions=[site.unchanged(record)])
            await self._snapshot.until(result.revision)
            if result.succeeded:
                return changed, result.revision
        raise Unavailable()

    async def announce(
        self,
        host_id: str,
        incarnation: str,
        broker_id: str,
        version: str,
        features: frozenset[str] = frozenset(),
        *,
        only_if_absent: bool = False,
    ) -> LiveHost:
        """The host's agent holds a channel to this broker now: the newest to say so is believed. A broker that
        has said so before and lost the lease says it `only_if_absent`, for the host may be elsewhere by now.

        Raises Moved, Unavailable, GridUnavailable.
        """
        site, path = self._stores.site, live_path(host_id)
        lease = None if only_if_absent else await self._carried_on(self._snapshot.get("site", path))
        if lease is None:
            lease = (await self._stores.grid.lease(LEASE_SECONDS)).id
        live = LiveHost(host_id, incarnation, broker_id, version, lease, features)
        conditions = [site.absent(path)] if only_if_absent else []
        result = await commit(
            self._stores, site.put(path, live.to_json(), lease=lease), conditions=conditions
        )
        await self._snapshot.until(result.revision)
        if not result.succeeded:
            return await self._as_announced(live)
        return live

    async def _as_announced(self, live: LiveHost) -> LiveHost:
        """By a first attempt whose outcome was unknown; else somebody was faster. Raises Moved."""
        record = await self._stores.site.get(live_path(live.host_id))
        if record is None or record.value != live.to_json():
            raise Moved
        return live

    async def keep_alive(self, live: LiveHost) -> None:
        """Raises LeaseGone: the host counts as offline and is to be announced again."""
        await self._stores.grid.keep_alive(live.lease)

    async def _carried_on(self, record: Record | None) -> int | None:
        if record is None:
            return None
        lease = LiveHost.from_json(record.value).lease
        try:
            await self._stores.grid.keep_alive(lease)
        except LeaseGone:
            return None
        return lease


def live_path(host_id: str) -> tuple[str, ...]:
    return ("live", "host", host_id)
