"""The agent's end of the control channel (docs/protocol.md 4): one WebSocket to one broker, whichever answers.

`ControlClient.run` is one task that dials, serves the channel until it breaks, waits a little and dials the next
broker (`brokers`). Pings find out within seconds that a broker is frozen or cut off. While a channel stands, three
tasks serve it: one reads, one sends reports as they change (only the newest of a session counts), one sends
heartbeats. A dry run or an act has a task of its own until it is answered. Losing the channel changes nothing on the
host.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import ssl
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException
from websockets.typing import Subprotocol

from agents.brokers import BrokerChoice
from portcullis.backoff import Backoff
from portcullis.errors import ProtocolError
from portcullis.logs import ids
from portcullis.protocol.acts import Act, Acted
from portcullis.protocol.channel import (
    MAXIMUM_FROM_BROKER_BYTES,
    SUBPROTOCOL,
    Cut,
    FromAgent,
    FromBroker,
    encode,
    parse_from_broker,
)
from portcullis.protocol.checks import Check, Checked
from portcullis.protocol.credentials import CredentialsWanted, GivenCredentials
from portcullis.protocol.directory import HEARTBEAT_SECONDS, Directory, Welcome
from portcullis.protocol.discovery import Discover, Discovered
from portcullis.protocol.orders import Desired
from portcullis.protocol.reports import Heartbeat, Hello, Report
from portcullis.protocol.revoked import Revocations

log = logging.getLogger(__name__)

OPEN_SECONDS = 5.0
WELCOME_SECONDS = 10.0
LONGEST_SECONDS = 3.0
"""Between two dials, while no broker answers: a site whose brokers were all dead is whole soon after."""
PING_SECONDS = 2.0
PONG_SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class ControlHandlers:
    """What the channel's messages mean to the agent."""

    hello: Callable[[], Hello]
    reports: Callable[[], tuple[Report, ...]]
    directory: Callable[[Directory], Awaitable[None]]
    desired: Callable[[Desired], Awaitable[None]]
    cut: Callable[[Cut], None]
    revocations: Callable[[Sequence[str]], None] = lambda texts: None
    time: Callable[[float], None] = lambda now: None
    """What time the broker has, at each welcome."""
    check: Callable[[Check], Awaitable[Checked]] | None = None
    """Makes a dry run; None: the hello names no such feature."""
    act: Callable[[Act], Awaitable[Acted]] | None = None
    """Does what help desk asks; None: likewise."""
    discover: Callable[[Discover], Awaitable[Discovered]] | None = None
    """Looks at what is installed; None: likewise."""
    credentials: Callable[[GivenCredentials], None] = lambda given: None
    """What the broker answers to `want`."""
    heartbeat: Callable[[], Heartbeat] = lambda: Heartbeat(0.0, 0)
    """How the machine and its streams are: of these, what is new since it was asked the last time."""


class ControlClient:
    def __init__(
        self,
        brokers: Callable[[], tuple[str, ...]],
        context: Callable[[], ssl.SSLContext],
        handlers: ControlHandlers,
    ) -> None:
        self._brokers = brokers
        self._context = context
        self._handlers = handlers
        self._choice = BrokerChoice(_uniform)
        self._unsent: dict[str, Report | CredentialsWanted] = {}
        self._wake = asyncio.Event()
        self.opened = 0
        """Channels that stood, so far."""
        self.is_up = False

    def want(self, wanted: CredentialsWanted) -> None:
        """Send it as soon as a channel stands."""
        self._unsent[f"credentials {wanted.session}"] = wanted
        self._wake.set()

    def report(self, report: Report) -> None:
        """Send it as soon as a channel stands; a newer one of the same session takes its place."""
        self._unsent[report.session] = report
        self._wake.set()

    async def run(self) -> None:
        backoff = Backoff(_uniform, LONGEST_SECONDS)
        while True:
            address = self._choice.next(self._brokers())
            if address is not None:
                try:
                    await self._serve(address, backoff)
                except (OSError, TimeoutError, WebSocketException, ProtocolError) as exc:
                    log.warning("no control channel: %s", exc, extra=ids(broker=address))
                self._choice.failed(address)
            await asyncio.sleep(backoff.next_seconds())

    async def _serve(self, address: str, backoff: Backoff) -> None:
        async with connect(
            f"wss://{address}/control",
            ssl=self._context(),
            subprotocols=[Subprotocol(SUBPROTOCOL)],
            compression=None,
            max_size=MAXIMUM_FROM_BROKER_BYTES,
            open_timeout=OPEN_SECONDS,
            ping_interval=PING_SECONDS,
            ping_timeout=PONG_SECONDS,
            close_timeout=1,
            proxy=None,
        ) as socket:
            hello = self._handlers.hello()
            await _send(socket, hello)
            welcome = await self._welcome(socket)
            log.info("control channel stands", extra=ids(broker=address, host=welcome.host))
            backoff.succeeded()
            self._choice.succeeded(address)
            self._handlers.time(welcome.time)
            await self._take_directory(welcome.directory)
            for report in self._handlers.reports():
                self.report(report)
            self.opened += 1
            self.is_up = True
            try:
                await self._exchange(socket, welcome.heartbeat_seconds, hello.features)
            finally:
                self.is_up = False

    async def _welcome(self, socket: ClientConnection) -> Welcome:
        async with asyncio.timeout(WELCOME_SECONDS):
            message = parse_from_broker(await socket.recv())
        if not isinstance(message, Welcome):
            raise ProtocolError("the broker's first message is not welcome")
        return message

    async def _exchange(
        self, socket: ClientConnection, heartbeat_seconds: float, features: frozenset[str]
    ) -> None:
        """Until the channel breaks: its error is raised as it is, not as a group."""
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._send_reports(socket), name="control-reports")
                heartbeats = self._send_heartbeats(socket, heartbeat_seconds, features)
                tasks.create_task(heartbeats, name="control-heartbeats")
                await self._receive(socket, tasks)
                raise ProtocolError("the broker closed the channel")
        except ExceptionGroup as group:
            raise group.exceptions[0] from group

    async def _receive(self, socket: ClientConnection, tasks: asyncio.TaskGroup) -> None:
        async for text in socket:
            message = parse_from_broker(text)
            if isinstance(message, Check):
                if self._handlers.check is not None:
                    tasks.create_task(_answer(socket, self._handlers.check(message)), name="control-check")
            elif isinstance(message, Act):
                if self._handlers.act is not None:
                    tasks.create_task(_answer(socket, self._handlers.act(message)), name="control-act")
            elif isinstance(message, Discover):
                if self._handlers.discover is not None:
                    discovering = _answer(socket, self._handlers.discover(message))
                    tasks.create_task(discovering, name="control-discover")
            elif message is not None:
                await self._handle(message)

    async def _handle(self, message: FromBroker) -> None:
        match message:
            case Desired():
                await self._handlers.desired(message)
            case Directory():
                await self._take_directory(message)
            case Cut():
                self._handlers.cut(message)
            case Revocations():
                self._handlers.revocations(message.revocations)
            case GivenCredentials():
                self._handlers.credentials(message)
            case Welcome():
                raise ProtocolError("welcome twice")

    async def _take_directory(self, directory: Directory) -> None:
        self._choice.told(directory.brokers)
        await self._handlers.directory(directory)

    async def _send_reports(self, socket: ClientConnection) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._unsent:
                name = next(iter(self._unsent))
                message = self._unsent.pop(name)
                try:
                    await _send(socket, message)
                except BaseException:
                    self._unsent.setdefault(name, message)
                    self._wake.set()
                    raise

    async def _send_heartbeats(
        self, socket: ClientConnection, seconds: float, features: frozenset[str]
    ) -> None:
        """Until this machine can do something else than it said at first: that is said in a hello alone."""
        while self._handlers.hello().features == features:
            await _send(socket, self._handlers.heartbeat())
            await asyncio.sleep(min(seconds, HEARTBEAT_SECONDS * 2))
        raise ProtocolError("what this host can do has changed: a new one says so")


def _uniform() -> float:
    return secrets.randbelow(1 << 20) / (1 << 20)


async def _answer(socket: ClientConnection, answer: Awaitable[Checked | Acted | Discovered]) -> None:
    await _send(socket, await answer)


async def _send(socket: ClientConnection, message: FromAgent) -> None:
    await socket.send(encode(message))
