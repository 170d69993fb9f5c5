"""The site's hosts as placement sees them, kept up with the snapshot: a launch makes none of them anew.

Each change of a host, its slots, its sessions or its liveness marks that host alone; the next look makes it anew. Load
samples come with the heartbeats, not through the grid: a task goes over them each second, a few at a time. What comes
out is exactly what one would make of the snapshot from scratch.
"""

from __future__ import annotations

import asyncio
import itertools
from bisect import bisect_left, insort
from collections import defaultdict
from collections.abc import Iterable

from broker.grid.scopes import Record
from broker.hosts.loads import HostLoads
from broker.launch.placement import Candidate
from broker.repositories.session_index import SessionIndex
from broker.snapshot import Change, Snapshot
from portcullis.model.host import Host
from portcullis.tasks import cancel_and_wait, spawn

REFRESH_SECONDS = 1.0
PARTS = 10
"""A refresh goes over the hosts in so many steps: none holds up a launch."""


class HostIndex:
    """Its owner subscribes `sessions` first: it is told of a change before this one is."""

    def __init__(self, snapshot: Snapshot, sessions: SessionIndex, loads: HostLoads) -> None:
        self._snapshot = snapshot
        self._sessions = sessions
        self._loads = loads
        self._taken: defaultdict[str, set[int]] = defaultdict(set)
        self._parsed: dict[str, tuple[int, Host]] = {}
        self._ids: list[str] = []
        self._candidates: list[Candidate] = []
        self._marked: set[str] = set()
        self._task: asyncio.Task[None] | None = None
        for record in snapshot.list("site", "slot"):
            self._taken[record.path[1]].add(int(record.path[2]))
        self._marked.update(record.path[1] for record in snapshot.list("site", "host"))
        snapshot.subscribe(self._changed)

    def start(self) -> None:
        self._task = spawn(self._run(), name="launch-loads")

    async def stop(self) -> None:
        await cancel_and_wait(self._task)

    def candidates(self) -> list[Candidate]:
        """All hosts of the site, in the order of their ids."""
        self._bring_up()
        return self._candidates.copy()

    def position(self, host_id: str) -> int | None:
        """Of the host in `candidates()`."""
        place = bisect_left(self._ids, host_id)
        return place if place < len(self._ids) and self._ids[place] == host_id else None

    def refresh_loads(self, part: slice = slice(None)) -> None:
        """Take over the loads of these hosts that are others than they were, or not known any more."""
        for candidate in self._candidates[part]:
            if self._loads.get(candidate.host.id) != candidate.load:
                self._marked.add(candidate.host.id)
        self._bring_up()

    async def _run(self) -> None:
        for number in itertools.count():
            await asyncio.sleep(REFRESH_SECONDS / PARTS)
            self.refresh_loads(slice(number % PARTS, None, PARTS))

    def _bring_up(self) -> None:
        if self._marked:
            self._renew(self._marked)
            self._marked.clear()

    def _changed(self, change: Change) -> None:
        match change.path:
            case ("session", _):
                for record in (change.record, change.previous):
                    if record is not None:
                        self._marked.add(record.value["host_id"])
            case ("slot", host_id, slot):
                (self._taken[host_id].discard if change.record is None else self._taken[host_id].add)(
                    int(slot)
                )
                self._marked.add(host_id)
            case ("host", host_id) | ("live", "host", host_id):
                self._marked.add(host_id)

    def _renew(self, host_ids: Iterable[str]) -> None:
        for host_id in host_ids:
            record = self._snapshot.get("site", ("host", host_id))
            place = self.position(host_id)
            if record is None:
                self._drop(host_id, place)
            elif place is None:
                insort(self._ids, host_id)
                self._candidates.insert(bisect_left(self._ids, host_id), self._candidate(record))
            else:
                self._candidates[place] = self._candidate(record)

    def _drop(self, host_id: str, place: int | None) -> None:
        self._parsed.pop(host_id, None)
        if place is not None:
            del self._ids[place], self._candidates[place]

    def _candidate(self, record: Record) -> Candidate:
        host = self._host(record)
        live = self._snapshot.get("site", ("live", "host", host.id))
        return Candidate(
            host,
            live=live is not None,
            taken=frozenset(self._taken.get(host.id, ())),
            load=self._loads.get(host.id),
            on_their_way=self._sessions.starting(host.id) + len(self._sessions.unaccepted(host.id)),
            features=_features(live),
        )

    def _host(self, record: Record) -> Host:
        known = self._parsed.get(record.path[1])
        if known is None or known[0] != record.mod_revision:
            known = self._parsed[record.path[1]] = (record.mod_revision, Host.from_json(record.value))
        return known[1]


def _features(live: Record | None) -> frozenset[str]:
    return frozenset() if live is None else frozenset(live.value.get("features", ()))
