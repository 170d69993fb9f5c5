"""What this broker tells the others of itself."""

from __future__ import annotations

import os
from collections.abc import Callable

from broker.gateways.registry import GatewayRegistry
from broker.hosts.loads import HostLoads
from broker.hosts.registry import ChannelRegistry
from broker.peers.message import GatewayLoad, Orphan, PeerState
from broker.presence import Presence
from broker.snapshot import Snapshot


class Myself:
    def __init__(
        self,
        presence: Presence,
        snapshot: Snapshot,
        loads: HostLoads,
        channels: ChannelRegistry,
        gateways: GatewayRegistry,
        lag: Callable[[], int],
        is_degraded: Callable[[], bool],
        revocations: Callable[[], tuple[str, ...]] = tuple,
    ) -> None:
        """`lag`: how many revisions the snapshot is behind what this broker knows of the grid."""
        self._presence = presence
        self._snapshot = snapshot
        self._loads = loads
        self._channels = channels
        self._gateways = gateways
        self._lag = lag
        self._is_degraded = is_degraded
        self._revocations = revocations

    def state(self) -> PeerState:
        me = self._presence.me
        return PeerState(
            broker=me.id,
            name=me.name,
            address=me.address,
            version=me.version,
            started=me.started,
            revision=self._snapshot.revision,
            lag=self._lag(),
            degraded=self._is_degraded(),
            draining=me.draining,
            load=os.getloadavg()[0] / (os.cpu_count() or 1),
            hosts=self._loads.own(),
            gateways={
                gateway_id: GatewayLoad(said.streams, said.load, said.draining)
                for gateway_id, said in self._gateways.states.items()
            },
            orphans=self._orphans(),
            revocations=self._revocations(),
        )

    def _orphans(self) -> tuple[Orphan, ...]:
        return tuple(
            Orphan(host_id, report.session, report.tenant, report.state)
            for host_id, channel in self._channels.items()
            for report in channel.orphans()
        )
