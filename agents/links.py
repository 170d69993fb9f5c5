"""Standing links: one WebSocket to every gateway of the site (docs/protocol.md 3).

`Links` keeps one task a gateway of the directory, which dials again whenever the link breaks. A gateway's `attach` is
answered here: the grant must be the site's, for this host and this session; then the worker is told to dial.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import ssl
from collections.abc import Callable, Iterable, Mapping
from typing import Protocol

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException
from websockets.typing import Subprotocol

from portcullis.backoff import Backoff
from portcullis.clock import Clock
from portcullis.errors import PortcullisError, ProtocolError, Refused
from portcullis.logs import bound, ids
from portcullis.model.session import ATTACHABLE, State
from portcullis.protocol import link
from portcullis.protocol.directory import GatewayEntry
from portcullis.protocol.worker_channel import Dial, Gateway, Leave, ToWorker
from portcullis.site_tls import check_peer
from portcullis.tasks import cancel_and_wait, spawn
from portcullis.tickets import Grant, verify_grant

log = logging.getLogger(__name__)

OPEN_SECONDS = 5.0
HELLO_SECONDS = 5.0


class AttachedSession(Protocol):
    """What of a session matters when a client asks for it."""

    @property
    def state(self) -> State: ...

    @property
    def e(self) -> int: ...

    @property
    def reference(self) -> str: ...

    def send(self, message: ToWorker) -> None: ...


class Doorkeeper:
    """Decides on `attach`."""

    def __init__(
        self,
        host_id: str,
        clock: Clock,
        grant_keys: Callable[[], Mapping[str, Ed25519PublicKey]],
        find: Callable[[str, str], AttachedSession | None],
        check: Callable[[Grant], None] = lambda _: None,
    ) -> None:
        """`check` raises Refused for a grant that was revoked."""
        self._host_id = host_id
        self._clock = clock
        self._grant_keys = grant_keys
        self._find = find
        self._check = check

    def attach(self, attach: link.Attach, gateway: GatewayEntry) -> str:
        """Have the session's worker dial; the reference of its launch. Raises Refused with a code that the gateway
        passes on.

        The worker verifies the grant again, and the client's key: this only keeps it from being bothered.
        """
        session = self._find(attach.session, attach.tenant)
        if session is None or session.state not in ATTACHABLE:
            raise Refused("session_unknown")
        grant = verify_grant(attach.grant, self._grant_keys(), self._clock.now())
        meant = (grant.host, grant.session, grant.tenant)
        if meant != (self._host_id, attach.session, attach.tenant):
            raise Refused("grant_refused")
        self._check(grant)
        if grant.e < session.e:
            raise Refused("taken_over")
        address = Gateway(gateway.name, gateway.address)
        session.send(Dial(address, attach.rendezvous, attach.grant, attach.request))
        return session.reference

    def leave(self, leave: link.Leave) -> None:
        """Have the session's worker close a connection with the reason that its gateway drains."""
        session = self._find(leave.session, leave.tenant)
        if session is not None:
            session.send(Leave(leave.request))


class Links:
    def __init__(
        self,
        doorkeeper: Doorkeeper,
        context: Callable[[], ssl.SSLContext],
        told: Callable[[link.Revoke | link.Heard], None] = lambda _: None,
    ) -> None:
        """`told` hears what brokers said to a gateway."""
        self._told = told
        self._doorkeeper = doorkeeper
        self._context = context
        self._tasks: dict[GatewayEntry, asyncio.Task[None]] = {}
        self._up: set[GatewayEntry] = set()

    @property
    def up(self) -> int:
        """How many links stand."""
        return len(self._up)

    @property
    def wanted(self) -> int:
        return len(self._tasks)

    async def update(self, gateways: Iterable[GatewayEntry]) -> None:
        """Hold a link to each of them and to no other."""
        wanted = set(gateways)
        gone = [self._tasks.pop(gateway) for gateway in self._tasks.keys() - wanted]
        await cancel_and_wait(*gone)
        for gateway in wanted - self._tasks.keys():
            self._tasks[gateway] = spawn(self._keep(gateway), name=f"link-{gateway.name}")

    async def stop(self) -> None:
        await self.update(())

    async def _keep(self, gateway: GatewayEntry) -> None:
        backoff = Backoff(lambda: secrets.randbelow(1 << 20) / (1 << 20))
        while True:
            try:
                await self._serve(gateway, backoff)
            except (OSError, TimeoutError, WebSocketException, PortcullisError) as exc:
                log.warning("no link: %s", exc, extra=ids(gateway=gateway.name, address=gateway.address))
            await asyncio.sleep(backoff.next_seconds())

    async def _serve(self, gateway: GatewayEntry, backoff: Backoff) -> None:
        async with connect(
            f"wss://{gateway.address}/link",
            ssl=self._context(),
            subprotocols=[Subprotocol(link.SUBPROTOCOL)],
            compression=None,
            max_size=link.MAXIMUM_MESSAGE_BYTES,
            open_timeout=OPEN_SECONDS,
            ping_interval=link.PING_SECONDS,
            ping_timeout=link.ANSWER_SECONDS,
            close_timeout=1,
            proxy=None,
        ) as socket:
            check_peer(socket.transport.get_extra_info("ssl_object"), role="gateway", name=gateway.name)
            async with asyncio.timeout(HELLO_SECONDS):
                hello = link.parse_from_gateway(await socket.recv())
            if not isinstance(hello, link.Hello):
                raise ProtocolError("the gateway's first message is not hello")
            log.info("link stands", extra=ids(gateway=gateway.name))
            backoff.succeeded()
            self._up.add(gateway)
            try:
                await self._answer(socket, gateway)
            finally:
                self._up.discard(gateway)

    async def _answer(self, socket: ClientConnection, gateway: GatewayEntry) -> None:
        async for text in socket:
            message = link.parse_from_gateway(text)
            if isinstance(message, link.Attach):
                await socket.send(link.encode(self._decide(message, gateway)))
            elif isinstance(message, link.Leave):
                self._doorkeeper.leave(message)
            elif isinstance(message, link.Revoke | link.Heard):
                self._told(message)

    def _decide(self, attach: link.Attach, gateway: GatewayEntry) -> link.FromAgent:
        names = ids(session=attach.session, connection=attach.request, gateway=gateway.name)
        try:
            reference = self._doorkeeper.attach(attach, gateway)
        except Refused as exc:
            log.warning("attach refused: %s", exc.code, extra=names)
            return link.AttachRefused(attach.request, exc.code)
        with bound(reference=reference or None):
            log.info("worker is told to dial", extra=names)
        return link.AttachAccepted(attach.request, reference or None)
