"""Standing links: the WebSocket that each host's agent keeps to this gateway (docs/protocol.md 3).

A host is known by its certificate alone. Its newest link wins: an agent that comes back must not wait until the
death of its old connection is noticed. Each link is served by the handler that accepted it (`serve`), which also
pings; `attach` asks a host and waits for the answer.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

from aiohttp import WSCloseCode, WSMsgType, web

from portcullis.errors import ProtocolError, Refused, Unavailable
from portcullis.logs import ids
from portcullis.protocol import link
from portcullis.tasks import cancel_and_wait, spawn

log = logging.getLogger(__name__)

MAXIMUM_PENDING = 256
"""Attaches that one host may leave unanswered."""


class Links:
    def __init__(
        self,
        gateway: str,
        attach_seconds: float = link.ATTACH_SECONDS,
        broker_seconds: Callable[[], float] = lambda: 0.0,
        revocations: Callable[[str], Sequence[str]] = lambda host: (),
    ) -> None:
        """`broker_seconds`: since a broker was heard; `revocations`: all in force for a host. It is told both."""
        self._broker_seconds = broker_seconds
        self._revocations = revocations
        self._gateway = gateway
        self._attach_seconds = attach_seconds
        self._by_host: dict[str, _Link] = {}

    @property
    def hosts(self) -> frozenset[str]:
        return frozenset(self._by_host)

    async def serve(self, request: web.Request, host: str) -> web.WebSocketResponse:
        """Hold the link of `host` until it ends. The caller has checked the certificate."""
        socket = web.WebSocketResponse(
            protocols=(link.SUBPROTOCOL,),
            autoping=False,
            compress=False,
            max_msg_size=link.MAXIMUM_MESSAGE_BYTES,
        )
        await socket.prepare(request)
        if socket.ws_protocol is None:
            await socket.close(code=WSCloseCode.PROTOCOL_ERROR)
            return socket
        standing = _Link(socket, host, self._broker_seconds)
        previous, self._by_host[host] = self._by_host.get(host), standing
        log.info("link stands", extra=ids(host=host))
        try:
            if previous is not None:
                await previous.end(WSCloseCode.GOING_AWAY)
            await standing.run(self._gateway, self._revocations(host))
        finally:
            if self._by_host.get(host) is standing:
                del self._by_host[host]
            standing.fail_pending()
            log.info("link ended", extra=ids(host=host))
        return socket

    async def attach(
        self, connection: str, host: str, session: str, tenant: str, rendezvous: str, grant: str
    ) -> str | None:
        """Have the session's worker dial; the launch's reference, if the agent knows it.

        `connection` is the id under which all logs speak of this attach. Raises Refused with the agent's code, or
        Unavailable("host_unreachable").
        """
        standing = self._by_host.get(host)
        if standing is None:
            raise Unavailable("host_unreachable")
        request = link.Attach(connection, session, tenant, rendezvous, grant)
        return await standing.ask(request, self._attach_seconds)

    def revoke(self, texts: Sequence[str], by_host: Mapping[str, Sequence[str]]) -> None:
        """Tell every host, and some of them more."""
        for host, standing in self._by_host.items():
            its_own = [*texts, *by_host.get(host, ())]
            if its_own:
                standing.revoke(its_own)

    async def leave(self, connection: str, host: str, session: str, tenant: str) -> None:
        """Have the session's worker close this connection because the gateway drains. Whether it does shows at the
        connection alone.
        """
        standing = self._by_host.get(host)
        if standing is not None:
            await standing.send(link.Leave(connection, session, tenant))

    async def close(self) -> None:
        await asyncio.gather(*(standing.end(WSCloseCode.GOING_AWAY) for standing in self._by_host.values()))


class _Link:
    def __init__(self, socket: web.WebSocketResponse, host: str, broker_seconds: Callable[[], float]) -> None:
        self._socket = socket
        self._host = host
        self._broker_seconds = broker_seconds
        self._revoked: deque[str] = deque()
        self._wake = asyncio.Event()
        self._pending: dict[str, asyncio.Future[link.FromAgent]] = {}

    async def run(self, gateway: str, revocations: Sequence[str]) -> None:
        await self._socket.send_str(link.encode(link.Hello(gateway)))
        self.revoke(revocations)
        pings = spawn(self._ping(), name=f"pings of link {self._host}")
        teller = spawn(self._tell(), name=f"revocations of link {self._host}")
        try:
            await self._receive()
        finally:
            await cancel_and_wait(pings, teller)

    def revoke(self, texts: Sequence[str]) -> None:
        self._revoked.extend(texts)
        self._wake.set()

    async def ask(self, request: link.Attach, timeout_seconds: float) -> str | None:
        if len(self._pending) >= MAXIMUM_PENDING:
            raise Unavailable("host_unreachable")
        answer: asyncio.Future[link.FromAgent] = asyncio.get_running_loop().create_future()
        self._pending[request.request] = answer
        try:
            async with asyncio.timeout(timeout_seconds):
                await self._socket.send_str(link.encode(request))
                received = await answer
        except (TimeoutError, ConnectionError) as exc:
            raise Unavailable("host_unreachable") from exc
        finally:
            del self._pending[request.request]
        if isinstance(received, link.AttachRefused):
            if received.code == "host_unreachable":
                raise Unavailable(received.code)
            raise Refused(received.code)
        return received.reference

    async def send(self, message: link.FromGateway) -> None:
        """What is lost with a link that takes nothing."""
        with suppress(ConnectionError, TimeoutError):
            async with asyncio.timeout(1):
                await self._socket.send_str(link.encode(message))

    async def end(self, code: int) -> None:
        self.fail_pending()
        with suppress(ConnectionError, TimeoutError):
            async with asyncio.timeout(1):
                await self._socket.close(code=code, drain=False)

    def fail_pending(self) -> None:
        for answer in self._pending.values():
            if not answer.done():
                answer.set_exception(ConnectionResetError("the link has ended"))

    async def _receive(self) -> None:
        """Anything that arrives shows that the agent lives; our pings make it answer."""
        silence = link.PING_SECONDS + link.ANSWER_SECONDS
        while True:
            try:
                message = await self._socket.receive(timeout=silence)
            except TimeoutError:
                log.warning("link is silent", extra=ids(host=self._host))
                return await self.end(WSCloseCode.GOING_AWAY)
            if message.type is WSMsgType.TEXT:
                try:
                    self._take(message.data)
                except ProtocolError as exc:
                    log.warning("link broke the protocol: %s", exc, extra=ids(host=self._host))
                    return await self.end(WSCloseCode.PROTOCOL_ERROR)
            elif message.type is WSMsgType.PING:
                await self._socket.pong(message.data)
            elif message.type is not WSMsgType.PONG:
                return await self.end(WSCloseCode.PROTOCOL_ERROR)

    def _take(self, text: str) -> None:
        message = link.parse_from_agent(text)
        if message is None:
            return
        answer = self._pending.get(message.request)
        if answer is not None and not answer.done():
            answer.set_result(message)

    async def _ping(self) -> None:
        with suppress(ConnectionError):
            while True:
                await self._socket.send_str(link.encode(link.Heard(self._broker_seconds())))
                await asyncio.sleep(link.PING_SECONDS)
                await self._socket.ping()

    async def _tell(self) -> None:
        with suppress(ConnectionError):
            while True:
                await self._wake.wait()
                self._wake.clear()
                while self._revoked:
                    few = min(len(self._revoked), link.MAXIMUM_REVOCATIONS)
                    texts = tuple(self._revoked.popleft() for _ in range(few))
                    await self._socket.send_str(link.encode(link.Revoke(texts)))
