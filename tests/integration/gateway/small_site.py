"""A site around one real gateway: CA and grant keys, a stub of the broker's inner API, an agent and its workers.

The agent and the workers are small but real: TLS 1.3 with certificates of the site, the link's codec, and for a worker
the server side of `websockets`, as a session's worker uses it. The broker is a stub because what is tested is what
the gateway does with each of its answers, failures included; `test_with_broker.py` runs the real one.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from websockets.asyncio.client import ClientConnection, connect
from websockets.frames import Frame, Opcode
from websockets.protocol import Protocol, Side, State

from gateway.app import GatewayApp, Options
from gateway.certificates import WebCertificate
from portcullis.enrolment.credentials import Credentials, client_context
from portcullis.ids import new_id
from portcullis.protocol import link
from portcullis.protocol.messages import AdmitGrant, AdmitTicket, encode
from portcullis.settings import Address
from portcullis.site_tls import worker_context
from tests.integration.gateway.stubs import LOOPBACK, NAME, BrokerStub, SiteKeys
from tests.support.patience import patient, until


class Worker(asyncio.Protocol):
    """A session's end of a stream: dials, then speaks the server side of an already open WebSocket."""

    def __init__(self, address: str, rendezvous: str, session: str) -> None:
        self._head = (
            f"GET /rendezvous HTTP/1.1\r\nHost: gateway\r\nConnection: Upgrade\r\nUpgrade: portcullis-stream\r\n"
            f"Portcullis-Rendezvous: {rendezvous}\r\nPortcullis-Session: {session}\r\n\r\n"
        )
        self._address = Address.parse(address)
        self._answer = bytearray()
        self.status: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self.lost: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.frames: asyncio.Queue[Frame] = asyncio.Queue()
        self.web_socket = Protocol(Side.SERVER, state=State.OPEN, max_size=1 << 26)
        self.received = bytearray()
        self.writable = asyncio.Event()
        self.writable.set()
        self.first: bytes | None = None

    async def dial(self, ca_pem: str) -> Worker:
        loop = asyncio.get_running_loop()
        context = worker_context(ca_pem)
        await loop.create_connection(lambda: self, self._address.host, self._address.port, ssl=context)
        await self.status
        return self

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        transport.write(self._head.encode())

    def data_received(self, data: bytes) -> None:
        if not self.status.done():
            self._answer += data
            head, separator, rest = bytes(self._answer).partition(b"\r\n\r\n")
            if not separator:
                return
            if self.first is not None:
                self.transport.write(self.first)
            self.status.set_result(int(head.split()[1]))
            data = rest
        self.received += data
        self.web_socket.receive_data(data)
        for frame in self.web_socket.events_received():
            self.frames.put_nowait(frame)
        self.flush()

    def eof_received(self) -> None:
        self.web_socket.receive_eof()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.status.done():
            self.status.set_exception(ConnectionResetError("no answer"))
            self.status.exception()
        self.lost.set_result(None)
        self.writable.set()

    def pause_writing(self) -> None:
        self.writable.clear()

    def resume_writing(self) -> None:
        self.writable.set()

    def send(self, data: bytes) -> None:
        self.web_socket.send_binary(data)
        self.flush()

    def close(self, code: int, reason: str = "") -> None:
        self.web_socket.send_close(code, reason)
        self.flush()

    def flush(self) -> None:
        for data in self.web_socket.data_to_send():
            self.transport.write(data) if data else self.transport.close()

    async def message(self) -> bytes:
        """The next whole message."""
        async with asyncio.timeout(patient(10)):
            frame = await self.frames.get()
            data = frame.data
            while not frame.fin:
                frame = await self.frames.get()
                if frame.opcode is Opcode.CONT:
                    data += frame.data
        return bytes(data)


class Agent:
    """A host's agent: holds the link and has workers dial, unless a test tells it otherwise."""

    def __init__(self, credentials: Credentials) -> None:
        self.credentials = credentials
        self.id = self.credentials.id
        self.answer: str | None = "accept"
        self.dials = True
        self.attaches: asyncio.Queue[link.Attach] = asyncio.Queue()
        self.revoked: asyncio.Queue[link.Revoke] = asyncio.Queue()
        self.leaves: asyncio.Queue[link.Leave] = asyncio.Queue()
        self.workers: asyncio.Queue[Worker] = asyncio.Queue()
        self.first: bytes | None = None
        self.ended: asyncio.Future[int | None] = asyncio.get_running_loop().create_future()
        self._tasks: set[asyncio.Task[None]] = set()

    async def connect(self, gateway_address: str) -> link.Hello:
        self._address = gateway_address
        self._session = aiohttp.ClientSession()
        self.socket = await self._session.ws_connect(
            f"https://{gateway_address}/link",
            ssl=client_context(self.credentials, "gateway"),
            protocols=(link.SUBPROTOCOL,),
        )
        hello = link.parse_from_gateway(await self.socket.receive_str())
        self._keep(self._run())
        return hello

    async def close(self) -> None:
        await self.socket.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        while not self.workers.empty():
            self.workers.get_nowait().transport.abort()
        await self._session.close()

    async def worker(self) -> Worker:
        async with asyncio.timeout(patient(10)):
            return await self.workers.get()

    async def dial(self, attach: link.Attach) -> Worker:
        worker = Worker(self._address, attach.rendezvous, attach.session)
        worker.first = self.first
        return await worker.dial(self.credentials.ca)

    async def _run(self) -> None:
        async for message in self.socket:
            if message.type is not aiohttp.WSMsgType.TEXT:
                continue
            attach = link.parse_from_gateway(message.data)
            if isinstance(attach, link.Leave):
                self.leaves.put_nowait(attach)
            if not isinstance(attach, link.Attach):
                continue
            self.attaches.put_nowait(attach)
            if self.answer == "accept":
                await self.socket.send_str(link.encode(link.AttachAccepted(attach.request)))
                if self.dials:
                    self._keep(self._have_dialled(attach))
            elif self.answer is not None:
                await self.socket.send_str(link.encode(link.AttachRefused(attach.request, self.answer)))
        if not self.ended.done():
            self.ended.set_result(self.socket.close_code)

    async def _have_dialled(self, attach: link.Attach) -> None:
        self.workers.put_nowait(await self.dial(attach))

    def _keep(self, coroutine) -> None:
        task = asyncio.create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


@dataclass
class SmallSite:
    keys: SiteKeys
    broker: BrokerStub
    gateway: GatewayApp
    agent: Agent
    session: str = field(default_factory=new_id)
    writers: list[asyncio.StreamWriter] = field(default_factory=list)
    tls: ssl.SSLContext | None = None
    """How a browser that trusts the site's certificate connects, when the site is under https."""

    @property
    def name(self) -> str:
        return NAME if self.tls else "localhost"

    @property
    def origin(self) -> str:
        return f"{'https' if self.tls else 'http'}://{self.name}:{self.gateway.public.port}"

    @property
    def inner_address(self) -> str:
        return f"127.0.0.1:{self.gateway.inner.port}"

    def grant(self, **changes) -> str:
        return self.keys.grant(self.session, self.agent.id, **changes)

    def ticket(self) -> str:
        return self.broker.ticket(self.session, self.agent.id, self.grant())

    def web_socket(self, **changes) -> connect:
        """A real client's connection to `/stream`."""
        options = {
            "origin": self.origin,
            "subprotocols": ["portcullis.v1"],
            "compression": None,
            "max_size": 1 << 26,
        }
        uri = self.origin.replace("http", "ws", 1) + "/stream"
        where = {"host": "127.0.0.1", "port": self.gateway.public.port} | (
            {"ssl": self.tls} if self.tls else {}
        )
        return connect(uri, proxy=None, **{**options, **where, **changes})

    async def attach(self) -> tuple[ClientConnection, Worker]:
        """A browser with a ticket and the worker it was joined with; ADMITTED has been read."""
        client = await self.web_socket()
        await client.send(encode(AdmitTicket(self.ticket())))
        await client.recv()
        return client, await self.agent.worker()

    async def raw(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        tls = {"ssl": self.tls, "server_hostname": self.name} if self.tls else {}
        reader, writer = await asyncio.open_connection("127.0.0.1", self.gateway.public.port, **tls)
        self.writers.append(writer)
        return reader, writer

    def upgrade_head(self, **changes: str | None) -> bytes:
        """The opening handshake of `/stream` as a browser writes it; None leaves a header out."""
        headers: dict[str, str | None] = {
            "Host": f"{self.name}:{self.gateway.public.port}",
            "Origin": self.origin,
            "Connection": "Upgrade",
            "Upgrade": "websocket",
            "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
            "Sec-WebSocket-Protocol": "portcullis.v1",
            "Sec-WebSocket-Extensions": "permessage-deflate",
        }
        headers.update({name.replace("_", "-"): value for name, value in changes.items()})
        lines = [f"{name}: {value}" for name, value in headers.items() if value is not None]
        return "\r\n".join(("GET /stream HTTP/1.1", *lines, "", "")).encode()


def client_bytes(*payloads: bytes) -> bytes:
    """Masked binary frames, as a browser would send them."""
    client = Protocol(Side.CLIENT, state=State.OPEN)
    for payload in payloads:
        client.send_binary(payload)
    return b"".join(client.data_to_send())


def admit_ticket(ticket: str) -> bytes:
    return encode(AdmitTicket(ticket))


def admit_grant(grant: str) -> bytes:
    return encode(AdmitGrant(grant))


@contextlib.asynccontextmanager
async def small_site(
    folder: Path, options: Options | None = None, *, https: bool = False, channels: bool = False
) -> AsyncIterator[SmallSite]:
    """`https`: under the name NAME, with a certificate of its web CA unless the options name one. `channels`: the
    broker has them; without, it is one of the version before.
    """
    keys = SiteKeys(folder)
    broker = BrokerStub(keys, channels=channels)
    async with contextlib.AsyncExitStack() as stack:
        await broker.start()
        stack.push_async_callback(broker.stop)
        origin = f"https://{NAME}" if https else ""
        credentials = keys.machine("gateway", "edge", [broker.address], public_origin=origin)
        gateway = GatewayApp(credentials, LOOPBACK, LOOPBACK, options)
        stack.push_async_callback(gateway.stop)
        await gateway.start()
        site = SmallSite(keys, broker, gateway, Agent(keys.machine("host", "desk")))
        if https:
            site.tls = trusting(broker.web_ca.root)
            if isinstance(gateway.tls, WebCertificate):
                await until(lambda: broker.web_certificates > 0 and gateway.tls.pair is not None)
        broker.public_origins = [site.origin]
        await gateway.brokers.register()
        if channels:
            await until(lambda: gateway.brokers.connected)
            await broker.channel.tell()
            await until(lambda: gateway.brokers.origins.texts == (site.origin,))
        stack.push_async_callback(site.agent.close)
        await site.agent.connect(site.inner_address)
        yield site
        for writer in site.writers:
            writer.transport.abort()


def trusting(root: x509.Certificate) -> ssl.SSLContext:
    return ssl.create_default_context(cadata=root.public_bytes(Encoding.PEM).decode())


def reset(writer: asyncio.StreamWriter) -> None:
    """End a connection by RST, as a crash or a firewall does."""
    raw = writer.get_extra_info("socket")
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    writer.transport.abort()
