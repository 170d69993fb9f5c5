"""What a spliced stream costs a gateway, beside a plain asyncio TCP relay in the same run.

    python tests/bench/bench_splice.py [--sessions 30] [--seconds 5]

The gateway (or the relay) runs in this process, whose CPU time is measured; browsers, agent and workers run in another
one. Steady: each session sends frames of 8333 bytes 30 times a second and gets an acknowledgement of 14 bytes
for each. Flood: one session as fast as it goes. The gateway's worker side is TLS, the relay is plain on both
sides: the ratio is the whole price of the gateway. Prints figures; judges none.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import struct
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from portcullis.enrolment import Credentials, worker_context
from portcullis.protocol import link
from portcullis.serving.listener import slim_tls_buffers
from tests.integration.gateway.small_site import Agent, SmallSite, admit_grant, client_bytes, small_site

FRAME_BYTES = 8333
FRAMES_PER_SECOND = 30
FRAME = struct.pack(">BBH", 0x82, 126, FRAME_BYTES - 4) + bytes(FRAME_BYTES - 4)
ACKNOWLEDGEMENT = client_bytes(bytes(14))
CHUNK = bytes(65536)
LIMIT = 1 << 20

Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@dataclass
class Figures:
    cpu_us_per_frame: float
    megabytes_per_second: float
    cpu_seconds_per_gigabyte: float


class Relay(asyncio.Protocol):
    """The least that a relay can be."""

    def __init__(self, target: int) -> None:
        self._target = target

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        transport.set_write_buffer_limits(256 * 1024)
        transport.pause_reading()
        self._task = asyncio.ensure_future(self._connect())

    async def _connect(self) -> None:
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_connection(lambda: Half(self), "127.0.0.1", self._target)
        transport.set_write_buffer_limits(256 * 1024)
        self.peer = transport
        self.transport.resume_reading()

    def data_received(self, data: bytes) -> None:
        self.peer.write(data)

    def pause_writing(self) -> None:
        self.peer.pause_reading()

    def resume_writing(self) -> None:
        self.peer.resume_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        self.peer.close()


class Half(asyncio.Protocol):
    def __init__(self, relay: Relay) -> None:
        self._relay = relay

    def data_received(self, data: bytes) -> None:
        self._relay.transport.write(data)

    def pause_writing(self) -> None:
        self._relay.transport.pause_reading()

    def resume_writing(self) -> None:
        self._relay.transport.resume_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        self._relay.transport.close()


# --- the measured process


async def measure(sessions: int, seconds: float) -> None:
    print(
        f"{sessions} sessions, {FRAME_BYTES} B x {FRAMES_PER_SECOND}/s with acknowledgement, {seconds:.0f} s"
    )
    with tempfile.TemporaryDirectory() as folder:
        relay = await measure_relay(sessions, seconds)
        async with small_site(Path(folder)) as site:
            await site.agent.close()
            splice = await measure_gateway(site, sessions, seconds)
    for name, figures in (("relay, plain", relay), ("gateway, TLS to the worker", splice)):
        print(
            f"{name:28} {figures.cpu_us_per_frame:7.1f} us CPU/frame "
            f"{figures.megabytes_per_second:8.0f} MB/s {figures.cpu_seconds_per_gigabyte:6.2f} s CPU/GB"
        )
    print(
        f"{'ratio':28} {splice.cpu_us_per_frame / relay.cpu_us_per_frame:7.2f}"
        f"{'':14} {splice.megabytes_per_second / relay.megabytes_per_second:5.2f}"
        f"{'':5} {splice.cpu_seconds_per_gigabyte / relay.cpu_seconds_per_gigabyte:6.2f}"
    )


async def measure_relay(sessions: int, seconds: float) -> Figures:
    async with load({"kind": "relay", "sessions": sessions, "seconds": seconds}) as process:
        target = int(await line(process))
        server = await asyncio.get_running_loop().create_server(lambda: Relay(target), "127.0.0.1", 0)
        say(process, server.sockets[0].getsockname()[1])
        figures = await figures_of(process)
        server.close()
    return figures


async def measure_gateway(site: SmallSite, sessions: int, seconds: float) -> Figures:
    config = {
        "kind": "gateway",
        "sessions": sessions,
        "seconds": seconds,
        "state": str(site.agent.credentials.state),
        "head": site.upgrade_head().decode(),
        "grant": site.grant(lifetime=3600),
        "public": site.gateway.public.port,
        "inner": site.inner_address,
    }
    async with load(config) as process:
        return await figures_of(process)


async def figures_of(process: asyncio.subprocess.Process) -> Figures:
    assert await line(process) == "steady"
    start = time.process_time()
    frames = int(await line(process))
    steady = time.process_time() - start
    assert await line(process) == "flood"
    start = time.process_time()
    received, seconds = map(float, (await line(process)).split())
    flood = time.process_time() - start
    return Figures(steady / frames * 1e6, received / seconds / 1e6, flood / received * 1e9)


@contextlib.asynccontextmanager
async def load(config: dict[str, object]) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, __file__, "--load", json.dumps(config)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        yield process
    finally:
        process.stdin.close()
        await process.wait()


async def line(process: asyncio.subprocess.Process) -> str:
    text = await process.stdout.readline()
    assert text, "the load ended"
    return text.decode().strip()


def say(process: asyncio.subprocess.Process, value: object) -> None:
    process.stdin.write(f"{value}\n".encode())


# --- the load


async def run_load(config: dict[str, object]) -> None:
    async with contextlib.AsyncExitStack() as stack:
        await run_pairs(
            await (relay_pairs if config["kind"] == "relay" else gateway_pairs)(config, stack), config
        )


async def run_pairs(pairs: list[tuple[Stream, Stream]], config: dict[str, object]) -> None:
    await steady(pairs, config["seconds"])
    await flood(pairs[0], config["seconds"])
    for browser, worker in pairs:
        browser[1].transport.abort()
        worker[1].transport.abort()


async def relay_pairs(
    config: dict[str, object], stack: contextlib.AsyncExitStack
) -> list[tuple[Stream, Stream]]:
    arrived: asyncio.Queue[Stream] = asyncio.Queue()
    server = await asyncio.start_server(
        lambda *stream: arrived.put_nowait(stream), "127.0.0.1", 0, limit=LIMIT
    )
    stack.callback(server.close)
    print(server.sockets[0].getsockname()[1], flush=True)
    port = int(await asyncio.to_thread(sys.stdin.readline))
    pairs = []
    for _ in range(config["sessions"]):
        browser = await asyncio.open_connection("127.0.0.1", port, limit=LIMIT)
        pairs.append((browser, await arrived.get()))
    return pairs


async def gateway_pairs(
    config: dict[str, object], stack: contextlib.AsyncExitStack
) -> list[tuple[Stream, Stream]]:
    agent = Agent(Credentials.load(Path(config["state"])))
    agent.dials = False
    await agent.connect(config["inner"])
    stack.push_async_callback(agent.close)
    return [await gateway_pair(config, agent) for _ in range(config["sessions"])]


async def gateway_pair(config: dict[str, object], agent: Agent) -> tuple[Stream, Stream]:
    browser = await asyncio.open_connection("127.0.0.1", config["public"], limit=LIMIT)
    browser[1].write(config["head"].encode() + client_bytes(admit_grant(config["grant"])))
    worker = await dial(config["inner"], agent.credentials.ca, await agent.attaches.get())
    await browser[0].readuntil(b"\r\n\r\n")
    _, _, length = struct.unpack(">BBH", await browser[0].readexactly(4))
    await browser[0].readexactly(length)
    return browser, worker


async def dial(address: str, ca_pem: str, attach: link.Attach) -> Stream:
    host, _, port = address.partition(":")
    worker = await asyncio.open_connection(host, int(port), ssl=worker_context(ca_pem), limit=LIMIT)
    worker[1].write(
        f"GET /rendezvous HTTP/1.1\r\nHost: g\r\nConnection: Upgrade\r\nUpgrade: portcullis-stream\r\n"
        f"Portcullis-Rendezvous: {attach.rendezvous}\r\nPortcullis-Session: {attach.session}\r\n\r\n".encode()
    )
    await worker[0].readuntil(b"\r\n\r\n")
    return worker


async def steady(pairs: list[tuple[Stream, Stream]], seconds: float) -> None:
    print("steady", flush=True)
    end = time.monotonic() + seconds
    counts = await asyncio.gather(
        *(one_steady(*pair, number / len(pairs), end) for number, pair in enumerate(pairs))
    )
    print(sum(counts), flush=True)


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


async def flood(pair: tuple[Stream, Stream], seconds: float) -> None:
    browser, worker = pair
    print("flood", flush=True)

    async def send() -> None:
        while True:
            worker[1].write(CHUNK)
            await worker[1].drain()

    sending = asyncio.ensure_future(send())
    start = time.monotonic()
    received = 0
    while (elapsed := time.monotonic() - start) < seconds:
        received += len(await browser[0].read(LIMIT))
    sending.cancel()
    print(received, elapsed, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sessions", type=int, default=30)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--load", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.load:
        asyncio.run(run_load(json.loads(arguments.load)))
    else:
        slim_tls_buffers()
        asyncio.run(measure(arguments.sessions, arguments.seconds))


if __name__ == "__main__":
    main()
