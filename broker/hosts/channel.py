"""The broker's end of the control channel (docs/protocol.md 4): one WebSocket a host.

`ControlServer` accepts channels; a `ControlChannel` is one of them. Its handler runs a reader and a writer task
and waits for the end, which either of them, another channel of the host or the broker's stop may bring. What is to
be sent is level-triggered: the writer looks at the snapshot and sends orders or directory when they differ from what
it sent last, so nothing queues up behind a slow agent. Only cuts are queued.

A report that the grid would not take closes the channel: on its return the agent reports everything again.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from dataclasses import dataclass, replace

from aiohttp import WSMsgType, web

from broker.gateways.directory import GatewayDirectory
from broker.grid.grid import GridError, LeaseGone
from broker.hosts.loads import HostLoad, HostLoads
from broker.hosts.registry import ChannelRegistry
from broker.repositories.hosts import Hosts
from broker.repositories.sessions import Sessions
from broker.sessions.lifecycle import Lifecycle
from broker.sessions.stages import Stages
from broker.snapshot import Change, Snapshot
from portcullis.clock import Clock
from portcullis.errors import ProtocolError, Unavailable
from portcullis.logs import ids
from portcullis.model.host import Host, LiveHost
from portcullis.protocol.channel import (
    HEARTBEAT_SECONDS,
    MAXIMUM_FROM_AGENT_BYTES,
    SUBPROTOCOL,
    Cut,
    Desired,
    Directory,
    FromBroker,
    Heartbeat,
    Hello,
    Order,
    Report,
    Welcome,
    encode,
    parse_from_agent,
)
from portcullis.tasks import cancel_and_wait, spawn

log = logging.getLogger(__name__)

HELLO_SECONDS = 10.0
SILENCE_SECONDS = 3.0 * HEARTBEAT_SECONDS
SEND_SECONDS = 10.0
PING_SECONDS = 10.0
CLOSE_SECONDS = 2.0
MAXIMUM_CUTS = 1024

NORMAL = 1000
GOING_AWAY = 1001
MALFORMED = 1002
INTERNAL_ERROR = 1011
TRY_AGAIN = 1013
CERTIFICATE_REFUSED = 4403
REPLACED = 4409


@dataclass(frozen=True, slots=True)
class ControlServices:
    snapshot: Snapshot
    sessions: Sessions
    hosts: Hosts
    lifecycle: Lifecycle
    stages: Stages
    directory: GatewayDirectory
    registry: ChannelRegistry
    loads: HostLoads
    clock: Clock
    broker_id: str


class ControlServer:
    def __init__(self, services: ControlServices) -> None:
        self._services = services

    async def serve(self, request: web.Request, host: Host) -> web.StreamResponse:
        """One channel of `host`, whose certificate has been checked, until it ends."""
        socket = web.WebSocketResponse(
            protocols=(SUBPROTOCOL,),
            heartbeat=PING_SECONDS,
            timeout=CLOSE_SECONDS,
            max_msg_size=MAXIMUM_FROM_AGENT_BYTES,
            compress=False,
        )
        await socket.prepare(request)
        await ControlChannel(self._services, host, socket).run()
        return socket

    def close(self) -> None:
        """End all channels; their handlers finish on their own."""
        self._services.registry.end_all(GOING_AWAY, "the broker stops")


class ControlChannel:
    def __init__(self, services: ControlServices, host: Host, socket: web.WebSocketResponse) -> None:
        self._services = services
        self._host = host
        self._socket = socket
        self._ended: asyncio.Future[_Closing] = asyncio.get_running_loop().create_future()
        self._wake = asyncio.Event()
        self._cuts: deque[Cut] = deque()
        self._orders: tuple[Order, ...] | None = None
        self._directory: Directory | None = None
        self._live: LiveHost | None = None
        self._hello: Hello | None = None
        self._orphans: dict[str, Order | None] = {}

    async def run(self) -> None:
        """Until the agent closes, or something calls `end`."""
        unsubscribe = self._services.snapshot.subscribe(self._changed)
        reader = spawn(self._read(), name=f"control-reader-{self._host.id}")
        reader.add_done_callback(lambda _: self.end(INTERNAL_ERROR, "the broker failed"))
        writer = spawn(self._write(), name=f"control-writer-{self._host.id}")
        try:
            closing = await self._ended
        finally:
            unsubscribe()
            self._services.registry.remove(self._host.id, self)
            await cancel_and_wait(reader, writer)
        log.info("host disconnected: %s", closing.reason, extra=ids(host=self._host.id, code=closing.code))
        await self._socket.close(code=closing.code, message=closing.reason.encode()[:120])

    def end(self, code: int, reason: str) -> None:
        """The first call decides."""
        if not self._ended.done():
            self._ended.set_result(_Closing(code, reason))

    def cut(self, message: Cut) -> None:
        if len(self._cuts) >= MAXIMUM_CUTS:
            self.end(TRY_AGAIN, "messages are not taken")
            return
        self._cuts.append(message)
        self._wake.set()

    async def _read(self) -> None:
        try:
            await self._converse()
        except _Closing as closing:
            self.end(closing.code, closing.reason)
        else:
            self.end(NORMAL, "the agent closed")

    async def _converse(self) -> None:
        hello = await self._read_hello()
        await self._announce()
        await self._take_facts(hello)
        previous = self._services.registry.replace(self._host.id, self)
        if previous is not None:
            previous.end(REPLACED, "another channel of this host took its place")
        await self._welcome()
        log.info("host connected", extra=ids(host=self._host.id, version=hello.version))
        for report in hello.sessions:
            await self._report(report)
        while (text := await self._receive(SILENCE_SECONDS)) is not None:
            await self._handle(text)

    async def _read_hello(self) -> Hello:
        text = await self._receive(HELLO_SECONDS)
        message = None if text is None else _parse(text)
        if not isinstance(message, Hello):
            raise _Closing(MALFORMED, "the first message is not hello")
        self._hello = message
        return message

    async def _receive(self, timeout_seconds: float) -> str | None:
        """The next text message; None when the agent closed."""
        try:
            message = await self._socket.receive(timeout=timeout_seconds)
        except TimeoutError as exc:
            raise _Closing(GOING_AWAY, f"nothing was heard for {timeout_seconds:.0f} s") from exc
        if message.type is WSMsgType.TEXT:
            return str(message.data)
        if message.type is WSMsgType.BINARY:
            raise _Closing(MALFORMED, "a binary message")
        return None

    async def _handle(self, text: str) -> None:
        match _parse(text):
            case Report() as report:
                await self._report(report)
            case Heartbeat() as heartbeat:
                self._services.registry.loads[self._host.id] = heartbeat.load
                load = HostLoad(heartbeat.load, heartbeat.memory_available_bytes)
                self._services.loads.hear(self._host.id, load)
                await self._keep_alive()
            case Hello():
                raise _Closing(MALFORMED, "hello twice")
            case None:
                pass  # a later version's

    async def _report(self, report: Report) -> None:
        try:
            known = await self._services.lifecycle.reported(self._host.id, report)
        except ProtocolError as exc:
            log.warning(
                "report ignored: %s", exc.message, extra=ids(host=self._host.id, session=report.session)
            )
        except (Unavailable, GridError) as exc:
            raise _Closing(TRY_AGAIN, "the grid does not take reports now") from exc
        else:
            if report.state == "ended":
                if self._orphans.pop(report.session, None) is not None:
                    self._wake.set()
            elif not known and report.session not in self._orphans:
                self._take_orphan(report)

    def _take_orphan(self, report: Report) -> None:
        """A session whose end this broker saw is ended there, too: its host was stopped and took up an old order.

        Of any other the record may be missing for another reason: it is kept.
        """
        ended = self._services.stages.known(report.tenant, report.session)
        ours = ended if ended is not None and ended.host_id == self._host.id else None
        self._orphans[report.session] = None if ours is None else Order.of(replace(ours, state="ending"))
        self._wake.set()
        log.warning(
            "host runs a session without a record" if ours is None else "host runs a session that ended",
            extra=ids(host=self._host.id, tenant=report.tenant, session=report.session),
        )

    async def _announce(self) -> None:
        assert self._hello is not None
        services = self._services
        try:
            self._live = await services.hosts.announce(
                self._host.id, self._hello.incarnation, services.broker_id, self._hello.version
            )
        except (Unavailable, GridError) as exc:
            raise _Closing(TRY_AGAIN, "the grid cannot be written now") from exc

    async def _take_facts(self, hello: Hello) -> None:
        """The host's own settings say how many sessions it runs, and walled off by what; the record follows them."""
        if (hello.slots, hello.isolation) == (self._host.slots, self._host.isolation):
            return
        log.info(
            "host changes to %d slots, isolation %s",
            *(hello.slots, hello.isolation),
            extra=ids(host=self._host.id),
        )
        try:
            await self._services.hosts.take_facts(self._host.id, hello.slots, hello.isolation)
        except (Unavailable, GridError) as exc:
            raise _Closing(TRY_AGAIN, "the grid cannot be written now") from exc

    async def _keep_alive(self) -> None:
        assert self._live is not None
        try:
            await self._services.hosts.keep_alive(self._live)
        except LeaseGone:
            await self._announce()
        except GridError as exc:
            log.warning("liveness not renewed: %s", exc, extra=ids(host=self._host.id))

    async def _welcome(self) -> None:
        """The first message; what `_write` sends comes after it."""
        self._directory = self._services.directory.for_agents()
        now = self._services.clock.now()
        try:
            await self._send(Welcome(self._host.name, self._host.id, now, self._directory))
        except (TimeoutError, ConnectionError) as exc:
            raise _Closing(TRY_AGAIN, "messages are not taken") from exc
        for message in self._services.lifecycle.cuts_due(self._host.id):
            self.cut(message)
        self._wake.set()

    def _changed(self, change: Change) -> None:
        if self._concerns(change):
            self._wake.set()

    def _concerns(self, change: Change) -> bool:
        if self._services.directory.is_touched_by(change):
            return True
        if change.scope == "site":
            return change.path[:2] in (("slot", self._host.id), ("host", self._host.id))
        record = change.record or change.previous
        return change.path[0] == "session" and record is not None and record.value["host_id"] == self._host.id

    async def _write(self) -> None:
        """Send what is due until cancelled; an agent that does not take it loses its channel."""
        try:
            while True:
                await self._wake.wait()
                self._wake.clear()
                await self._send_due()
        except (TimeoutError, ConnectionError) as exc:
            log.warning("host does not take its messages: %r", exc, extra=ids(host=self._host.id))
            self.end(TRY_AGAIN, "messages are not taken")

    async def _send_due(self) -> None:
        host = self._services.hosts.get(self._host.id)
        if host is None or host.revoked:
            self.end(CERTIFICATE_REFUSED, "the host was removed from the site")
            return
        if self._directory is None:
            return  # not welcomed yet
        directory = self._services.directory.for_agents()
        if directory != self._directory:
            self._directory = directory
            await self._send(directory)
        sessions = self._services.sessions.of_host(self._host.id)
        late = tuple(order for order in self._orphans.values() if order is not None)
        orders = tuple(map(Order.of, sessions)) + late
        if orders != self._orders:
            self._orders = orders
            await self._send(Desired(self._services.snapshot.revision, orders))
        while self._cuts:
            await self._send(self._cuts.popleft())

    async def _send(self, message: FromBroker) -> None:
        async with asyncio.timeout(SEND_SECONDS):
            await self._socket.send_str(encode(message))


class _Closing(Exception):
    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


def _parse(text: str) -> Hello | Report | Heartbeat | None:
    try:
        return parse_from_agent(text)
    except ProtocolError as exc:
        raise _Closing(MALFORMED, exc.message) from exc
