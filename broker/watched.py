"""What those who watch this broker see: the readings of its metrics, and whether it may be given work."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from broker.grid.metered import MeteredGrid
from broker.hosts.registry import ChannelRegistry
from broker.repositories.gateways import Gateways
from broker.repositories.hosts import Hosts
from broker.repositories.session_index import SessionIndex
from broker.snapshot import Snapshot
from portcullis import metrics as table
from portcullis.clock import Clock
from portcullis.measuring import Metrics

ANSWER_SECONDS = 20.0
"""The broker renews its own liveness every 5 s."""
LAG_SECONDS = 5.0


class Readiness:
    """`trouble` says why this broker should get no work now."""

    def __init__(
        self,
        grid: MeteredGrid,
        snapshot: Snapshot,
        clock: Clock,
        clock_trouble: Callable[[], str | None] = lambda: None,
    ) -> None:
        self._grid = grid
        self._snapshot = snapshot
        self._clock = clock
        self._clock_trouble = clock_trouble
        self._behind_since: float | None = None

    @property
    def lag(self) -> int:
        return max(0, self._grid.revision - self._snapshot.revision)

    def trouble(self) -> list[str]:
        now = self._clock.monotonic()
        if self.lag == 0:
            self._behind_since = None
        elif self._behind_since is None:
            self._behind_since = now
        found = []
        if self._grid.failing:
            found.append("the grid did not take the last write")
        elif now - self._grid.answered_at > ANSWER_SECONDS:
            found.append(f"the grid has not answered for {now - self._grid.answered_at:.0f} s")
        if self._behind_since is not None and now - self._behind_since > LAG_SECONDS:
            found.append(f"the snapshot stands still at revision {self._snapshot.revision}")
        if clock_trouble := self._clock_trouble():
            found.append(clock_trouble)
        return found


class Readings:
    """Gauges, taken from the snapshot when somebody asks."""

    def __init__(
        self,
        snapshot: Snapshot,
        sessions: SessionIndex,
        hosts: Hosts,
        gateways: Gateways,
        registry: ChannelRegistry,
        readiness: Readiness,
    ) -> None:
        self._snapshot = snapshot
        self._sessions = sessions
        self._hosts = hosts
        self._gateways = gateways
        self._registry = registry
        self._readiness = readiness

    def offer(self, metrics: Metrics) -> None:
        metrics.read(table.SESSIONS, self.sessions)
        metrics.read(table.HOSTS, self.hosts)
        metrics.read(table.GATEWAYS, self.gateways)
        metrics.read(table.SLOTS, self.slots)
        metrics.read(table.CHANNELS, lambda: len(self._registry))
        metrics.read(table.GRID_REVISION, lambda: self._snapshot.revision)
        metrics.read(table.GRID_LAG, lambda: self._readiness.lag)

    def sessions(self) -> dict[tuple[str, ...], float]:
        found = self._sessions.states
        return {(state,): found[state] for state in {*table.STATES, *found}}

    def hosts(self) -> dict[tuple[str, ...], float]:
        found = Counter({"online": 0, "offline": 0, "draining": 0})
        live = self._hosts.live_ids()
        for host in self._hosts.list():
            if not host.revoked:
                found["offline" if host.id not in live else "draining" if host.draining else "online"] += 1
        return {(state,): number for state, number in found.items()}

    def gateways(self) -> dict[tuple[str, ...], float]:
        there = [gateway for gateway in self._gateways.list() if not gateway.revoked]
        online = sum(self._gateways.is_live(gateway.id) for gateway in there)
        return {("online",): online, ("offline",): len(there) - online}

    def slots(self) -> dict[tuple[str, ...], float]:
        live = self._hosts.live_ids()
        hosts = [host for host in self._hosts.list() if host.id in live and not host.revoked]
        taken = {host.id: self._snapshot.count("site", "slot", host.id) for host in hosts}
        free = sum(max(0, host.slots - taken[host.id]) for host in hosts if not host.draining)
        return {("taken",): sum(taken.values()), ("free",): free}
