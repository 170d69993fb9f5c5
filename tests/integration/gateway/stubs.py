"""What a gateway works with, played: the site's keys, a broker and its channel."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Callable
from pathlib import Path

from aiohttp import WSMsgType, web
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from broker.pki import certificates
from broker.pki.web_certificates import make_web_ca, make_web_certificate, parse_web_csr
from portcullis.enrolment.credentials import Credentials, server_context
from portcullis.ids import new_id, new_secret
from portcullis.protocol import gateway_channel
from portcullis.settings import Address
from portcullis.site_tls import MachineIdentity
from portcullis.tickets import Grant, sign_grant, to_base64url

LOOPBACK = Address("127.0.0.1", 0)


TENANT = "7" * 16


SITE = "5" * 16


NAME = "apps.example"
"""The public name of a site under https."""


class SiteKeys:
    """The keys of a site, and what is signed by them."""

    def __init__(self, folder: Path, site_id: str = SITE) -> None:
        self._folder = folder
        self.site_id = site_id
        self._ca_key = certificates.new_key()
        self._ca = certificates.make_ca(self._ca_key, site_id, time.time())
        self.kid = new_id()
        self._grant_key = Ed25519PrivateKey.generate()

    @property
    def ca_pem(self) -> str:
        return self._ca.public_bytes(Encoding.PEM).decode()

    @property
    def grant_keys(self) -> dict[str, str]:
        return {self.kid: to_base64url(self._grant_key.public_key().public_bytes_raw())}

    def machine(
        self,
        role: str,
        name: str,
        brokers: list[str] | None = None,
        id: str | None = None,
        public_origin: str = "",
    ) -> Credentials:
        """What `join` would have written for this machine."""
        state = self._folder / f"{role}-{name}"
        state.mkdir(exist_ok=True)
        key = certificates.new_key()
        identity = MachineIdentity(self.site_id, role, id or new_id(), name, 1)
        certificate = certificates.make_machine(
            self._ca, self._ca_key, identity, key.public_key(), time.time()
        )
        private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
        (state / "machine.pem").write_text(
            private + certificate.public_bytes(Encoding.PEM).decode() + self.ca_pem
        )
        data = {
            "role": role
            if role != "broker"
            else "gateway",  # a broker has no such file; only its contexts are used
            "id": identity.id,
            "name": name,
            "site": {"id": self.site_id, "name": "home"},
            "ca": self.ca_pem,
            "brokers": brokers or [],
            "grant_keys": self.grant_keys,
            "public_origins": [public_origin or "http://localhost:1"],
            "public_origin": public_origin,
        }
        (state / "machine.json").write_text(json.dumps(data))
        return Credentials.load(state)

    def grant(
        self, session: str, host: str, *, lifetime: float = 60, key: Ed25519PrivateKey | None = None
    ) -> str:
        now = time.time()
        grant = Grant(
            self.kid, TENANT, "1" * 16, "a" * 64, session, host, frozenset({"display"}), b"\4" + b"k" * 64, 1, now,
            now + lifetime,
        )  # fmt: skip
        return sign_grant(grant, key or self._grant_key)


class BrokerStub:
    """Answers as the broker's inner listener does, and remembers what it was asked.

    `channels`: whether it is of the version that has them.
    """

    def __init__(self, keys: SiteKeys, *, channels: bool = False) -> None:
        self.keys = keys
        self.channel = ChannelStub(self)
        self.public_origins: list[str] = ["http://localhost:1"]
        self.brokers: list[str] = []
        self.registrations = 0
        self.tickets: dict[str, dict[str, str]] = {}
        self.redeem_status: int | None = None
        self.requests: list[tuple[str, str, dict[str, list[str]], bytes]] = []
        self.api: Callable[[web.Request], object] | None = None
        self.web_ca = make_web_ca(NAME, time.time())
        self.web_certificates = 0
        self.web_now = time.time
        self.credentials = keys.machine("broker", f"broker-{new_id()}")
        app = web.Application(client_max_size=2**21)
        app.router.add_get("/inner/v1/gateway", self._register)
        if channels:
            app.router.add_get(gateway_channel.PATH, self.channel.serve)
        app.router.add_post("/inner/v1/redeem", self._redeem)
        app.router.add_post("/inner/v1/web-certificate", self._web_certificate)
        app.router.add_route("*", "/api/v1/{path:.*}", self._api)
        quiet = logging.getLogger("broker stub")  # some tests make it fail
        quiet.setLevel(logging.CRITICAL + 1)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1, handler_cancellation=True, logger=quiet)
        self.address = ""

    async def start(self, port: int = 0) -> None:
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", port, ssl_context=server_context(self.credentials))
        await site.start()
        self.address = f"127.0.0.1:{site.port}"
        self.brokers = self.brokers or [self.address]

    async def stop(self) -> None:
        await self._runner.cleanup()

    def ticket(self, session: str, host: str, grant: str) -> str:
        ticket = new_secret("ticket", TENANT).text
        self.tickets[ticket] = {"session": session, "tenant": TENANT, "host": host, "grant": grant}
        return ticket

    async def _register(self, request: web.Request) -> web.Response:
        self.registrations += 1
        return web.json_response(
            {
                "grant_keys": self.keys.grant_keys,
                "public_origins": self.public_origins,
                "site": {"id": self.keys.site_id, "name": "home"},
                "brokers": self.brokers,
            }
        )

    async def _web_certificate(self, request: web.Request) -> web.Response:
        self.web_certificates += 1
        key, (name,) = parse_web_csr((await request.json())["csr"])
        certificate = make_web_certificate(self.web_ca, name, key, self.web_now())
        chain = certificate.public_bytes(Encoding.PEM) + self.web_ca.certificate.public_bytes(Encoding.PEM)
        root = self.web_ca.root.public_bytes(Encoding.PEM)
        return web.json_response({"certificate": chain.decode(), "ca": root.decode()})

    async def _redeem(self, request: web.Request) -> web.Response:
        if self.redeem_status is not None:
            code = {401: "ticket_refused", 404: "session_ended"}.get(self.redeem_status, "internal_error")
            return web.json_response({"error": {"code": code, "message": "no"}}, status=self.redeem_status)
        redeemed = self.tickets.pop((await request.json())["ticket"], None)
        if redeemed is None:
            return web.json_response({"error": {"code": "ticket_refused", "message": "no"}}, status=401)
        return web.json_response(redeemed)

    async def _api(self, request: web.Request) -> web.StreamResponse:
        headers: dict[str, list[str]] = {}
        for name, value in request.headers.items():
            headers.setdefault(name.lower(), []).append(value)
        self.requests.append((request.method, request.raw_path, headers, await request.read()))
        await self.channel.thawed.wait()
        if self.api is not None:
            return await self.api(request)
        return web.json_response({"path": request.raw_path})


class ChannelStub:
    """The broker's end of the gateway channel; `thawed` cleared: the broker does nothing any more."""

    def __init__(self, broker: BrokerStub) -> None:
        self._broker = broker
        self.thawed = asyncio.Event()
        self.thawed.set()
        self.draining = False
        self.gateway_draining = False
        self.gateways: list[str] = []
        self.heard: list[gateway_channel.FromGateway | None] = []
        self.opened = 0
        self.answered = 0
        """Pings."""
        self.close_codes: list[int | None] = []
        self.socket: web.WebSocketResponse | None = None

    async def serve(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(protocols=(gateway_channel.SUBPROTOCOL,), autoping=False, timeout=0.1)
        await self.thawed.wait()
        await socket.prepare(request)
        self.opened += 1
        self.socket = socket
        await self.tell()
        async for message in socket:
            await self.thawed.wait()
            if message.type is WSMsgType.PING:
                await socket.pong(message.data)
                self.answered += 1
            elif message.type is WSMsgType.TEXT:
                self.heard.append(gateway_channel.parse_from_gateway(message.data))
        self.close_codes.append(socket.close_code)
        return socket

    async def tell(self, *messages: gateway_channel.FromBroker) -> None:
        """The site as it is now, unless something else is to be said."""
        for message in messages or (self._site(),):
            await self.socket.send_str(gateway_channel.encode(message))

    def _site(self) -> gateway_channel.Site:
        broker = self._broker
        return gateway_channel.Site(
            time.time(),
            broker.credentials.id,
            tuple(broker.brokers),
            broker.keys.grant_keys,
            tuple(broker.public_origins),
            tuple(self.gateways),
            self.draining,
            self.gateway_draining,
        )
