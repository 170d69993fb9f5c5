"""A site to revoke things in: real brokers on one grid, a real gateway, a host with the real agent, and live streams.

    async with revocation_site(tmp_path, etcd=True) as site:
        stream = await site.attach(await site.person())
        await site.api("POST", "admin/users/u1/sign-out", {})
        assert await stream.closed() == 4411

Only leader and display are missing: a session's worker lives in this process. It dials, verifies and closes with the
parts of the real one (dialler, stream, book of revocations), and answers no frames, unless a test says how.
"""

from __future__ import annotations

import asyncio
import contextlib
import shutil
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import aiohttp
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from agents.app import Agent
from agents.contracts import Adopted
from agents.settings import AgentSettings
from agents.worker.arbiter import Arbiter
from agents.worker.dial import Dialler
from agents.worker.stream import Stream
from broker.app import Broker
from broker.grid.grid import Grid
from broker.grid.opening import GridChoice, open_grid
from broker.grid.seal import SiteKey
from broker.identity.logins import new_login
from broker.initialise import InitialSecrets, initialise
from broker.launch.launch import LaunchRequest
from broker.repositories.users import user_creation
from broker.settings import BrokerSettings
from gateway.app import GatewayApp
from portcullis.clock import SystemClock
from portcullis.enrolment.credentials import Credentials
from portcullis.enrolment.joining import join
from portcullis.errors import Refused
from portcullis.ids import BearerSecret, name_hash, new_id
from portcullis.model.application import Application, Entitlement
from portcullis.model.session import Display, Session
from portcullis.model.user import Login, User
from portcullis.protocol import admission
from portcullis.protocol.closing import close_code
from portcullis.protocol.messages import AdmitGrant, Admitted, AdmitTicket, decode, encode
from portcullis.protocol.orders import Order
from portcullis.protocol.worker_channel import (
    Dial,
    Fence,
    FromWorker,
    GrantKeys,
    Revoke,
    Start,
    Status,
    ToWorker,
    WorkerState,
)
from portcullis.revocations import RevocationBook
from portcullis.settings import Address
from portcullis.tasks import cancel_and_wait, spawn
from portcullis.tickets import Grant, verify_grant, verifying_keys
from tests.support.browser import ClientKey
from tests.support.etcd import EtcdCluster
from tests.support.grid_tap import TappedGrid
from tests.support.patience import patient, until
from tests.support.ports import free_ports

WAIT_SECONDS = 20.0


class Receiver:
    def __init__(self, stream: Stream, gone: Callable[[], None]) -> None:
        self.stream = stream
        self._gone = gone

    def admitted(self) -> None: ...

    def received(self, payload: bytes) -> None: ...

    def broke_protocol(self, error: Exception) -> None: ...

    def writable(self) -> None: ...

    def lost(self) -> None:
        self._gone()


class Leader:
    """A session on the host, worker included; it is a `LeaderLink` to the agent."""

    def __init__(self, start: Start, receiver: type[Receiver] = Receiver) -> None:
        self.session = start.session
        self._receiver = receiver
        self._clock = SystemClock()
        self._keys = verifying_keys(start.grant_keys)
        self._dialler = Dialler(start.ca, start.site, start.session)
        self.book = RevocationBook(lambda: self._keys, self._clock)
        self._arbiter = Arbiter(start.session, start.host, start.tenant, self.book)
        self._said: asyncio.Queue[Status | FromWorker | None] = asyncio.Queue()
        self.streams: dict[Stream, Grant] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self.ended: str | None = None
        self._said.put_nowait(self._status())
        self._said.put_nowait(WorkerState(1, 0, 0, words=1))

    def _status(self, code: str | None = None) -> Status:
        return Status(self.session, "application", ended=code is not None, code=code)

    async def receive(self) -> Status | FromWorker | None:
        return await self._said.get()

    def send(self, message: ToWorker) -> None:
        match message:
            case Dial():
                task = spawn(self._dial(message), name="dial of a test")
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
            case GrantKeys():
                self._keys = verifying_keys(message.grant_keys)
                self._close(lambda grant: None if grant.kid in self._keys else "grant_refused")
            case Revoke():
                for text in message.revocations:
                    with contextlib.suppress(Refused):
                        self.book.add(text)
                self._close(self.book.refuses)
            case Fence():
                self._close(lambda grant: message.code)

    def end(self, code: str, grace_seconds: float, detail: str | None = None) -> None:
        self.ended = code
        self._said.put_nowait(self._status(code))
        self._said.put_nowait(None)

    async def close(self) -> None:
        await cancel_and_wait(*self._tasks)

    async def _dial(self, order: Dial) -> None:
        grant = verify_grant(order.grant, self._keys, self._clock.now())
        stream = await self._dialler.dial(order)
        receiver = self._receiver(stream, lambda: self.streams.pop(stream, None))
        stream.start(receiver)
        try:
            self._arbiter.admit(grant)
        except Refused as exc:
            stream.close(close_code(exc.code), exc.code)
        else:
            self.streams[stream] = grant
            receiver.admitted()

    def _close(self, code_of: Callable[[Grant], str | None]) -> None:
        for stream, grant in list(self.streams.items()):
            code = code_of(grant)
            if code is not None:
                stream.close(close_code(code), code)


class Leaders:
    """The host's `Launcher`."""

    isolation = "accounts"
    grouping = "none"
    ready = 0
    ready_memory_bytes = 0
    features: frozenset[str] = frozenset()

    def __init__(self) -> None:
        self.sessions: dict[str, Leader] = {}
        self.receiver = Receiver

    async def launch(self, order: Order, start: Start) -> Leader:
        self.sessions[order.session] = Leader(start, self.receiver)
        return self.sessions[order.session]

    async def keep_ready(self, count: int, may_begin: bool = True) -> None: ...

    def looks(self, check: object) -> dict[str, object]:
        return {}

    def processes(self, known: object) -> tuple[()]:
        return ()

    async def adopt(self) -> list[Adopted]:
        return []

    async def reopen(self, session: str) -> None:
        return None

    async def ended(self, session: str) -> Status | None:
        return None

    async def forget(self, session: str) -> None:
        self.sessions.pop(session, None)


@dataclass
class Person:
    user: User
    login: Login
    secret: BearerSecret
    session: Session
    application: Application


@dataclass
class LiveStream:
    socket: ClientConnection
    grant: str

    async def closed(self) -> int:
        """The close code that the client saw."""
        async with asyncio.timeout(patient(WAIT_SECONDS)):
            with contextlib.suppress(ConnectionClosed):
                while True:
                    await self.socket.recv()
        return self.socket.close_code or 1006

    async def is_open(self) -> bool:
        async with asyncio.timeout(patient(WAIT_SECONDS)):
            try:
                await (await self.socket.ping())
            except ConnectionClosed:
                return False
        return True


@dataclass
class RevocationSite:
    secrets: InitialSecrets
    brokers: list[Broker]
    folders: list[Path]
    taps: list[TappedGrid]
    gateway: GatewayApp
    gateway_origin: str
    leaders: Leaders
    agent: Agent
    host: Credentials
    etcd: EtcdCluster | None = None
    undo: contextlib.AsyncExitStack = field(default_factory=contextlib.AsyncExitStack)

    @property
    def tenant(self) -> str:
        return self.secrets.tenant_id

    @property
    def origin(self) -> str:
        return self.gateway_origin

    async def person(self, name: str = "ann") -> Person:
        """With a login, and a session that is ready."""
        parts = self.brokers[0].parts
        tenant = await parts.stores.tenant(self.tenant)
        user = User(new_id(), name, password_hash="-", groups=frozenset({"staff"}), totp_secret="-")
        entitled = Entitlement(groups=frozenset({"staff"}))
        application = Application(new_id(), f"Editor of {name}", ("editor",), entitlement=entitled)
        operations, _ = user_creation(tenant, user)
        key, epoch, now = ClientKey(), parts.identity.tenants.epoch(), SystemClock().now()
        secret, login = new_login(self.tenant, user.id, key.public, now, epoch)
        result = await parts.stores.commit(
            *operations,
            tenant.put(("application", application.id), application.to_json()),
            tenant.put(("application-name", name_hash(application.name)), {"id": application.id}),
            tenant.put(("login", login.hash), login.to_json()),
        )
        for broker in self.brokers:
            assert await broker.parts.snapshot.until(result.revision, 5)
        return await self._launched(Person(user, login, secret, Session, application))  # type: ignore[arg-type]

    async def sign_in(self, person: Person) -> Person:
        """Anew: the record that a sign-in writes."""
        parts = self.brokers[0].parts
        tenant, key, now = await parts.stores.tenant(self.tenant), ClientKey(), SystemClock().now()
        epoch = parts.identity.tenants.epoch()
        secret, login = new_login(self.tenant, person.user.id, key.public, now, epoch)
        result = await parts.stores.commit(tenant.put(("login", login.hash), login.to_json()))
        for broker in self.brokers:
            assert await broker.parts.snapshot.until(result.revision, 5)
        return replace(person, login=login, secret=secret)

    async def _launched(self, person: Person) -> Person:
        parts = self.brokers[0].parts
        asked = LaunchRequest(self.tenant, person.user.id, person.application.id, Display())
        person.session, _ = await parts.launcher.launch(asked)
        await self.until(lambda: self._state(person) in ("ready", "active", "disconnected"))
        return person

    def _state(self, person: Person) -> str:
        found = self.brokers[0].parts.sessions.get(self.tenant, person.session.id)
        return found.state if found else "gone"

    async def attach(self, person: Person, address: str | None = None) -> LiveStream:
        """`address`: where the browser is."""
        issue = self.brokers[0].parts.attach.issue_ticket
        ticket = await issue(person.login, person.session.id, address)
        return await self._admitted(encode(AdmitTicket(ticket.text)))

    async def resume(self, grant: str) -> LiveStream | int:
        """The close code where it is refused."""
        try:
            return await self._admitted(encode(AdmitGrant(grant)))
        except ConnectionClosed as exc:
            return exc.rcvd.code if exc.rcvd else 1006

    async def _admitted(self, first: bytes) -> LiveStream:
        socket = await connect(
            f"ws://localhost:{self.gateway.public.port}/stream",
            origin=self.origin,  # type: ignore[arg-type]
            subprotocols=[admission.SUBPROTOCOL],  # type: ignore[list-item]
            compression=None,
            proxy=None,
        )
        self.undo.push_async_callback(socket.close)
        await socket.send(first)
        async with asyncio.timeout(patient(WAIT_SECONDS)):
            message = decode(await socket.recv())[0]  # type: ignore[arg-type]
        assert isinstance(message, Admitted)
        return LiveStream(socket, message.grant)

    async def api(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """As the administrator's token, through the gateway."""
        headers = {"Authorization": f"Bearer {self.secrets.api_token}"}
        async with (
            aiohttp.ClientSession() as http,
            http.request(method, f"{self.origin}/api/v1/{path}", json=body, headers=headers) as answer,
        ):
            text = await answer.text()
            return answer.status, (await answer.json() if text else None)

    async def until(self, holds: Callable[[], bool], seconds: float = WAIT_SECONDS) -> None:
        await until(holds, seconds)

    async def lose_quorum(self) -> None:
        """Two of three members die; without etcd, the grid stops answering the brokers."""
        for tap in self.taps:
            tap.unreachable = True
        if self.etcd is not None:
            await asyncio.gather(*(member.kill() for member in self.etcd.members[1:]))

    async def regain_quorum(self) -> None:
        if self.etcd is not None:
            await asyncio.gather(*(member.start() for member in self.etcd.members[1:]))
        for tap in self.taps:
            tap.unreachable = False

    async def until_degraded(self, degraded: bool = True) -> None:
        await self.until(lambda: all(b.parts.health.writable != degraded for b in self.brokers))


@contextlib.asynccontextmanager
async def revocation_site(
    folder: Path, *, brokers: int = 2, etcd: bool = False, slots: int = 10, name: str = ""
) -> AsyncIterator[RevocationSite]:
    """Without `etcd` there is one broker, on an embedded grid that can be told to answer nothing. With `name` the
    gateway is under https there, by a certificate of the site's web CA.
    """
    async with contextlib.AsyncExitStack() as undo:
        cluster = await undo.enter_async_context(EtcdCluster(folder / "etcd")) if etcd else None
        state = folder / "broker0"
        state.mkdir()
        choice = cluster.choice(state) if cluster else GridChoice("embedded", state=state)
        port, inner = free_ports(2)
        origin = f"https://{name}:{port}" if name else f"http://localhost:{port}"
        secrets = await _found(choice, state, origin)
        taps: list[TappedGrid] = []
        running, folders = [], []
        for number in range(brokers if etcd else 1):
            broker, its_state = await _broker(folder, number, choice, taps, undo)
            running.append(broker)
            folders.append(its_state)
        gateway = await _gateway(folder, secrets, running[0], (origin, port, inner), undo)
        host = await join(running[0].address, secrets.host_join_token, "h1", folder / "host", slots=slots)
        leaders = Leaders()
        settings = AgentSettings(state=folder / "host", runtime=folder / "run", warm_sessions=0, slots=slots)
        agent = Agent(settings, host, leaders)  # type: ignore[arg-type]
        stop = asyncio.Event()
        running_agent = spawn(agent.run(stop), name="agent of a test")
        undo.push_async_callback(cancel_and_wait, running_agent)
        site = RevocationSite(secrets, running, folders, taps, gateway, origin, leaders, agent, host, cluster)
        await site.until(lambda: host.id in gateway.links.hosts)
        await site.until(lambda: len(gateway.brokers.order) == len(running))
        await site.until(lambda: all(len(b.parts.gateway_registry) == 1 for b in running))
        async with site.undo:
            yield site


async def _found(choice: GridChoice, state: Path, origin: str) -> InitialSecrets:
    grid = await open_grid(choice, may_create=True)
    try:
        return await initialise(
            grid,
            SiteKey.create(state / "site.key"),
            site_name="lab",
            tenant_name="acme",
            administrator="admin",
            user="demo",
            public_origin=origin,
            secrets_file=state / "secrets.json",
        )
    finally:
        await grid.close()


async def _broker(
    folder: Path,
    number: int,
    choice: GridChoice,
    taps: list[TappedGrid],
    undo: contextlib.AsyncExitStack,
) -> tuple[Broker, Path]:
    state = folder / f"broker{number}"
    state.mkdir(exist_ok=True)
    if number:
        shutil.copy(folder / "broker0" / "site.key", state / "site.key")

    async def opened(_: BrokerSettings) -> Grid:
        grid = await open_grid(choice, may_create=False)
        if not choice.is_embedded:
            return grid
        taps.append(TappedGrid(grid))
        return taps[-1]  # type: ignore[return-value]

    settings = BrokerSettings(state=state, listen=Address("127.0.0.1", 0), name=f"b{number}")
    broker = Broker(settings, open_grid=opened)
    await broker.start()
    undo.push_async_callback(broker.stop)
    return broker, state


async def _gateway(
    folder: Path,
    secrets: InitialSecrets,
    broker: Broker,
    where: tuple[str, int, int],
    undo: contextlib.AsyncExitStack,
) -> GatewayApp:
    origin, port, inner = where
    credentials = await join(
        broker.address,
        secrets.gateway_join_token,
        "gw",
        folder / "gateway",
        address=f"127.0.0.1:{inner}",
        public_origin=origin,
    )
    gateway = GatewayApp(credentials, Address("127.0.0.1", port), Address("127.0.0.1", inner))
    undo.push_async_callback(gateway.stop)
    await gateway.start()
    return gateway
