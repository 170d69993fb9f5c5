"""The site as this broker sees it, put together when somebody asks: records, what the brokers told each other, and what
the members of the grid say. Nothing of it needs the grid to be writable.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from dataclasses import dataclass, field, replace

from broker.grid.grid import Grid, GridError, Member
from broker.hosts.loads import HostLoads
from broker.live_brokers import LiveBroker, LiveBrokers
from broker.peers.clock_guard import ClockGuard
from broker.peers.clocks import Verdict
from broker.peers.exchange import PeerExchange
from broker.peers.message import GatewayLoad, PeerState
from broker.pki.rotation import look
from broker.probes.health import ProbeHealth
from broker.repositories.gateways import Gateways
from broker.repositories.hosts import Hosts
from broker.repositories.sessions import Sessions
from broker.repositories.tenants import Tenants
from broker.sessions.figures import SessionFigures
from broker.snapshot import Snapshot
from broker.status.picture import (
    BrokerState,
    BrokerStatus,
    GatewayStatus,
    HostStatus,
    MachineState,
    Picture,
)
from broker.tenants import data_keys
from portcullis.model.host import Gateway, Host

log = logging.getLogger(__name__)

MEMBERS_SECONDS = 3.0
GRACE_SECONDS = 6.0
"""A broker that has just begun has told nobody yet."""


@dataclass(frozen=True, slots=True)
class StatusWatch:
    grid: Grid
    store_is_etcd: bool
    snapshot: Snapshot
    brokers: LiveBrokers
    exchange: PeerExchange
    loads: HostLoads
    figures: SessionFigures
    hosts: Hosts
    gateways: Gateways
    sessions: Sessions
    probes: ProbeHealth
    clock: ClockGuard
    version: str
    names: dict[str, str] = field(default_factory=dict)

    async def picture(self) -> Picture:
        members = await self._members()
        me = self.exchange.me()
        states = {me.broker: me, **{state.broker: state for state in self.exchange.states()}}
        said = _newest_of_gateways(list(states.values()))
        gateways = [self._gateway(gateway, said) for gateway in self.gateways.list() if not gateway.revoked]
        orphans = Counter(orphan.host for orphan in self.exchange.orphans())
        hosts = [self._host(host, orphans[host.id]) for host in self.hosts.list() if not host.revoked]
        return Picture(
            site=Tenants(self.snapshot).site().name,
            version=self.version,
            time=self.clock.now(),
            revision=self.snapshot.revision,
            degraded=me.degraded,
            store="etcd" if self.store_is_etcd else "embedded",
            members=members,
            brokers=tuple(sorted(self._brokers(states), key=lambda broker: broker.name)),
            gateways=tuple(sorted(gateways, key=lambda gateway: gateway.name)),
            hosts=tuple(sorted(hosts, key=lambda host: host.name)),
            probes=self.probes.look(Tenants(self.snapshot).list(), self.clock.now()),
            ca=look(self.snapshot, self.clock.now()),
            data_keys=data_keys.look(self.snapshot),
        )

    async def _members(self) -> tuple[Member, ...]:
        try:
            async with asyncio.timeout(MEMBERS_SECONDS):
                return tuple(self._named(member) for member in await self.grid.members())
        except (GridError, TimeoutError) as exc:
            log.warning("the members of the grid cannot be asked: %s", exc or type(exc).__name__)
            return ()

    def _named(self, member: Member) -> Member:
        """One that does not answer does not say its name: it is called as it was when it did."""
        if member.name:
            self.names[member.endpoint] = member.name
        return replace(member, name=self.names.get(member.endpoint, ""))

    def _brokers(self, states: dict[str, PeerState]) -> list[BrokerStatus]:
        live = {broker.id: broker for broker in self.brokers.live()}
        clocks = self.clock.verdicts(self.exchange.me().address)
        found = [self._speaking(state, *clocks.get(state.address, ("", 0.0))) for state in states.values()]
        for broker_id, broker in live.items():
            if broker_id not in states:
                found.append(_unheard(broker, self.clock.now()))
        there = {broker.name for broker in found}
        found += [
            BrokerStatus(known.name, known.address, known.version, "gone")
            for known in self.brokers.known()
            if known.name not in there
        ]
        return found

    def _speaking(self, state: PeerState, clock: Verdict, ahead: float) -> BrokerStatus:
        return BrokerStatus(
            state.name,
            state.address,
            state.version,
            "draining" if state.draining else "serving",
            state.started,
            state.revision,
            state.lag,
            state.lag_seconds,
            state.degraded,
            state.load,
            len(state.hosts),
            len(state.gateways),
            state.broker == self.exchange.me().broker,
            clock,
            round(ahead, 1),
            state.audit,
        )

    def _gateway(self, gateway: Gateway, said: dict[str, GatewayLoad]) -> GatewayStatus:
        load = said.get(gateway.id)
        return GatewayStatus(
            gateway.name,
            gateway.public_origin,
            _state(self.gateways.is_live(gateway.id), gateway.draining),
            load.streams if load else None,
            load.load if load else None,
        )

    def _host(self, host: Host, orphans: int) -> HostStatus:
        live, load = self.hosts.live(host.id), self.loads.get(host.id)
        sessions = self.sessions.index.of_host(host.id)
        told = [each for record in sessions if (each := self.figures.get(record.path[1])) is not None]
        bad = Counter(each.limit for each in told if each.is_bad)
        broker = self.brokers.get(live.broker_id) if live else None
        return HostStatus(
            host.name,
            _state(live is not None, host.draining),
            broker.name if broker else "",
            live.version if live else "",
            host.slots,
            len(sessions),
            load.cpu if load else None,
            load.memory_available_bytes if load else None,
            orphans,
            len(told),
            bad.total(),
            bad.most_common(1)[0][0] if bad else "",
        )


def _unheard(broker: LiveBroker, now: float) -> BrokerStatus:
    state: BrokerState = "silent"
    if abs(now - broker.started) < GRACE_SECONDS:
        state = "draining" if broker.draining else "serving"
    return BrokerStatus(broker.name, broker.address, broker.version, state, broker.started)


def _state(is_live: bool, draining: bool) -> MachineState:
    return "gone" if not is_live else "draining" if draining else "online"


def _newest_of_gateways(states: list[PeerState]) -> dict[str, GatewayLoad]:
    """A gateway tells every broker; the one that hears of most streams heard it last, or as good as."""
    found: dict[str, GatewayLoad] = {}
    for state in states:
        for gateway_id, load in state.gateways.items():
            if gateway_id not in found or found[gateway_id].streams < load.streams:
                found[gateway_id] = load
    return found
