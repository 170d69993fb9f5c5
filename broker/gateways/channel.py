"""The broker's end of the gateway channel (docs/protocol.md 6): one WebSocket a gateway, and one to every broker.

Three tasks run while it stands (`broker.machine_channel`). The reader takes the gateway's state. The writer sends the
site as the snapshot shows it when that differs from what it sent last; revocations are queued. The keeper carries the
gateway's lease on: it may have to wait for the grid, the reader must not, for it also answers the pings by which the
gateway knows that this broker acts. Nothing here needs the grid to be writable.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from aiohttp import web

from broker.gateways.directory import GatewayDirectory
from broker.gateways.registry import GatewayRegistry
from broker.grid.grid import GridError
from broker.machine_channel import (
    CERTIFICATE_REFUSED,
    GOING_AWAY,
    MALFORMED,
    REPLACED,
    Closing,
    MachineChannel,
)
from broker.snapshot import Change, Snapshot
from portcullis.clock import Clock
from portcullis.errors import ProtocolError, Unavailable
from portcullis.logs import ids
from portcullis.model.host import Gateway
from portcullis.protocol.gateway_channel import (
    MAXIMUM_FROM_GATEWAY_BYTES,
    SUBPROTOCOL,
    FromBroker,
    FromGateway,
    Hello,
    Site,
    State,
    encode,
    parse_from_gateway,
)
from portcullis.protocol.revoked import Revocations, revocation_messages

log = logging.getLogger(__name__)

HELLO_SECONDS = 10.0
SILENCE_SECONDS = 6.0
"""A gateway pings every second: one that is silent for so long is frozen or cut off."""
KEEP_SECONDS = 5.0
CLOSE_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class GatewayServices:
    snapshot: Snapshot
    directory: GatewayDirectory
    registry: GatewayRegistry
    clock: Clock
    broker_id: str
    revocations: Callable[[], Sequence[str]] = tuple
    """All that are in force: a gateway that comes is told them first."""
    heard: Callable[[Sequence[str]], None] = lambda _: None
    """What a gateway passes on of other brokers' revocations."""
    is_clock_wrong: Callable[[], bool] = lambda: False
    """Gateways ask another broker first then, as while this one drains."""


class GatewayServer:
    def __init__(self, services: GatewayServices) -> None:
        self._services = services

    async def serve(self, request: web.Request, gateway: Gateway) -> web.StreamResponse:
        """One channel of `gateway`, whose certificate has been checked, until it ends."""
        socket = web.WebSocketResponse(
            protocols=(SUBPROTOCOL,),
            timeout=CLOSE_SECONDS,
            max_msg_size=MAXIMUM_FROM_GATEWAY_BYTES,
            compress=False,
        )
        await socket.prepare(request)
        await GatewayChannel(self._services, gateway, socket).run()
        return socket

    def close(self) -> None:
        """End all channels; their handlers finish on their own."""
        self._services.registry.end_all(GOING_AWAY, "the broker stops")


class GatewayChannel(MachineChannel[Revocations]):
    SEND_SECONDS = 5.0

    def __init__(self, services: GatewayServices, gateway: Gateway, socket: web.WebSocketResponse) -> None:
        super().__init__("gateway", gateway.id, socket)
        self._services = services
        self._gateway = gateway
        self._site: Site | None = None

    def _begin(self) -> Callable[[], None]:
        return self._services.snapshot.subscribe(self._changed)

    def _leave(self) -> None:
        self._services.registry.remove(self._gateway.id, self)

    async def _converse(self) -> None:
        text = await self._receive(HELLO_SECONDS)
        hello = None if text is None else _parse(text)
        if not isinstance(hello, Hello):
            raise Closing(MALFORMED, "the first message is not hello")
        previous = self._services.registry.replace(self._gateway.id, self)
        if previous is not None:
            previous.end(REPLACED, "another channel of this gateway took its place")
        self._queued.extend(revocation_messages(self._services.revocations()))
        self._wake.set()
        self._spawn(self._write(), "writer")
        self._spawn(self._keep(), "keeper")
        log.info("gateway connected", extra=ids(gateway=self._gateway.id, version=hello.version))
        while (text := await self._receive(SILENCE_SECONDS)) is not None:
            self._handle(text)

    def _handle(self, text: str) -> None:
        match _parse(text):
            case State() as state:
                self._services.registry.states[self._gateway.id] = state
            case Revocations() as told:
                self._services.heard(told.revocations)
            case Hello():
                raise Closing(MALFORMED, "hello twice")
            case None:
                pass  # a later version's

    async def _closed_by_machine(self) -> None:
        """A gateway that stops says so: it is in no list any more, before its lease ends."""
        if self._socket.close_code != GOING_AWAY:
            return
        try:
            await self._services.directory.left(self._gateway.id)
        except (GridError, Unavailable) as exc:
            log.warning("a gateway that left is listed until its lease ends: %s", exc)

    async def _keep(self) -> None:
        while True:
            try:
                await self._services.directory.seen(self._gateway.id)
            except (GridError, Unavailable) as exc:
                log.warning(
                    "a gateway's liveness is not renewed: %s", exc, extra=ids(gateway=self._gateway.id)
                )
            self._wake.set()
            await asyncio.sleep(KEEP_SECONDS)

    def _changed(self, change: Change) -> None:
        if GatewayDirectory.concerns_gateways(change):
            self._wake.set()

    async def _send_due(self) -> None:
        directory = self._services.directory
        if not directory.knows(self._gateway.id):
            self.end(CERTIFICATE_REFUSED, "the gateway was removed from the site")
            return
        site = directory.for_gateway(self._gateway.id, self._services.broker_id)
        site = replace(site, draining=site.draining or self._services.is_clock_wrong())
        if site != self._site:
            self._site = site
            await self._send(replace(site, time=self._services.clock.now()))
        while self._queued:
            await self._send(self._queued.popleft())

    async def _send(self, message: FromBroker) -> None:
        await self._send_text(encode(message))


def _parse(text: str) -> FromGateway | None:
    try:
        return parse_from_gateway(text)
    except ProtocolError as exc:
        raise Closing(MALFORMED, exc.message) from exc
