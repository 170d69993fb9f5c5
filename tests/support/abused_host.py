"""One host as the site sees it: the agent's Manager, real leaders and workers, and browsers attached to them.

    abused = AbusedHost(host, folder)                  # `host`: tests.support.session_host
    session = await abused.launch("paints.py")         # a program of tests/support/hostile
    client = await session.attach()
    report = await session.until(lambda report: report.state == "ended")

The gateway is the bare inner listener that workers dial; what the broker would be told is in `session.report`.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import secrets
import ssl
import sys
import time
from dataclasses import replace
from pathlib import Path

import psutil
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from agents.linux.launch_line import WORKER_COMMAND
from agents.sessions.manager import Manager, SiteFacts
from agents.sessions.session import TimeLimits
from broker.pki import certificates
from portcullis.ids import new_id
from portcullis.protocol.orders import Desired
from portcullis.protocol.reports import Report
from portcullis.protocol.worker_channel import Dial, Gateway
from portcullis.site_tls import MachineIdentity, machine_server_context
from portcullis.tickets import CHANNELS, Grant, sign_grant, to_base64url
from tests.support.patience import patient
from tests.support.session_host import Host
from tests.support.stream_client import BrowserKey, StreamClient

HOSTILE = Path(__file__).parent / "hostile"
PATIENCE_SECONDS = 60


class AbusedHost:
    """`start` first, `stop` at last. Limits and backend are the launcher's own unless given."""

    def __init__(self, host: Host, folder: Path, *, limits=None, backend=None, time_limits=None) -> None:
        self.host = host
        self.folder = folder
        self.sessions: dict[str, AbusedSession] = {}
        self._id, self.site, self._kid = new_id(), new_id(), new_id()
        self._grant_key = Ed25519PrivateKey.generate()
        self._ca_key = certificates.new_key()
        self._ca = certificates.make_ca(self._ca_key, self.site, time.time())
        self._awaited: dict[str, asyncio.Future[StreamClient]] = {}
        self._slots = itertools.count()
        keys = {self._kid: to_base64url(self._grant_key.public_key().public_bytes_raw())}
        facts = SiteFacts(self._id, self.site, self._ca.public_bytes(Encoding.PEM).decode(), keys)
        launcher = host.launcher(WORKER_COMMAND, backend, limits)
        times = time_limits or TimeLimits(window_seconds=30, closed_seconds=1, grace_seconds=1)
        self.manager = Manager(launcher, facts, self._on_report, times)

    async def start(self) -> None:
        context = machine_server_context(self._gateway_pem(), self._ca.public_bytes(Encoding.PEM).decode())
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=context)
        self._port = self._server.sockets[0].getsockname()[1]
        await self.manager.start()

    async def stop(self) -> None:
        for session in self.sessions.values():
            for client in session.clients:
                await client.drop()
        await self.manager.stop()
        self._server.close()
        await self._server.wait_closed()

    async def launch(
        self, *program: str, user: str | None = None, window: bool = True, display=None
    ) -> AbusedSession:
        """A program of tests/support/hostile, or any command, as a session; with its first window mapped."""
        command = (sys.executable, str(HOSTILE / program[0]), *program[1:])
        command = command if program[0].endswith(".py") else program
        order = self.host.order(*command, slot=next(self._slots), display=display)
        session = AbusedSession(self, replace(order, user_id=user or self.host.user_id))
        self.sessions[session.id] = session
        await self._apply()
        if window:
            await session.until(lambda report: report.state != "starting")
        return session

    async def forget(self, session: AbusedSession) -> None:
        """As when the site has dropped its record."""
        del self.sessions[session.id]
        await self._apply()

    async def _apply(self) -> None:
        orders = tuple(session.order for session in self.sessions.values())
        await self.manager.apply(Desired(1, orders))

    def _on_report(self, report: Report) -> None:
        if (session := self.sessions.get(report.session)) is None:
            return
        session.reports.append(report)
        session.reported.set()
        session.reported = asyncio.Event()

    # --- The gateway

    async def dial(self, session: AbusedSession, grant: str) -> StreamClient:
        rendezvous = secrets.token_hex(32)
        arrival = asyncio.get_running_loop().create_future()
        self._awaited[rendezvous] = arrival
        running = self.manager.find(session.id, session.order.tenant)
        assert running is not None
        running.send(Dial(Gateway("gate", f"127.0.0.1:{self._port}"), rendezvous, grant))
        async with asyncio.timeout(patient(PATIENCE_SECONDS)):
            return await arrival

    def grant(self, session: AbusedSession) -> str:
        now = time.time()
        grant = Grant(
            kid=self._kid,
            tenant=session.order.tenant,
            user=session.order.user_id,
            login=session.login,
            session=session.id,
            host=self._id,
            channels=CHANNELS,
            client_key=session.key.public,
            e=session.e,
            issued=now,
            expires=now + 600,
        )
        return sign_grant(grant, self._grant_key)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, ssl.SSLError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            fields = dict(line.split(": ", 1) for line in head.split("\r\n")[1:] if line)
            writer.write(
                b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: portcullis-stream\r\n\r\n"
            )
            client = StreamClient(reader, writer)
            self._awaited.pop(fields["Portcullis-Rendezvous"]).set_result(client)

    def _gateway_pem(self) -> Path:
        key = certificates.new_key()
        identity = MachineIdentity(self.site, "gateway", new_id(), "gate", 1)
        made = certificates.make_machine(self._ca, self._ca_key, identity, key.public_key(), time.time())
        private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        pem = self.folder / "gate.pem"
        pem.write_bytes(private + made.public_bytes(Encoding.PEM))
        return pem


class AbusedSession:
    def __init__(self, abused: AbusedHost, order) -> None:
        self._abused = abused
        self.order = order
        self.id = order.session
        self.reports: list[Report] = []
        self.reported = asyncio.Event()
        self.clients: list[StreamClient] = []
        self.login = secrets.token_hex(32)
        self.key = BrowserKey()
        self.e = 0

    @property
    def report(self) -> Report:
        return self.reports[-1]

    @property
    def folder(self) -> Path:
        return self._abused.host.folder(self.order)

    @property
    def processes(self) -> dict[str, int]:
        """Name -> id of its named processes that live: from the leader's own children."""
        leader = next(
            p for p in psutil.process_iter(["cmdline"]) if (p.info["cmdline"] or [""])[-1] == str(self.folder)
        )
        return {child.name(): child.pid for child in leader.children()}

    async def until(self, condition) -> Report:
        """The first report for which it holds, from the newest on."""
        async with asyncio.timeout(patient(PATIENCE_SECONDS)):
            while not (self.reports and condition(self.report)):
                await self.reported.wait()
        return self.report

    async def attach(self) -> StreamClient:
        self.e += 1
        grant = self._abused.grant(self)
        client = await self._abused.dial(self, grant)
        self.clients.append(client)
        await client.attach(grant, self.key, session=self.id, e=self.e)
        return client

    async def until_ended(self) -> Report:
        return await self.until(lambda report: report.state == "ended")

    async def log_off(self) -> Report:
        self.order = replace(self.order, state="ending")
        await self._abused._apply()
        return await self.until_ended()


async def press(client: StreamClient, code: str = "KeyA", text: str = "a") -> float:
    """Seconds from sending a key to the frame that shows it, received and drawn."""
    frames = client.frames
    began = time.perf_counter()
    client.key(code, text)
    await client.until(lambda: client.frames > frames and client.last_input_applied == client.input, 60)
    return time.perf_counter() - began


async def latencies(client: StreamClient, count: int) -> list[float]:
    """Of `count` keys typed 50 ms apart, so that each measures its own frame."""
    seconds = []
    for _ in range(count):
        await asyncio.sleep(0.05)
        seconds.append(await press(client))
    return seconds
