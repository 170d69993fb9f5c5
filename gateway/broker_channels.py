"""A channel to every broker that this gateway knows of (docs/protocol.md 6), and to an older broker, regular calls.

One task a broker dials, again and again. Over a channel come the site and revocations; this gateway's state goes back.
Its pings every second are how a broker that is frozen or cut off is noticed: nothing heard for SILENCE_SECONDS ends the
channel, and whoever waits for that broker goes elsewhere.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from importlib.metadata import version

import aiohttp
from aiohttp import WSCloseCode, WSMsgType

from gateway.broker_health import BrokerHealth
from portcullis.backoff import Backoff
from portcullis.errors import PortcullisError, ProtocolError, Refused
from portcullis.ids import new_id
from portcullis.protocol import gateway_channel as protocol
from portcullis.protocol.revoked import MAXIMUM_REVOCATIONS, Revocations
from portcullis.tasks import cancel_and_wait, spawn

log = logging.getLogger(__name__)

OPEN_SECONDS = 3.0
CLOSE_SECONDS = 0.5
OLDER_SECONDS = 5.0
"""An older broker is called so often, and asked for a channel as often: it may be updated meanwhile."""

_OLDER = 404


class BrokerChannels:
    """`take` gets each message with the address it came from; `call_older` registers at a broker without channels."""

    def __init__(
        self,
        session: Callable[[], aiohttp.ClientSession],
        health: BrokerHealth,
        state: Callable[[], protocol.State],
        take: Callable[[str, protocol.FromBroker], None],
        call_older: Callable[[str], Awaitable[None]],
    ) -> None:
        self._session = session
        self._health = health
        self._state = state
        self._take = take
        self._call_older = call_older
        self._incarnation = new_id()
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._open: dict[str, _Channel] = {}

    def update(self, addresses: Iterable[str]) -> list[asyncio.Task[None]]:
        """Keep a channel to each of them, and those that stand; the tasks that were ended."""
        wanted = set(addresses)
        gone = [address for address in self._tasks if address not in wanted | self._open.keys()]
        ended = [self._tasks.pop(address) for address in gone]
        for task in ended:
            task.cancel()
        for address in wanted - self._tasks.keys():
            self._tasks[address] = spawn(self._keep(address), name=f"channel-{address}")
        return ended

    async def stop(self) -> None:
        """Brokers are told that this gateway leaves: cancelling a channel would cut it instead."""
        await asyncio.gather(*(channel.end(WSCloseCode.GOING_AWAY) for channel in self._open.values()))
        await cancel_and_wait(*self._tasks.values())
        self._tasks.clear()

    def tell(self) -> None:
        """The state changed in a way that should be known at once."""
        for channel in self._open.values():
            channel.tell()

    def pass_on(self, revocations: Sequence[str]) -> None:
        for channel in self._open.values():
            channel.pass_on(revocations)

    def renew(self) -> None:
        """There is a new certificate: channels that show the old one are made anew."""
        for channel in self._open.values():
            channel.renew()

    async def _keep(self, address: str) -> None:
        backoff = Backoff(lambda: secrets.randbelow(1 << 20) / (1 << 20))
        while True:
            pause: float | None = None
            try:
                await self._hold(address, backoff)
            except aiohttp.WSServerHandshakeError as exc:
                pause = OLDER_SECONDS if exc.status == _OLDER and await self._older(address) else None
                if exc.status != _OLDER:
                    self._health.failed(address, f"it refuses the channel with {exc.status}")
            except (aiohttp.ClientError, PortcullisError, OSError, TimeoutError) as exc:
                self._health.failed(address, exc)
            await asyncio.sleep(backoff.next_seconds() if pause is None else pause)

    async def _older(self, address: str) -> bool:
        try:
            await self._call_older(address)
        except PortcullisError as exc:
            log.warning("broker %s has not registered this gateway: %s", address, exc)
            return False
        return True

    async def _hold(self, address: str, backoff: Backoff) -> None:
        async with asyncio.timeout(OPEN_SECONDS):
            socket = await self._session().ws_connect(
                f"wss://{address}{protocol.PATH}",
                protocols=(protocol.SUBPROTOCOL,),
                autoping=False,
                max_msg_size=protocol.MAXIMUM_FROM_BROKER_BYTES,
                timeout=aiohttp.ClientWSTimeout(ws_close=CLOSE_SECONDS),
            )
        channel = _Channel(socket, self._state)
        code = WSCloseCode.TRY_AGAIN_LATER
        why: object = "its channel ended"
        try:
            await channel.greet(self._incarnation)
            async for message in channel.messages():
                self._health.heard()
                if message is not None:
                    if isinstance(message, protocol.Site):
                        self._open[address] = channel
                        backoff.succeeded()
                        self._health.connected(address, draining=message.draining)
                    self._take(address, message)
        except (aiohttp.ClientError, PortcullisError, OSError, TimeoutError) as exc:
            why = exc if str(exc) else type(exc).__name__
            code = WSCloseCode.PROTOCOL_ERROR if isinstance(exc, ProtocolError) else code
        finally:
            self._open.pop(address, None)
            self._health.lost(address, why)
            await channel.end(code)
            await channel.stop()


class _Channel:
    def __init__(self, socket: aiohttp.ClientWebSocketResponse, state: Callable[[], protocol.State]) -> None:
        self._socket = socket
        self._state = state
        self._wake = asyncio.Event()
        self._revoked: deque[str] = deque()
        self._tasks: list[asyncio.Task[None]] = []
        self._close_code: int | None = None

    async def greet(self, incarnation: str) -> None:
        if self._socket.protocol != protocol.SUBPROTOCOL:
            raise Refused("version_unsupported")
        await self._send(protocol.Hello(version("portcullis"), incarnation))
        self._tasks = [spawn(self._ping(), name="channel pings"), spawn(self._tell(), name="channel states")]

    async def messages(self) -> AsyncIterator[protocol.FromBroker | None]:
        """What arrives; None for a sign of life. Ends when the broker closes. Raises TimeoutError, ProtocolError."""
        while True:
            message = await self._socket.receive(timeout=protocol.SILENCE_SECONDS)
            if message.type is WSMsgType.TEXT:
                yield protocol.parse_from_broker(message.data)
            elif message.type is WSMsgType.PING:
                await self._socket.pong(message.data)
                yield None
            elif message.type is WSMsgType.PONG:
                yield None
            elif message.type is WSMsgType.BINARY:
                raise ProtocolError("a binary message")
            else:
                return

    def tell(self) -> None:
        self._wake.set()

    def pass_on(self, revocations: Sequence[str]) -> None:
        self._revoked.extend(revocations)
        self._wake.set()

    def renew(self) -> None:
        """Not as one that leaves: this gateway stays in the lists."""
        self._tasks.append(spawn(self.end(WSCloseCode.SERVICE_RESTART), name="channel end"))

    async def stop(self) -> None:
        await cancel_and_wait(*self._tasks)

    async def end(self, code: int) -> None:
        """Close; the first call's code counts."""
        self._close_code = self._close_code or code
        with suppress(TimeoutError, aiohttp.ClientError, OSError):
            async with asyncio.timeout(CLOSE_SECONDS):
                await self._socket.close(code=self._close_code)

    async def _send(self, message: protocol.FromGateway) -> None:
        await self._socket.send_str(protocol.encode(message))

    async def _ping(self) -> None:
        with suppress(ConnectionError, aiohttp.ClientError):
            while True:
                await asyncio.sleep(protocol.PING_SECONDS)
                await self._socket.ping()

    async def _tell(self) -> None:
        with suppress(ConnectionError, aiohttp.ClientError):
            while True:
                self._wake.clear()
                await self._send(self._state())
                while self._revoked:
                    few = min(len(self._revoked), MAXIMUM_REVOCATIONS // 4)
                    texts = tuple(self._revoked.popleft() for _ in range(few))
                    await self._send(Revocations(texts))
                with suppress(TimeoutError):
                    async with asyncio.timeout(protocol.STATE_SECONDS):
                        await self._wake.wait()
