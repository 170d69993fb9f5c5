"""A real worker process on a real Xvfb, and a bare gateway's inner listener that it dials.

The listener accepts dials and nothing else: it hands the bytes to a StreamClient, as the splice would hand them to a
browser. Keys and certificates are those of a site.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from agents.linux.launch_line import WORKER_ENVIRONMENT
from broker.pki import certificates
from portcullis.ids import new_id
from portcullis.model.stream_figures import StreamFigures
from portcullis.protocol import messages as m
from portcullis.protocol.worker_channel import (
    Closing,
    Cut,
    Dial,
    DialFailed,
    Gateway,
    GrantKeys,
    LineBuffer,
    Start,
    Unused,
    WorkerState,
    decode_from_leader,
    encode,
)
from portcullis.revocations import Revocation, sign_revocation
from portcullis.site_tls import MachineIdentity, machine_server_context
from portcullis.tickets import CHANNELS, Grant, sign_grant, to_base64url
from tests.support.patience import patient
from tests.support.stream_client import BrowserKey, StreamClient
from tests.support.xserver import XServer

ROOT = Path(__file__).parent.parent.parent
WAIT_SECONDS = 15


class WorkerSession:
    """`start` first. `attach` makes an attached client, `dial` one that has to prove itself yet."""

    def __init__(self, x: XServer, *, width: int = 800, height: int = 600, layout: str = "us") -> None:
        self.x = x
        self.session, self.tenant, self.host, self.site = new_id(), new_id(), new_id(), new_id()
        self.user, self.login = new_id(), secrets.token_hex(32)
        self.key = BrowserKey()
        self.e = 0
        self.size = (width, height)
        self.layout = layout
        self.lines: list[WorkerState | DialFailed] = []
        self.figures: list[StreamFigures] = []
        self.unused: list[Unused] = []
        self.clients: list[StreamClient] = []
        self.command = [sys.executable, "-m", "agents.worker"]
        self.dial_port: int | None = None
        """Of whoever stands in front of the bare gateway, such as a slow path."""
        self.log = ""
        self._kid = new_id()
        self._grant_key = Ed25519PrivateKey.generate()
        self._ca_key = certificates.new_key()
        self._ca = certificates.make_ca(self._ca_key, self.site, time.time())
        self._awaited: dict[str, asyncio.Future[tuple[asyncio.StreamReader, asyncio.StreamWriter]]] = {}
        self._said = asyncio.Condition()

    @property
    def state(self) -> WorkerState | None:
        return next((line for line in reversed(self.lines) if isinstance(line, WorkerState)), None)

    # --- Grants

    def grant(self, **changes: object) -> Grant:
        now = time.time()
        grant = Grant(
            kid=self._kid,
            tenant=self.tenant,
            user=self.user,
            login=self.login,
            session=self.session,
            host=self.host,
            channels=CHANNELS,
            client_key=self.key.public,
            e=self.e,
            issued=now,
            expires=now + 600,
        )
        return replace(grant, **changes)

    def signed(self, **changes: object) -> str:
        return sign_grant(self.grant(**changes), self._grant_key)

    def signed_word(self, revocation: Revocation) -> str:
        return sign_revocation(revocation, self._kid, self._grant_key)

    # --- Clients

    async def dial(self, grant: str, gateway_name: str = "gate") -> StreamClient:
        client = StreamClient(*await self.dial_raw(grant, gateway_name))
        self.clients.append(client)
        return client

    async def dial_raw(
        self, grant: str, gateway_name: str = "gate"
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """The worker's side of a WebSocket that is open already."""
        rendezvous = secrets.token_hex(32)
        arrival = asyncio.get_running_loop().create_future()
        self._awaited[rendezvous] = arrival
        gateway = Gateway(gateway_name, f"127.0.0.1:{self.dial_port or self.port}")
        self.connection = new_id()
        self.tell(Dial(gateway, rendezvous, grant, self.connection))
        async with asyncio.timeout(patient(WAIT_SECONDS)):
            return await arrival

    async def attach(self, *, new_ticket: bool = True, **changes: object) -> StreamClient:
        """As a browser that redeemed a ticket does; without one it resumes."""
        self.e += 1 if new_ticket else 0
        grant = self.signed(**changes)
        client = await self.dial(grant)
        await client.attach(grant, self.key, session=self.session, e=self.e)
        return client

    async def attach_drawn(self, **changes: object) -> StreamClient:
        """Attached, and its picture is the display's."""
        client = await self.attach(**changes)
        await self.until_drawn(client)
        return client

    async def until_drawn(self, client: StreamClient) -> None:
        """The client's picture and the framebuffer are the same, to the pixel."""

        def is_drawn() -> bool:
            height, width, _ = client.picture.shape
            return client.frames > 0 and bool((client.picture == self.x.picture(width, height)).all())

        async def nudge() -> None:  # the framebuffer tells of no change by itself
            while True:
                await asyncio.sleep(0.05)
                client.send(m.Ping(1))

        nudging = asyncio.get_running_loop().create_task(nudge())
        try:
            await client.until(is_drawn)
        finally:
            nudging.cancel()

    # --- The agent's side

    def tell(self, message: Start | Dial | GrantKeys | Cut | Closing) -> None:
        self._writer.write(encode(message))

    def tell_raw(self, line: bytes) -> None:
        self._writer.write(line)

    def grant_keys(self) -> dict[str, str]:
        return {self._kid: to_base64url(self._grant_key.public_key().public_bytes_raw())}

    def start_line(self, **changes: object) -> Start:
        start = Start(
            session=self.session,
            tenant=self.tenant,
            host=self.host,
            site=self.site,
            width=self.size[0],
            height=self.size[1],
            ca=self._ca.public_bytes(Encoding.PEM).decode(),
            grant_keys=self.grant_keys(),
            layout=self.layout,
            display=self.x.display,
            framebuffer=str(self.x.framebuffer),
            xauthority=str(self.x.xauthority),
        )
        return replace(start, **changes)

    async def until(self, condition) -> None:
        """Looks again after every line of the worker."""
        async with asyncio.timeout(patient(WAIT_SECONDS)), self._said:
            await self._said.wait_for(condition)

    async def start(self, *, shown: bool = True) -> None:
        """Up to its first window, which is gone again: from there on, viewers see what there is."""
        await self.launch()
        self.tell(self.start_line())
        await self.until(lambda: self.state is not None)
        if shown:
            windows = self.state.windows
            close = self.x.show_window()
            await self.until(lambda: self.state.windows > windows)
            close()
            await self.until(lambda: self.state.windows == windows)
            del self.lines[:-1]

    async def launch(self) -> None:
        """The process and the listener, without the first line."""
        await self._listen()
        ours, theirs = socket.socketpair()
        self._start_process(theirs)
        theirs.close()
        reader, self._writer = await asyncio.open_connection(sock=ours)
        self._reading = asyncio.get_running_loop().create_task(self._read(reader))

    async def _listen(self) -> None:
        context = machine_server_context(
            self._gateway_pem("gate"), self._ca.public_bytes(Encoding.PEM).decode()
        )
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=context)
        self.port: int = self._server.sockets[0].getsockname()[1]

    def _start_process(self, theirs: socket.socket) -> None:
        self._log_file = (self.x.folder / f"worker-{self.session}.log").open("wb")
        self.process = subprocess.Popen(
            self.command,
            preexec_fn=lambda: os.dup2(theirs.fileno(), 3, inheritable=True),
            pass_fds=[3],
            cwd=ROOT,
            env={**os.environ, **WORKER_ENVIRONMENT},
            stderr=self._log_file,
        )

    def read_log(self) -> str:
        return Path(self._log_file.name).read_text()

    async def ended(self) -> int:
        """The worker's exit status; its log is in `log`."""
        status = await asyncio.to_thread(self.process.wait, patient(WAIT_SECONDS))
        self.log = self.read_log()
        return status

    async def stop(self) -> None:
        for client in self.clients:
            await client.drop()
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        await self.ended()
        self._log_file.close()
        self._reading.cancel()
        with contextlib.suppress(asyncio.CancelledError, OSError):
            await self._reading
        self._writer.close()
        self._server.close()
        await self._server.wait_closed()

    async def _read(self, reader: asyncio.StreamReader) -> None:
        buffer = LineBuffer()
        with contextlib.suppress(OSError):
            while data := await reader.read(1 << 16):
                for line in buffer.feed(data):
                    message = decode_from_leader(line)
                    if isinstance(message, StreamFigures):
                        self.figures.append(message)
                        continue
                    if isinstance(message, Unused):
                        async with self._said:
                            self.unused.append(message)
                            self._said.notify_all()
                        continue
                    assert isinstance(message, WorkerState | DialFailed)
                    async with self._said:
                        self.lines.append(message)
                        self._said.notify_all()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, ssl.SSLError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            fields = dict(line.split(": ", 1) for line in head.split("\r\n")[1:] if line)
            assert head.startswith("GET /rendezvous HTTP/1.1\r\n")
            assert fields["Upgrade"] == "portcullis-stream" and fields["Portcullis-Session"] == self.session
            writer.write(
                b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: portcullis-stream\r\n\r\n"
            )
            self._awaited.pop(fields["Portcullis-Rendezvous"]).set_result((reader, writer))

    def _gateway_pem(self, name: str) -> Path:
        key = certificates.new_key()
        identity = MachineIdentity(self.site, "gateway", new_id(), name, 1)
        certificate = certificates.make_machine(
            self._ca, self._ca_key, identity, key.public_key(), time.time()
        )
        private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        pem = self.x.folder / f"{name}.pem"
        pem.write_bytes(private + certificate.public_bytes(Encoding.PEM))
        return pem


@contextlib.asynccontextmanager
async def worker_session(x: XServer, *, shown: bool = True, **options) -> AsyncIterator[WorkerSession]:
    session = WorkerSession(x, **options)
    await session.start(shown=shown)
    try:
        yield session
    finally:
        await session.stop()
