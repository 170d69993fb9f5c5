"""The broker, composed: built in order, stopped in reverse.

Grid, snapshot and certificate come first: the listener opens only when everything behind it can answer. It is one
TLS listener for machines of the site; the public API behind it serves gateways alone. `parts` composes what lies
between the grid and the listener.
"""

from __future__ import annotations

import logging
import socket
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from importlib.metadata import version
from ssl import SSLContext

from broker.grid.grid import Grid
from broker.grid.health import GridHealth
from broker.grid.metered import MeteredGrid
from broker.grid.opening import GridChoice, open_grid
from broker.grid.scopes import Stores
from broker.grid.seal import SiteKey
from broker.http.errors import malformed_answer
from broker.parts import Ground, Parts
from broker.peers.clock_guard import ClockGuard
from broker.pki.authority import Authority
from broker.pki.own_certificate import OwnCertificate
from broker.presence import Presence
from broker.routes import application_of
from broker.schema import bring_up_to_date
from broker.settings import BrokerSettings
from broker.snapshot import Snapshot
from broker.status.measured import MeasuredStatus
from broker.watched import Readiness, Readings
from portcullis.clock import Clock, SystemClock
from portcullis.errors import Unavailable
from portcullis.ids import new_id
from portcullis.logs import ids
from portcullis.measuring import Metrics
from portcullis.metrics import GRID_SECONDS
from portcullis.probes import Probes, Watch
from portcullis.serving.guard import Limits
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
        self._clock = ClockGuard(clock or SystemClock())
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
        undo.callback(snapshot.subscribe(certificate.changed))
        renewal = spawn(certificate.run(), name="own-certificate")
        undo.push_async_callback(cancel_and_wait, renewal)
        presence = Presence(
            stores, snapshot, self._clock, self._id, self._version, lambda: self._metered.failing
        )
        ground = Ground(
            settings=self.settings,
            stores=stores,
            snapshot=snapshot,
            authority=authority,
            clock=self._clock,
            broker_id=self._id,
            metrics=self._metrics,
            presence=presence,
            peer_context=certificate.peer_context,
            metered=self._metered,
            health=self._health,
        )
        self.parts = parts = Parts(ground)
        await parts.audit.start()
        undo.push_async_callback(parts.audit.stop)
        undo.push_async_callback(parts.stop)
        parts.start()
        bound = self._bind(undo)
        name = self.settings.called(self.address.port)
        await presence.start(self.settings.advertised(self.address.port), name)
        undo.push_async_callback(presence.stop)
        undo.push_async_callback(parts.prober.stop)
        for job in parts.jobs:
            job.start()
            undo.push_async_callback(job.stop)
        parts.exchange.start()
        undo.push_async_callback(parts.exchange.stop)
        parts.copies.start()
        undo.push_async_callback(parts.copies.stop)
        await self._watch(parts, undo)
        await self._listen(parts, bound, certificate.context, undo)

    async def _watch(self, parts: Parts, undo: AsyncExitStack) -> None:
        """The listener for metrics and readiness, where one is set."""
        readiness = Readiness(self._metered, parts.snapshot, self._clock, self._clock.trouble)
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
        listener = Listener(application_of(parts), LIMITS, malformed_answer, handler_cancellation=False)
        undo.push_async_callback(listener.stop)
        undo.push_async_callback(parts.control.stop)
        undo.callback(parts.gateway_channels.close)
        await listener.start(bound, context)


async def _chosen_grid(settings: BrokerSettings) -> Grid:
    return await open_grid(GridChoice.of(settings), may_create=False)
