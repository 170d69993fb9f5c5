"""What a gateway costs a stream: CPU a frame and added latency, beside the barest relay in the same run.

    tests/run.sh bench gateway        (or python -m tests.bench.bench_gateway --sessions 60 --seconds 5)

A session sends a frame of 8333 bytes 30 times a second (2 Mbit/s) and gets an acknowledgement of 14 bytes for
each. The gateway, or the relay in its place, runs in this process, whose CPU time is measured; browsers and
workers run in another one. The relay is what asyncio allows at the least: two protocols that write what they
receive, with the same TLS on both sides. Both are measured once more without TLS: there the gateway is its
splice alone.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import ssl
import statistics
import struct
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.serialization import Encoding

from gateway.splice import End, join
from portcullis.enrolment.credentials import Credentials, server_context
from portcullis.protocol import link
from portcullis.serving.listener import slim_tls_buffers
from portcullis.site_tls import worker_context
from tests.bench.figures import Figure, Series, report
from tests.integration.gateway.small_site import Agent, SmallSite, admit_grant, client_bytes, small_site

FRAME_BYTES = 8333
FRAMES_PER_SECOND = 30
FRAME = struct.pack(">BBH", 0x82, 126, FRAME_BYTES - 4) + bytes(FRAME_BYTES - 4)
ACKNOWLEDGEMENT = client_bytes(bytes(8))
WRITE_BUFFER_BYTES = 256 * 1024
LIMIT = 1 << 20
ROUNDS = 2
ROUND_TRIPS = 200
CPU_RATIO_LIMIT = 0.8
LATENCY_LIMIT_MS = 0.6

Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@dataclass(frozen=True)
class Load:
    """What the process with browsers and workers is told: where both connect, and how."""

    kind: str
    sessions: int
    seconds: float
    browsers: str
    workers: str
    ca: str = ""
    """PEM that browsers trust; empty: no TLS."""
    site: dict[str, str] | None = None
    """Of a gateway: the agent's state folder, the opening handshake and a grant."""


@dataclass(frozen=True)
class Answer:
    frames: int
    cpu_seconds: float
    round_trips_ms: list[float]

    @property
    def microseconds(self) -> float:
        return self.cpu_seconds / self.frames * 1e6


# --- What stands where the gateway stands


class Bare(asyncio.Protocol):
    """The least that a relay can be."""

    transport: asyncio.Transport

    def __init__(self, arrived: Callable[[Bare], None]) -> None:
        self._arrived = arrived
        self.peer: Bare | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        transport.set_write_buffer_limits(WRITE_BUFFER_BYTES)
        self._arrived(self)

    def data_received(self, data: bytes) -> None:
        self.peer.transport.write(data)

    def pause_writing(self) -> None:
        self.peer.transport.pause_reading()

    def resume_writing(self) -> None:
        self.peer.transport.resume_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        if self.peer is not None:
            self.peer.transport.close()


class Spliced(asyncio.Protocol):
    """Hands its transport to an end of the gateway's splice."""

    def __init__(self, arrived: Callable[[End], None]) -> None:
        self._arrived = arrived

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport.set_write_buffer_limits(WRITE_BUFFER_BYTES)
        end = End(transport, self)
        transport.set_protocol(end)
        self._arrived(end)


class Pairs:
    """Joins the n-th browser with the n-th worker."""

    def __init__(self, join_two: Callable[[object, object], None]) -> None:
        self._join = join_two
        self._waiting: dict[str, list[object]] = {"browser": [], "worker": []}

    def arrived(self, side: str, one: object) -> None:
        other = "worker" if side == "browser" else "browser"
        if self._waiting[other]:
            self._join(one, self._waiting[other].pop(0))
        else:
            self._waiting[side].append(one)


def join_bare(one: Bare, other: Bare) -> None:
    one.peer, other.peer = other, one


@contextlib.asynccontextmanager
async def relay(
    protocol: type, join_two: Callable, context: ssl.SSLContext | None
) -> AsyncIterator[list[int]]:
    """The ports for browsers and for workers."""
    loop = asyncio.get_running_loop()
    pairs = Pairs(join_two)
    servers = [
        await loop.create_server(
            lambda side=side: protocol(lambda one: pairs.arrived(side, one)), "127.0.0.1", 0, ssl=context
        )
        for side in ("browser", "worker")
    ]
    try:
        yield [server.sockets[0].getsockname()[1] for server in servers]
    finally:
        for server in servers:
            server.close()


# --- The measured process


class Subjects:
    """Each answers what the load needs to know to meet it."""

    def __init__(self, site: SmallSite, sessions: int, seconds: float) -> None:
        self._site = site
        self._load = {"sessions": sessions, "seconds": seconds}
        self._bare = site.keys.machine("gateway", "bare")
        self._context = server_context(self._bare).now
        self._context.verify_mode = ssl.CERT_NONE

    async def gateway(self) -> Answer:
        site = self._site
        facts = {
            "state": str(site.agent.credentials.state),
            "head": site.upgrade_head().decode(),
            "grant": site.grant(lifetime=3600),
            "name": site.name,
        }
        ca = site.broker.web_ca.root.public_bytes(Encoding.PEM).decode()
        public = f"127.0.0.1:{site.gateway.public.port}"
        return await answer(
            Load("gateway", **self._load, browsers=public, workers=site.inner_address, ca=ca, site=facts)
        )

    async def bare(self, *, tls: bool) -> Answer:
        return await self._relayed(Bare, join_bare, tls)

    async def splice(self) -> Answer:
        return await self._relayed(Spliced, join, False)

    async def direct(self) -> Answer:
        """Browser and worker at two ends of one connection, with TLS; only its round trips mean something."""
        facts = {"state": str(self._bare.state)}
        return await answer(
            Load("direct", 1, 0, browsers="", workers="", ca=self._site.keys.ca_pem, site=facts)
        )

    async def _relayed(self, protocol: type, join_two: Callable, tls: bool) -> Answer:
        async with relay(protocol, join_two, self._context if tls else None) as (browsers, workers):
            ca = self._site.keys.ca_pem if tls else ""
            load = Load(
                "relay", **self._load, browsers=f"127.0.0.1:{browsers}", workers=f"127.0.0.1:{workers}", ca=ca
            )
            return await answer(load)


async def answer(load: Load) -> Answer:
    """Run the load in a process of its own; count this one's CPU while its frames flow."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.bench.bench_gateway", "--load", json.dumps(load.__dict__)),
        stdout=asyncio.subprocess.PIPE,
        limit=LIMIT,
    )
    try:
        round_trips = json.loads(await line(process))
        assert await line(process) == "steady"
        began = time.process_time()
        frames = int(await line(process))
        return Answer(frames, time.process_time() - began, round_trips)
    finally:
        await process.wait()


async def line(process: asyncio.subprocess.Process) -> str:
    text = await process.stdout.readline()
    if not text:
        raise RuntimeError("the load ended")
    return text.decode().strip()


async def measure(sessions: int, seconds: float) -> dict[str, list[Answer]]:
    found: dict[str, list[Answer]] = {}
    with tempfile.TemporaryDirectory() as folder:
        async with small_site(Path(folder), https=True) as site:
            await site.agent.close()
            subjects = Subjects(site, sessions, seconds)
            for _ in range(ROUNDS):
                for name, subject in (
                    ("direct", subjects.direct),
                    ("gateway", subjects.gateway),
                    ("bare", lambda: subjects.bare(tls=True)),
                    ("splice, plain", subjects.splice),
                    ("bare, plain", lambda: subjects.bare(tls=False)),
                ):
                    found.setdefault(name, []).append(await subject())
    return found


# --- The load


async def run_load(load: Load) -> None:
    async with contextlib.AsyncExitStack() as stack:
        if load.kind == "direct":
            pairs = [await direct_pair(load, stack)]
        elif load.kind == "gateway":
            pairs = await gateway_pairs(load, stack)
        else:
            pairs = [await relay_pair(load) for _ in range(load.sessions)]
        print(json.dumps(await round_trips(pairs[0])), flush=True)
        await steady(pairs, load.seconds)
        for browser, worker in pairs:
            browser[1].transport.abort()
            worker[1].transport.abort()


async def direct_pair(load: Load, stack: contextlib.AsyncExitStack) -> tuple[Stream, Stream]:
    arrived: asyncio.Queue[Stream] = asyncio.Queue()
    context = server_context(Credentials.load(Path(load.site["state"]))).now
    context.verify_mode = ssl.CERT_NONE
    server = await asyncio.start_server(
        lambda *one: arrived.put_nowait(one), "127.0.0.1", 0, ssl=context, limit=LIMIT
    )
    stack.callback(server.close)
    address = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    browser = await connect(address, worker_context(load.ca))
    return browser, await arrived.get()


async def relay_pair(load: Load) -> tuple[Stream, Stream]:
    context = worker_context(load.ca) if load.ca else None
    return await connect(load.browsers, context), await connect(load.workers, context)


async def gateway_pairs(load: Load, stack: contextlib.AsyncExitStack) -> list[tuple[Stream, Stream]]:
    agent = Agent(Credentials.load(Path(load.site["state"])))
    agent.dials = False
    await agent.connect(load.workers)
    stack.push_async_callback(agent.close)
    return [await gateway_pair(load, agent) for _ in range(load.sessions)]


async def gateway_pair(load: Load, agent: Agent) -> tuple[Stream, Stream]:
    context = ssl.create_default_context(cadata=load.ca)
    browser = await connect(load.browsers, context, load.site["name"])
    browser[1].write(load.site["head"].encode() + client_bytes(admit_grant(load.site["grant"])))
    worker = await dial(load.workers, agent.credentials.ca, await agent.attaches.get())
    await browser[0].readuntil(b"\r\n\r\n")
    _, _, length = struct.unpack(">BBH", await browser[0].readexactly(4))
    await browser[0].readexactly(length)
    return browser, worker


async def dial(address: str, ca_pem: str, attach: link.Attach) -> Stream:
    worker = await connect(address, worker_context(ca_pem))
    worker[1].write(
        f"GET /rendezvous HTTP/1.1\r\nHost: g\r\nConnection: Upgrade\r\nUpgrade: portcullis-stream\r\n"
        f"Portcullis-Rendezvous: {attach.rendezvous}\r\nPortcullis-Session: {attach.session}\r\n\r\n".encode()
    )
    await worker[0].readuntil(b"\r\n\r\n")
    return worker


async def connect(address: str, context: ssl.SSLContext | None, name: str | None = None) -> Stream:
    host, _, port = address.partition(":")
    tls = {"ssl": context, "server_hostname": name} if context and name else {"ssl": context}
    return await asyncio.open_connection(host, int(port), limit=LIMIT, **tls)


async def round_trips(pair: tuple[Stream, Stream]) -> list[float]:
    """Milliseconds from a frame's start at the worker to its acknowledgement there, one at a time."""
    browser, worker = pair
    found = []
    for _ in range(ROUND_TRIPS):
        began = time.perf_counter()
        worker[1].write(FRAME)
        await browser[0].readexactly(FRAME_BYTES)
        browser[1].write(ACKNOWLEDGEMENT)
        await worker[0].readexactly(len(ACKNOWLEDGEMENT))
        found.append((time.perf_counter() - began) * 1e3)
        await asyncio.sleep(1 / FRAMES_PER_SECOND / 3)
    return found


async def steady(pairs: list[tuple[Stream, Stream]], seconds: float) -> None:
    print("steady", flush=True)
    end = time.monotonic() + seconds
    counts = await asyncio.gather(
        *(one_steady(*pair, number / len(pairs), end) for number, pair in enumerate(pairs))
    )
    print(max(1, sum(counts)), flush=True)


async def one_steady(browser: Stream, worker: Stream, phase: float, end: float) -> int:
    async def acknowledge() -> None:
        while True:
            await browser[0].readexactly(FRAME_BYTES)
            browser[1].write(ACKNOWLEDGEMENT)

    acknowledging = asyncio.ensure_future(acknowledge())
    await asyncio.sleep(phase / FRAMES_PER_SECOND)
    frames = 0
    while (now := time.monotonic()) < end:
        worker[1].write(FRAME)
        await worker[0].readexactly(len(ACKNOWLEDGEMENT))
        frames += 1
        await asyncio.sleep(max(0.0, 1 / FRAMES_PER_SECOND - (time.monotonic() - now)))
    acknowledging.cancel()
    return frames


# --- Figures


def figures(found: dict[str, list[Answer]]) -> list[Figure]:
    def rate(name: str) -> float:
        return 1e6 / min(one.microseconds for one in found[name])

    def latency(name: str) -> float:
        return statistics.median(ms for one in found[name] for ms in one.round_trips_ms)

    added = {name: latency(name) - latency("direct") for name in ("gateway", "bare")}
    return [
        Figure(
            "gateway: frames/s per core, TLS on both sides", rate("gateway"), "/s", peer=rate("bare"),
            peer_name="bare relay, same TLS", ratio_limit=CPU_RATIO_LIMIT, more_is_better=True,
        ),
        Figure(
            "gateway's splice: frames/s per core, without TLS", rate("splice, plain"), "/s", peer=rate("bare, plain"),
            peer_name="bare relay, no TLS", more_is_better=True,
        ),
        Figure(
            "gateway: sessions a core at 80 %, 2 Mbit/s and 30 frames/s each",
            rate("gateway") * 0.8 / FRAMES_PER_SECOND,
            "", peer=rate("bare") * 0.8 / FRAMES_PER_SECOND,
            peer_name="bare relay, same TLS", more_is_better=True,
        ),
        Figure(
            "gateway: added to a round trip, median", added["gateway"], "ms", LATENCY_LIMIT_MS, peer=added["bare"],
            peer_name="bare relay, same TLS", note=f"(direct: {latency('direct'):.2f} ms)",
        ),
    ]  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sessions", type=int, default=60)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--load", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.load:
        asyncio.run(run_load(Load(**json.loads(arguments.load))))
        return
    slim_tls_buffers()
    found = asyncio.run(measure(arguments.sessions, arguments.seconds))
    series = [
        Series(name, [ms for one in found[name] for ms in one.round_trips_ms])
        for name in ("direct", "bare", "gateway")
    ]
    report("gateway", figures(found), series, {"sessions": arguments.sessions})


if __name__ == "__main__":
    main()
