"""The broker, composed: built in order, stopped in reverse.

Grid, snapshot and certificate come first: the listener opens only when everything behind it can answer. It is one
TLS listener for machines of the site; the public API behind it serves gateways alone.
"""

from __future__ import annotations

import logging
import socket
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from importlib.metadata import version
from pathlib import Path
from ssl import SSLContext

from aiohttp import web

from broker.compaction import PERIOD_SECONDS, Compaction
from broker.drain import Drains
from broker.gateways.channel import GatewayServer, GatewayServices
from broker.gateways.directory import GatewayDirectory
from broker.gateways.registry import GatewayRegistry
from broker.grid.grid import Grid
from broker.grid.health import GridHealth
from broker.grid.metered import MeteredGrid
from broker.grid.opening import GridChoice, open_grid
from broker.grid.scopes import Stores
from broker.grid.seal import SiteKey
from broker.hosts.channel import ControlServer, ControlServices
from broker.hosts.liveness import SWEEP_SECONDS, HostWatch
from broker.hosts.loads import HostLoads
from broker.hosts.registry import ChannelRegistry
from broker.http.admin.drain import DrainRoutes
from broker.http.admin.status import StatusRoutes
from broker.http.body import MAXIMUM_BODY_BYTES
from broker.http.errors import malformed_answer
from broker.http.inner import InnerServices, inner_routes
from broker.http.measured import measured, routes_of
from broker.http.peers import Peers
from broker.http.public import PublicServices, check_policies, public_middlewares, public_routes
from broker.identity.identity import Verdicts, build_identity
from broker.jobs import Job
from broker.launch.index import HostIndex
from broker.launch.launch import Launcher
from broker.launch.outcomes import LaunchOutcomes
from broker.launch.traces import Traces
from broker.launch.waiting import WaitingLines
from broker.live_brokers import LiveBrokers
from broker.peers.exchange import PeerExchange
from broker.peers.myself import Myself
from broker.pki.authority import Authority
from broker.pki.machines import Machines
from broker.pki.own_certificate import OwnCertificate
from broker.pki.web_authority import WebAuthority
from broker.presence import Presence
from broker.repositories.applications import Applications
from broker.repositories.gateways import Gateways
from broker.repositories.hosts import Hosts
from broker.repositories.icons import Icons
from broker.repositories.join_tokens import JoinTokens
from broker.repositories.keys import GrantKeys
from broker.repositories.late_ends import LateEnds
from broker.repositories.logins import LoginRecords
from broker.repositories.sessions import Sessions
from broker.repositories.site_origins import SiteOrigins
from broker.repositories.tickets import Tickets
from broker.repositories.traces import TraceStore
from broker.revocation.acts import Acts
from broker.revocation.derived import DerivedRevocations
from broker.revocation.journal import NAME as JOURNAL
from broker.revocation.journal import RevocationJournal
from broker.revocation.office import Revocations
from broker.revocation.pending import NAME as PENDING
from broker.revocation.pending import PendingActs
from broker.schema import bring_up_to_date
from broker.sessions.adoption import Adoption
from broker.sessions.attach import Attach
from broker.sessions.lifecycle import Lifecycle
from broker.sessions.stages import Stages
from broker.settings import BrokerSettings
from broker.snapshot import Snapshot
from broker.status.measured import MeasuredStatus
from broker.status.watch import StatusWatch
from broker.watched import Readiness, Readings
from portcullis.clock import Clock, HeldClock, SystemClock
from portcullis.errors import Unavailable
from portcullis.ids import new_id
from portcullis.logs import ids
from portcullis.measuring import Metrics
from portcullis.metrics import GRID_SECONDS
from portcullis.probes import Probes, Watch
from portcullis.serving.guard import Limits, guarded
from portcullis.serving.listener import Listener
from portcullis.settings import Address
from portcullis.tasks import cancel_and_wait, spawn

log = logging.getLogger(__name__)

BACKLOG = 512
PROBE_LEASE_SECONDS = 5.0
"""Of the lease that shows whether the grid takes writes again; nothing hangs on it."""
LIMITS = Limits(connections=8192, connections_per_client=8192, head_bytes=40 * 1024, head_fields=96)
"""Every machine of the site comes here, many of them from few addresses; a gateway adds fields of its own to a head."""

OpenGrid = Callable[[BrokerSettings], Awaitable[Grid]]


class Broker:
    """`start`, then `stop`; `address` is where it listens."""

    def __init__(
        self, settings: BrokerSettings, clock: Clock | None = None, open_grid: OpenGrid | None = None
    ) -> None:
        """`open_grid`: another one than the settings name, or the same behind something."""
        self.settings = settings
        self._open_grid = open_grid or _chosen_grid
        self.address = settings.listen
        self._clock: Clock = clock or SystemClock()
        self._id = new_id()
        self._version = version("portcullis")
        self._undo = AsyncExitStack()
        self._metrics = Metrics("broker", self._version)
        self._grid: Grid
        self._metered: MeteredGrid
        self._health: GridHealth
        self.parts: Parts

    async def start(self) -> None:
        """Raises InvalidInput, Unavailable, GridError, OSError; nothing is left open then."""
        async with AsyncExitStack() as undo:
            await self._build(undo)
            self._undo = undo.pop_all()
        log.info("broker serves", extra=ids(address=self.address, broker=self._id, version=self._version))

    async def stop(self) -> None:
        await self._undo.aclose()
        log.info("broker stopped", extra=ids(broker=self._id))

    async def until_failed(self) -> str:
        """Wait until this process cannot serve any more and only a new one can; the reason."""
        return await self._grid.until_failed()

    async def _build(self, undo: AsyncExitStack) -> None:
        stores = await self._open_stores(undo)
        await bring_up_to_date(stores)
        snapshot = Snapshot(stores)
        await snapshot.start()
        undo.push_async_callback(snapshot.stop)
        if snapshot.get("site", ("meta",)) is None:
            raise Unavailable(message="There is no site in this grid: run `portcullis-broker init`.")
        authority = Authority(snapshot, self._clock)
        certificate = OwnCertificate(authority, self._id)
        renewal = spawn(certificate.run(), name="own-certificate")
        undo.push_async_callback(cancel_and_wait, renewal)
        presence = Presence(
            stores, snapshot, self._clock, self._id, self._version, lambda: self._metered.failing
        )
        self.parts = parts = Parts(
            stores,
            snapshot,
            authority,
            self._clock,
            self._id,
            self.settings.sessions_per_user,
            self._metrics,
            presence,
            self.settings.host_lost_seconds,
            certificate.peer_context,
            self._metered,
            self._health,
            self.settings.state,
            store_is_etcd=not GridChoice.of(self.settings).is_embedded,
        )
        undo.push_async_callback(parts.stop)
        parts.start()
        bound = self._bind(undo)
        name = self.settings.called(self.address.port)
        await presence.start(self.settings.advertised(self.address.port), name)
        undo.push_async_callback(presence.stop)
        parts.reaper.start()
        undo.push_async_callback(parts.reaper.stop)
        parts.compaction.start()
        undo.push_async_callback(parts.compaction.stop)
        parts.exchange.start()
        undo.push_async_callback(parts.exchange.stop)
        await self._watch(parts, undo)
        await self._listen(parts, bound, certificate.context, undo)

    async def _watch(self, parts: Parts, undo: AsyncExitStack) -> None:
        """The listener for metrics and readiness, where one is set."""
        readiness = Readiness(self._metered, parts.snapshot, self._clock)
        Readings(
            parts.snapshot, parts.sessions.index, parts.hosts, parts.gateways, parts.registry, readiness
        ).offer(self._metrics)
        probes = Probes(self._metrics, readiness.trouble)
        undo.push_async_callback(probes.stop)
        watched = Watch.of(self.settings.metrics, self.settings.metrics_exposed)
        if watched.address is not None:
            measured_status = MeasuredStatus(parts.status)
            undo.push_async_callback(measured_status.stop)
            measured_status.start(self._metrics)
        await probes.start(watched)

    async def _open_stores(self, undo: AsyncExitStack) -> Stores:
        self._grid = await self._open_grid(self.settings)
        undo.push_async_callback(self._grid.close)
        self._metered = MeteredGrid(self._grid, self._clock, self._transaction_ended)
        stores = Stores(self._metered, SiteKey.load(self.settings.site_key), self._clock)
        self._health = GridHealth(
            lambda: stores.site.get(("meta",)), lambda: stores.grid.lease(PROBE_LEASE_SECONDS), self._clock
        )
        self._health.start()
        undo.push_async_callback(self._health.stop)
        return stores

    def _transaction_ended(self, seconds: float, outcome: str) -> None:
        self._metrics.observe(GRID_SECONDS, seconds, outcome=outcome)
        if outcome == "unavailable":
            self._health.failed_to_write()
        else:
            self._health.wrote()

    def _bind(self, undo: AsyncExitStack) -> socket.socket:
        """Before the first machine is told of this address. Raises OSError."""
        listen = self.settings.listen
        family = socket.AF_INET6 if ":" in listen.host else socket.AF_INET
        bound = socket.create_server((listen.host, listen.port), family=family, backlog=BACKLOG)
        undo.callback(bound.close)
        self.address = Address(listen.host, bound.getsockname()[1])
        return bound

    async def _listen(
        self, parts: Parts, bound: socket.socket, context: SSLContext, undo: AsyncExitStack
    ) -> None:
        # Event streams of launches stay open as long as their browser likes: `stop` cuts them.
        listener = Listener(parts.application(), LIMITS, malformed_answer, handler_cancellation=False)
        undo.push_async_callback(listener.stop)
        undo.push_async_callback(parts.control.stop)
        undo.callback(parts.gateway_channels.close)
        await listener.start(bound, context)


async def _chosen_grid(settings: BrokerSettings) -> Grid:
    return await open_grid(GridChoice.of(settings), may_create=False)


class Parts:
    """What lies between grid and listener."""

    def __init__(
        self,
        stores: Stores,
        snapshot: Snapshot,
        authority: Authority,
        clock: Clock,
        broker_id: str,
        sessions_per_user: int,
        metrics: Metrics,
        presence: Presence,
        host_lost_seconds: float,
        peer_context: SSLContext,
        metered: MeteredGrid,
        health: GridHealth,
        state: Path,
        *,
        store_is_etcd: bool,
    ) -> None:
        self.stores = stores
        self.health = health
        self.presence = presence
        self._store_is_etcd = store_is_etcd
        self.brokers = LiveBrokers(snapshot)
        self.drains = Drains(stores, snapshot)
        self.snapshot = snapshot
        self._clock = clock
        self._metrics = metrics
        self._outcomes = LaunchOutcomes(metrics, clock)
        self.registry = ChannelRegistry()
        self.loads = HostLoads(clock)
        self.sessions = Sessions(stores, snapshot)
        self.hosts = Hosts(stores, snapshot)
        self.gateways = Gateways(stores, snapshot)
        self.applications = Applications(stores, snapshot)
        self.icons = Icons(stores)
        self.join_tokens = JoinTokens(stores, snapshot)
        self.machines = Machines(stores, snapshot, authority)
        self.peers = Peers(self.machines)
        self._told_clock = HeldClock(clock)
        self.keys = GrantKeys(snapshot)
        self.revocations = Revocations(stores, snapshot, self.keys, clock)
        self.derived = DerivedRevocations(snapshot, self.revocations, clock)
        self.journal = RevocationJournal(state / JOURNAL, snapshot, clock)
        self.acts = Acts(
            *(stores, snapshot, self.revocations, health, PendingActs(state / PENDING), self.journal, clock),
            lambda login: self.lifecycle.cut(login),
        )
        self.identity = build_identity(
            *(stores, snapshot, clock, self._told_clock),
            Verdicts(self.revocations.is_void, self.acts.token_is_void),
        )
        self.directory = GatewayDirectory(self.gateways, self.keys, snapshot)
        self.traces = Traces(TraceStore(stores, clock), clock)
        logins = LoginRecords(stores, snapshot)
        self.lifecycle = Lifecycle(
            snapshot, self.sessions, logins, self.hosts, self.traces, self.registry, self._outcomes
        )
        self.lines = WaitingLines(snapshot, self.sessions.index)
        self.stages = Stages(snapshot, self.traces, self.lines)
        self.attach = self._attach()
        self.host_index = HostIndex(snapshot, self.sessions.index, self.loads)
        self.launcher = self._launcher(sessions_per_user)
        self.host_watch = HostWatch(
            stores,
            snapshot,
            self.sessions,
            self.hosts,
            self.lifecycle,
            clock,
            host_lost_seconds,
            is_queued=lambda session: self.lines.position(session.host_id, session.id) is not None,
            move=self.launcher.move,
        )
        self.reaper = self._reaper(broker_id)
        self.compaction = self._compaction(broker_id)
        self.control = self._control(broker_id)
        self.gateway_registry = GatewayRegistry()
        self.gateway_channels = GatewayServer(
            GatewayServices(
                *(snapshot, self.directory, self.gateway_registry, clock, broker_id),
                revocations=self.revocations.living,
                heard=self.revocations.hear,
            )
        )
        self.revocations.subscribe(self.registry.revoke)
        self.revocations.subscribe(self.gateway_registry.revoke)
        self.exchange = self._exchange(peer_context, metered)
        self.status = self._status_watch(metered)

    def start(self) -> None:
        self.revocations.start()
        self.derived.start()
        self.journal.start()
        self.acts.start()
        self.stages.start()
        self.lifecycle.start()
        self.identity.start()
        self.host_index.start()

    async def stop(self) -> None:
        """Also after a `start` that did not happen."""
        await self.host_index.stop()
        await self.identity.stop()
        self.lifecycle.stop()
        self.stages.stop()
        await self.acts.stop()
        await self.journal.stop()
        self.derived.stop()
        await self.revocations.stop()

    def _exchange(self, context: SSLContext, metered: MeteredGrid) -> PeerExchange:
        self.myself = Myself(
            self.presence,
            self.snapshot,
            self.loads,
            self.registry,
            self.gateway_registry,
            newest=lambda: max(metered.revision, self.exchange.newest_revision()),
            clock=self._clock,
            is_degraded=lambda: not self.health.writable,
            revocations=lambda: tuple(self.acts.unmerged()),
        )
        return PeerExchange(
            self.myself.state, self.brokers, self.loads, context, self._clock, self.revocations.hear
        )

    def _compaction(self, broker_id: str) -> Job:
        return Job(
            "compaction",
            self.stores,
            self.snapshot,
            Compaction(self.stores.grid, self.snapshot).round,
            period_seconds=PERIOD_SECONDS,
            lease=lambda: self.presence.lease,
            may_hold=lambda: not self.presence.draining,
            holder=broker_id,
        )

    def _reaper(self, broker_id: str) -> Job:
        """Started once this broker has a lease."""
        return Job(
            "reaper",
            self.stores,
            self.snapshot,
            self.host_watch.sweep,
            period_seconds=SWEEP_SECONDS,
            lease=lambda: self.presence.lease,
            may_hold=lambda: not self.presence.draining,
            holder=broker_id,
        )

    def _attach(self) -> Attach:
        return Attach(
            self.stores,
            self.snapshot,
            self.sessions,
            self.identity.users,
            self.applications,
            Tickets(self.stores),
            self.keys,
            self._clock,
            self.revocations.is_void,
        )

    def _launcher(self, sessions_per_user: int) -> Launcher:
        return Launcher(
            self.stores,
            self.snapshot,
            self.sessions,
            self.traces,
            self._clock,
            self.host_index,
            sessions_per_user=sessions_per_user,
            outcomes=self._outcomes,
        )

    def _control(self, broker_id: str) -> ControlServer:
        services = ControlServices(
            snapshot=self.snapshot,
            sessions=self.sessions,
            hosts=self.hosts,
            lifecycle=self.lifecycle,
            late_ends=LateEnds(self.stores, self.snapshot),
            directory=self.directory,
            registry=self.registry,
            loads=self.loads,
            lines=self.lines,
            adoption=Adoption(
                *(self.stores, self.snapshot, self.sessions),
                *(self.identity.users, self.applications, self._clock),
            ),
            clock=self._clock,
            broker_id=broker_id,
            revocations=self.revocations.living,
            goes_elsewhere=lambda: self.presence.draining and self.brokers.others_serve(broker_id),
        )
        server = ControlServer(services)
        self.presence.on_draining(server.drain_changed)
        return server

    def application(self) -> web.Application:
        public = self._public()
        application = web.Application(
            middlewares=[guarded, *public_middlewares(public, measured(self._metrics, self._clock))],
            client_max_size=MAXIMUM_BODY_BYTES,
        )
        application.add_routes(public_routes(public))
        application.add_routes(inner_routes(self._inner()))
        application.add_routes(self._status(public))
        check_policies(application)
        self._metrics.know_routes(routes_of(application))
        return application

    def _status_watch(self, metered: MeteredGrid) -> StatusWatch:
        return StatusWatch(
            grid=metered,
            store_is_etcd=self._store_is_etcd,
            snapshot=self.snapshot,
            brokers=self.brokers,
            exchange=self.exchange,
            loads=self.loads,
            hosts=self.hosts,
            gateways=self.gateways,
            sessions=self.sessions,
            clock=self._clock,
            version=version("portcullis"),
        )

    def _status(self, public: PublicServices) -> list[web.RouteDef]:
        draining = DrainRoutes(public, self.drains, self.brokers)
        return [*StatusRoutes(public, self.status).routes(), *draining.routes()]

    def _inner(self) -> InnerServices:
        return InnerServices(
            self.peers,
            self.machines,
            self.directory,
            self.attach,
            self.control,
            WebAuthority(self.stores, self.snapshot),
            self.gateway_channels,
            self.exchange,
        )

    def _public(self) -> PublicServices:
        return PublicServices(
            clock=self._told_clock,
            snapshot=self.snapshot,
            identity=self.identity,
            applications=self.applications,
            icons=self.icons,
            sessions=self.sessions,
            hosts=self.hosts,
            gateways=self.gateways,
            launcher=self.launcher,
            attach=self.attach,
            lifecycle=self.lifecycle,
            stages=self.stages,
            lines=self.lines,
            traces=self.traces,
            join_tokens=self.join_tokens,
            site_origins=SiteOrigins(self.stores, self.snapshot),
            health=self.health,
            acts=self.acts,
            orphans=lambda: self.exchange.orphans(),
            from_gateway=self.peers.is_gateway,
        )
