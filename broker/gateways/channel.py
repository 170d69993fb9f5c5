"""The broker's end of the gateway channel (docs/protocol.md 6): one WebSocket a gateway, and one to every broker.

A channel's handler waits for its end; three tasks run meanwhile. The reader takes the gateway's state. The writer is
level-triggered: it sends the site as the snapshot shows it when that differs from what it sent last; revocations
alone are queued. The keeper carries the gateway's lease on: it may have to wait for the grid, the reader must not, for
it also answers the pings by which the gateway knows that this broker acts. Nothing here needs the grid to be writable.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, replace
from typing import Any

from aiohttp import WSMsgType, web

from broker.gateways.directory import GatewayDirectory
from broker.gateways.registry import GatewayRegistry, revocation_messages
from broker.grid.grid import GridError
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
    Revocations,
    Site,
    State,
    encode,
    parse_from_gateway,
)
from portcullis.tasks import cancel_and_wait, spawn

log = logging.getLogger(__name__)

HELLO_SECONDS = 10.0
SILENCE_SECONDS = 6.0
"""A gateway pings every second: one that is silent for so long is frozen or cut off."""
KEEP_SECONDS = 5.0
SEND_SECONDS = 5.0
CLOSE_SECONDS = 1.0
MAXIMUM_QUEUED = 1024

NORMAL = 1000
GOING_AWAY = 1001
MALFORMED = 1002
INTERNAL_ERROR = 1011
TRY_AGAIN = 1013
CERTIFICATE_REFUSED = 4403
REPLACED = 4409


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


class GatewayChannel:
    def __init__(self, services: GatewayServices, gateway: Gateway, socket: web.WebSocketResponse) -> None:
        self._services = services
        self._gateway = gateway
        self._socket = socket
        self._ended: asyncio.Future[_Closing] = asyncio.get_running_loop().create_future()
        self._wake = asyncio.Event()
        self._queued: deque[Revocations] = deque()
        self._site: Site | None = None
        self._tasks: list[asyncio.Task[None]] = []

    async def run(self) -> None:
        """Until the gateway closes, or something calls `end`."""
        unsubscribe = self._services.snapshot.subscribe(self._changed)
        reader = self._spawn(self._read, "reader")
        reader.add_done_callback(lambda _: self.end(INTERNAL_ERROR, "the broker failed"))
        try:
            closing = await self._ended
        finally:
            unsubscribe()
            self._services.registry.remove(self._gateway.id, self)
            await cancel_and_wait(*self._tasks)
        log.info("gateway disconnected: %s", closing.reason, extra=ids(gateway=self._gateway.id))
        await self._socket.close(code=closing.code, message=closing.reason.encode()[:120])

    def end(self, code: int, reason: str) -> None:
        """The first call decides."""
        if not self._ended.done():
            self._ended.set_result(_Closing(code, reason))

    def revoke(self, message: Revocations) -> None:
        if len(self._queued) >= MAXIMUM_QUEUED:
            self.end(TRY_AGAIN, "messages are not taken")  # it comes back and is told all that are in force
            return
        self._queued.append(message)
        self._wake.set()

    def _spawn(self, run: Callable[[], Coroutine[Any, Any, None]], what: str) -> asyncio.Task[None]:
        task = spawn(run(), name=f"gateway-{what}-{self._gateway.id}")
        self._tasks.append(task)
        return task

    async def _read(self) -> None:
        try:
            await self._converse()
        except _Closing as closing:
            self.end(closing.code, closing.reason)
        else:
            await self._left()
            self.end(NORMAL, "the gateway closed")

    async def _converse(self) -> None:
        hello = await self._receive(HELLO_SECONDS)
        if not isinstance(hello, Hello):
            raise _Closing(MALFORMED, "the first message is not hello")
        previous = self._services.registry.replace(self._gateway.id, self)
        if previous is not None:
            previous.end(REPLACED, "another channel of this gateway took its place")
        self._queued.extend(revocation_messages(self._services.revocations()))
        self._wake.set()
        self._spawn(self._write, "writer")
        self._spawn(self._keep, "keeper")
        log.info("gateway connected", extra=ids(gateway=self._gateway.id, version=hello.version))
        while not self._socket.closed:
            message = await self._receive(SILENCE_SECONDS)
            if isinstance(message, State):
                self._services.registry.states[self._gateway.id] = message
            elif isinstance(message, Revocations):
                self._services.heard(message.revocations)
            elif isinstance(message, Hello):
                raise _Closing(MALFORMED, "hello twice")

    async def _receive(self, timeout_seconds: float) -> FromGateway | None:
        """The next message; None for one of a later version, and when the gateway closed."""
        try:
            message = await self._socket.receive(timeout=timeout_seconds)
        except TimeoutError as exc:
            raise _Closing(GOING_AWAY, f"nothing was heard for {timeout_seconds:.0f} s") from exc
        except ConnectionError as exc:  # of the answer to its ping
            raise _Closing(GOING_AWAY, "the gateway is gone") from exc
        if message.type is WSMsgType.TEXT:
            try:
                return parse_from_gateway(message.data)
            except ProtocolError as exc:
                raise _Closing(MALFORMED, exc.message) from exc
        if message.type is WSMsgType.BINARY:
            raise _Closing(MALFORMED, "a binary message")
        return None

    async def _left(self) -> None:
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

    async def _write(self) -> None:
        """Send what is due until cancelled; a gateway that does not take it loses its channel."""
        try:
            while True:
                await self._wake.wait()
                self._wake.clear()
                await self._send_due()
        except (TimeoutError, ConnectionError) as exc:
            log.warning("gateway does not take its messages: %r", exc, extra=ids(gateway=self._gateway.id))
            self.end(TRY_AGAIN, "messages are not taken")

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
        async with asyncio.timeout(SEND_SECONDS):
            await self._socket.send_str(encode(message))


class _Closing(Exception):
    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason
