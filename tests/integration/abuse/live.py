"""A real worker on a real display behind a real gateway: what passes between a browser and an application.

    async with live_site(tmp_path, x) as live:
        client = await live.attach()               # through the gateway, proved and welcomed
        ...
        assert await live.is_well()                # a newcomer sees the display to the pixel

`Flipping` is a proxy before the gateway that flips bits by a seed.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator
from pathlib import Path

import psutil

from gateway.app import Options
from portcullis.protocol.messages import AdmitGrant, Admitted, Message
from portcullis.protocol.worker_channel import Dial, Gateway
from tests.integration.gateway.small_site import SmallSite, small_site
from tests.integration.gateway.stubs import TENANT
from tests.support.stream_client import StreamClient, StreamClosed, open_stream
from tests.support.worker_session import WorkerSession
from tests.support.xserver import XServer


class Live:
    def __init__(self, site: SmallSite, session: WorkerSession) -> None:
        self.site = site
        self.session = session
        self.x = session.x
        self.clients: list[StreamClient] = []

    @property
    def port(self) -> int:
        return self.site.gateway.public.port

    @property
    def ends(self):
        """Of the splices that run."""
        return self.site.gateway.streams._live

    def rss(self) -> int:
        return psutil.Process(self.session.process.pid).memory_info().rss

    async def open(self, *, port: int | None = None, **changes: object) -> tuple[StreamClient, str]:
        """Admitted by the gateway, not proved yet. A new ticket's epoch unless `e` is given."""
        if "e" not in changes:
            self.session.e += 1
        grant = self.session.signed(**changes)
        client = await open_stream(self.port, AdmitGrant(grant), self.site.origin, "localhost", port)
        self.clients.append(client)
        return client, grant

    async def attach(self, **changes: object) -> StreamClient:
        client, grant = await self.open(**changes)
        await client.receive(Admitted)
        session = self.session
        await client.attach(grant, session.key, session=session.session, e=int(changes.get("e", session.e)))
        return client

    async def attach_drawn(self) -> StreamClient:
        client = await self.attach()
        await self.session.until_drawn(client)
        return client

    async def is_well(self) -> bool:
        """The session lives, and whoever comes next sees it and is heard."""
        client = await self.attach_drawn()
        client.key("KeyA", "a")
        await client.until(lambda: client.last_input_applied == client.input)
        await client.close()
        await self.session.until(lambda: self.session.state.connections == 0)
        return self.session.process.poll() is None

    async def serve_dials(self) -> None:
        """The agent's part: the worker dials for each stream."""
        gateway = Gateway("edge", self.site.inner_address)
        while True:
            order = await self.site.agent.attaches.get()
            self.session.tell(Dial(gateway, order.rendezvous, order.grant))


@contextlib.asynccontextmanager
async def live_site(folder: Path, x: XServer, options: Options | None = None) -> AsyncIterator[Live]:
    async with small_site(folder, options) as site:
        site.agent.dials = False
        session = WorkerSession(x)
        session.session, session.tenant = site.session, TENANT
        session.host, session.site = site.agent.id, site.keys.site_id
        session._ca_key, session._ca = site.keys._ca_key, site.keys._ca
        session._kid, session._grant_key = site.keys.kid, site.keys._grant_key
        await session.start()
        live = Live(site, session)
        dials = asyncio.get_running_loop().create_task(live.serve_dials())
        try:
            yield live
        finally:
            for client in live.clients:
                await leave(client)
            dials.cancel()
            await session.stop()


async def leave(client: StreamClient) -> None:
    """Also one that fell over broken bytes."""
    with contextlib.suppress(Exception):
        await client.drop()
    client._writer.transport.abort()


def masked(opcode: int, payload: bytes = b"", *, fin: bool = True, rsv: int = 0) -> bytes:
    """A client's frame, whatever is wrong with it; the mask is zero."""
    first = (0x80 if fin else 0) | rsv << 4 | opcode
    length = len(payload)
    if length < 126:
        head = bytes((first, 0x80 | length))
    elif length < 1 << 16:
        head = bytes((first, 0xFE)) + length.to_bytes(2, "big")
    else:
        head = bytes((first, 0xFF)) + length.to_bytes(8, "big")
    return head + bytes(4) + payload


class Flipping:
    """A proxy: after `spared` bytes each way, every so many bytes of one way have a bit flipped, as `seed` says."""

    def __init__(self, port: int, seed: int, *, to_worker: bool, spared: int, every: int = 200) -> None:
        self._port = port
        self._chance = random.Random(seed)
        self._to_worker = to_worker
        self._spared = spared
        self._every = every
        self.flipped = 0
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Flipping:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *exc: object) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        ahead, behind = await asyncio.open_connection("127.0.0.1", self._port)
        for way in (
            self._copy(reader, behind, self._to_worker),
            self._copy(ahead, writer, not self._to_worker),
        ):
            task = asyncio.get_running_loop().create_task(way)
            self._tasks.add(task)

    async def _copy(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, flips: bool) -> None:
        passed, following = 0, self._spared + self._chance.randrange(self._every)
        try:
            while data := await reader.read(1 << 16):
                changed = bytearray(data)
                while flips and following < passed + len(data):
                    if following >= passed:
                        changed[following - passed] ^= 1 << self._chance.randrange(8)
                        self.flipped += 1
                    following += 1 + self._chance.randrange(2 * self._every)
                passed += len(data)
                writer.write(changed)
                await writer.drain()
            writer.close()  # what is written still leaves
        except OSError:
            writer.transport.abort()
        except asyncio.CancelledError:
            writer.transport.abort()
            raise


async def close_code(client: StreamClient) -> int:
    """Of the Close frame: the worker ends the connection a moment after it."""
    with contextlib.suppress(StreamClosed):
        await client.until(lambda: client._ws.close_rcvd)
    return client._ws.close_rcvd.code if client._ws.close_rcvd else 1006


def inputs(client: StreamClient, make, count: int) -> list[Message]:
    return [make(client.next_input(), number) for number in range(count)]
