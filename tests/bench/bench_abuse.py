"""What abuse costs others: one user's key -> frame while another one floods, requests among 2,000 silent connections,
and the gateway's memory while a client stands still for 60 s before an application that paints the whole screen.

A real gateway process, two real workers on displays of their own. Floods are made ahead and sent by a thread, as fast
as the session takes them, so that what measures is not what floods.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import socket
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from types import SimpleNamespace

import aiohttp
import psutil
from websockets.protocol import Protocol, Side, State

from portcullis.protocol import messages as m
from portcullis.protocol.worker_channel import Dial, Gateway
from tests.bench.figures import Figure, report
from tests.integration.abuse.live import Live
from tests.integration.gateway.small_site import Agent, SmallSite
from tests.integration.gateway.stubs import TENANT, BrokerStub, SiteKeys
from tests.support.ports import free_port
from tests.support.stream_client import StreamClient
from tests.support.worker_session import WorkerSession
from tests.support.xserver import XServer, x_server

STOPPED_SECONDS = 60
IDLE_CONNECTIONS = 2000
KEYS = 60
MIB = 1 << 20
NOISE = "while :; do head -c 60000 /dev/urandom | base64; done"


class Site:
    """One gateway process, its broker's stub, and sessions that are dialled by their id."""

    def __init__(self, small: SmallSite, process: psutil.Process) -> None:
        self.small = small
        self.process = process
        self.sessions: dict[str, WorkerSession] = {}

    def rss(self) -> int:
        return self.process.memory_info().rss

    async def session(self, x: XServer, name: str) -> Live:
        keys, session = self.small.keys, WorkerSession(x)
        session.session, session.tenant = name * 16, TENANT
        session.host, session.site = self.small.agent.id, keys.site_id
        session._ca_key, session._ca = keys._ca_key, keys._ca
        session._kid, session._grant_key = keys.kid, keys._grant_key
        await session.start()
        self.sessions[session.session] = session
        return Live(self.small, session)

    async def serve_dials(self) -> None:
        gateway = Gateway("edge", self.small.inner_address)
        while True:
            order = await self.small.agent.attaches.get()
            self.sessions[order.session].tell(Dial(gateway, order.rendezvous, order.grant))


@contextlib.asynccontextmanager
async def running_site(folder: Path) -> AsyncIterator[Site]:
    keys = SiteKeys(folder)
    broker = BrokerStub(keys)
    await broker.start()
    port, inner = free_port(), free_port()
    broker.public_origins = [f"http://localhost:{port}"]
    credentials = keys.machine("gateway", "edge", [broker.address])
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "gateway", "serve", "--state", str(credentials.state)),
        *("--listen", f"127.0.0.1:{port}", "--inner-listen", f"127.0.0.1:{inner}"),
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stderr is not None
    while b"serving on port" not in (line := await process.stderr.readline()):
        assert line, "the gateway ended"
    drain = asyncio.get_running_loop().create_task(process.stderr.read())
    listeners = SimpleNamespace(public=SimpleNamespace(port=port), inner=SimpleNamespace(port=inner))
    small = SmallSite(keys, broker, listeners, Agent(keys.machine("host", "desk")))  # type: ignore[arg-type]
    small.agent.dials = False
    await small.agent.connect(small.inner_address)
    site = Site(small, psutil.Process(process.pid))
    dials = asyncio.get_running_loop().create_task(site.serve_dials())
    try:
        yield site
    finally:
        dials.cancel()
        await small.agent.close()
        for session in site.sessions.values():
            await session.stop()
        process.terminate()
        await process.wait()
        await drain
        await broker.stop()


async def key_to_frame(client: StreamClient, count: int = KEYS) -> list[float]:
    """ms from a key to the first frame that shows it."""
    samples = []
    for number in range(count):
        began = time.perf_counter()
        client.key("KeyA", "ab"[number % 2])
        wanted, frames = client.input - 1, client.frames
        await client.until(
            lambda wanted=wanted, frames=frames: (
                client.frames > frames and client.last_input_applied >= wanted
            )
        )
        samples.append((time.perf_counter() - began) * 1000)
        await asyncio.sleep(0.05)
    return samples


def flood(first: int, make: Callable[[int, int], m.Message], count: int) -> bytes:
    """The frames of a client, made ahead."""
    client = Protocol(Side.CLIENT, state=State.OPEN)
    for start in range(0, count, 500):
        client.send_binary(m.encode(*(make(first + start + n, start + n) for n in range(500))))
    return b"".join(client.data_to_send())


FLOODS: dict[str, Callable[[int, int], m.Message]] = {
    "movements": lambda at, n: m.Pointer(at, n % 700, n % 500, n % 3, 0),
    "keys": lambda at, n: m.Key(at, n % 2 == 0, 0, 0, "KeyA", "a"),
    "pings": lambda at, n: m.Ping(n),
    "full frames": lambda at, n: m.Refresh(),
}


class Flooder:
    """Sends bytes from a thread, without end for those that may be repeated, until it is stopped."""

    def __init__(self, client: StreamClient, data: bytes) -> None:
        duplicate = client._writer.get_extra_info("socket")._sock.dup()
        duplicate.setblocking(True)
        self._socket = duplicate
        self._data = memoryview(data)
        self._over = threading.Event()
        self.sent = 0
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        with contextlib.suppress(OSError):
            while not self._over.is_set() and self.sent < len(self._data):
                self.sent += self._socket.send(self._data[self.sent : self.sent + 65536])

    async def __aenter__(self) -> Flooder:
        self._thread.start()
        return self

    async def __aexit__(self, *exc: object) -> None:
        self._over.set()
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        await asyncio.to_thread(self._thread.join)
        self._socket.close()


async def under_floods(site: Site, victim: StreamClient, attacker: Live, calm: list[float]) -> list[Figure]:
    figures = []
    for name, make in FLOODS.items():
        client = await attacker.attach_drawn()
        data = flood(client.input + 1, make, 400_000)
        before, worker = site.rss(), attacker.rss()
        began = time.perf_counter()
        async with Flooder(client, data) as flooder:
            samples = await key_to_frame(victim)
            rate = flooder.sent / len(data) * 400_000 / (time.perf_counter() - began)
            grown, worker_grown = site.rss() - before, attacker.rss() - worker
        await client.drop()
        memory = f"gateway {grown / MIB:+.1f} MB, that worker {worker_grown / MIB:+.1f} MB"
        note = f"{rate / 1000:.0f}k events/s taken; {memory}"
        figures.append(
            Figure(
                f"key -> frame beside a flood of {name}, median",
                statistics.median(samples),
                "ms",
                peer=statistics.median(calm),
                peer_name="without",
                note=note,
            )
        )
    return figures


async def requests(origin: str, count: int = 100) -> list[float]:
    samples = []
    for _ in range(count):
        began = time.perf_counter()
        async with aiohttp.ClientSession() as session, session.get(f"{origin}/healthz") as got:
            assert got.status == 200
        samples.append((time.perf_counter() - began) * 1000)
    return samples


async def among_silent_connections(site: Site) -> list[Figure]:
    port = site.small.gateway.public.port
    calm, before = await requests(site.small.origin), site.rss()
    silent = [socket.create_connection(("127.0.0.1", port)) for _ in range(IDLE_CONNECTIONS)]
    for number, each in enumerate(silent):
        if number % 2:
            each.send(b"GET / HTTP/1.1\r\nHost: ")
    samples = await requests(site.small.origin)
    grown = site.rss() - before
    for each in silent:
        each.close()
    name = f"a request on a new connection among {IDLE_CONNECTIONS} silent ones of the same address, p95"
    p95 = statistics.quantiles(samples, n=20)[-1]
    peer = statistics.quantiles(calm, n=20)[-1]
    return [
        Figure(
            name,
            p95,
            "ms",
            peer=peer,
            peer_name="without",
            note=f"gateway {grown / MIB:+.1f} MB; all 100 answered",
        )
    ]


async def before_a_stopped_client(site: Site, live: Live, seconds: int) -> list[Figure]:
    xterm = live.x.start("xterm", "-geometry", "130x45+0+0", "-e", "sh", "-c", NOISE)
    await live.x.window("--class", "xterm")
    client = await live.attach()
    await client.until(lambda: client.frames > 50)
    before, most, evicted = site.rss(), 0, 0.0
    client._writer.transport.pause_reading()
    began = time.perf_counter()
    while (passed := time.perf_counter() - began) < seconds:
        await asyncio.sleep(0.2)
        most = max(most, site.rss() - before)
        if not evicted and live.session.state is not None and not live.session.state.connections:
            evicted = passed
    await client.drop()
    again = await live.attach()
    await again.until(lambda: again.frames > 5)
    xterm.kill()
    await again.drop()
    note = f"evicted after {evicted:.0f} s; the session went on" if evicted else "not evicted in that time"
    name = f"gateway's memory for a client that stands still {seconds} s"
    return [Figure(name, most / MIB, "MB", limit=8, note=note)]


async def measure(stopped_seconds: int) -> list[Figure]:
    with tempfile.TemporaryDirectory() as folder, x_server() as one, x_server() as other:
        async with running_site(Path(folder)) as site:
            victim, attacker = await site.session(one, "a"), await site.session(other, "b")
            one.start("xterm", "-geometry", "80x24+0+0", "-e", "cat")
            await one.window("--class", "xterm")
            client = await victim.attach_drawn()
            client.click(60, 60)
            await key_to_frame(client, 10)
            calm = await key_to_frame(client)
            return [
                Figure("key -> frame of an undisturbed session, median", statistics.median(calm), "ms"),
                *await under_floods(site, client, attacker, calm),
                *await among_silent_connections(site),
                *await before_a_stopped_client(site, attacker, stopped_seconds),
            ]


def main() -> int:
    parser = argparse.ArgumentParser(description="What abuse costs others.")
    parser.add_argument("--stopped-seconds", type=int, default=STOPPED_SECONDS)
    report("abuse", asyncio.run(measure(parser.parse_args().stopped_seconds)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
