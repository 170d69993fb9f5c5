"""What this broker tells the others of itself."""

from __future__ import annotations

import os
from collections.abc import Callable

from broker.gateways.registry import GatewayRegistry
from broker.hosts.loads import HostLoads
from broker.hosts.registry import ChannelRegistry
from broker.peers.clock_guard import ClockGuard
from broker.peers.lag import Lag
from broker.peers.message import GatewayLoad, Orphan, PeerState
from broker.presence import Presence
from broker.sessions.figures import SessionFigures
from broker.snapshot import Snapshot


class Myself:
    def __init__(
        self,
        presence: Presence,
        snapshot: Snapshot,
        loads: HostLoads,
        figures: SessionFigures,
        channels: ChannelRegistry,
        gateways: GatewayRegistry,
        newest: Callable[[], int],
        clock: ClockGuard,
        is_degraded: Callable[[], bool],
        revocations: Callable[[], tuple[str, ...]] = tuple,
        audit: Callable[[], str] = str,
    ) -> None:
        """`newest`: the highest revision that this broker has heard of."""
        self._presence = presence
        self._snapshot = snapshot
        self._loads = loads
        self._figures = figures
        self._channels = channels
        self._gateways = gateways
        self._newest = newest
        self._clock = clock
        self._lag = Lag(clock)
        self._is_degraded = is_degraded
        self._revocations = revocations
        self._audit = audit

    def state(self) -> PeerState:
        me, reached, newest = self._presence.me, self._snapshot.revision, self._newest()
        self._lag.look(reached, newest)
        return PeerState(
            broker=me.id,
            name=me.name,
            address=me.address,
            version=me.version,
            started=me.started,
            time=self._clock.own(),
            revision=reached,
            lag=max(0, newest - reached),
            lag_seconds=self._lag.seconds,
            degraded=self._is_degraded(),
            draining=me.draining,
            audit=self._audit(),
            load=os.getloadavg()[0] / (os.cpu_count() or 1),
            hosts=self._loads.own(),
            gateways={
                gateway_id: GatewayLoad(said.streams, said.load, said.draining)
                for gateway_id, said in self._gateways.states.items()
            },
            orphans=self._orphans(),
            revocations=self._revocations(),
            sessions=self._figures.own(),
        )

    def _orphans(self) -> tuple[Orphan, ...]:
        return tuple(
            Orphan(host_id, report.session, report.tenant, report.state)
            for host_id, channel in self._channels.items()
            for report in channel.orphans()
        )
