"""A bad network between two ends: a TCP proxy with delay, rate, jitter, stalls and cuts, deterministic from its seed.

    async with slow_path("127.0.0.1", port, Line(delay=0.04, bits_per_second=2e6)) as path:
        ...                                     # dial 127.0.0.1:path.port instead
        path.change(Line(delay=0.02, bits_per_second=1e6, jitter=0.03))
        path.stall(); path.resume()             # silence, then everything that waited
        path.cut()                              # both ends are reset; `path.refuse()` keeps new ones out

One `Line` holds for both directions; with two, the first is `to_target` (from the end that dialled to the target), the
second `from_target`. `delay` is one way. Each connection has lines of its own. What is faster than the rate waits in a
queue of `buffer_bytes`, first in, first out (a router with a deep buffer); when that is full the sender is no longer
read. Jitter keeps the order, as TCP does: what is late holds up what is behind it. A TCP proxy loses nothing: a lost
segment looks like jitter.

`Link` is the pure part: bytes and times in, bytes out. Simulations use it without sockets. For a test that cannot run
it in its own loop: `python -m tests.support.slow_path HOST:PORT --delay 0.04 --rate 2e6` prints the port, and takes
`stall`, `resume`, `cut` and `line DELAY RATE JITTER` as lines of its standard input.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import itertools
import math
import random
import socket
import struct
import sys
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import cast

from portcullis.tasks import cancel_and_wait, spawn

PACKET_BYTES = 1400
"""Rate and jitter work on pieces of this size, cut at the same places of a stream however it was written."""
_TURN_SECONDS = 0.0005
"""Between two deliveries of one link: what is due together goes together."""
_SOCKET_BYTES = 32 << 10
"""The kernel's buffers must not be a second queue that nobody measures."""
_RESET = struct.pack("ii", 1, 0)


@dataclass(frozen=True, slots=True)
class Line:
    """One direction. `bits_per_second` None: as fast as it goes. `jitter`: up to so many seconds more, by the seed."""

    delay: float = 0.0
    bits_per_second: float | None = None
    jitter: float = 0.0
    burst_bytes: int = 0
    """What a token bucket lets pass at once after a pause."""
    buffer_bytes: int = 1 << 20
    seed: int = 1


class Link:
    """`put` bytes; `take` those that have arrived; `next_at` says when to look again. Times are any clock's seconds."""

    def __init__(self, line: Line, *, name: str = "") -> None:
        self.line = line
        self.queued_bytes = 0
        """Neither lost nor arrived."""
        self.delivered_bytes = 0
        self._random = random.Random(f"{line.seed} {name}")
        self._waiting: deque[tuple[float, bytes, float]] = deque()
        """When it came, what, and its jitter as a share of the most."""
        self._flying: deque[tuple[float, bytes]] = deque()
        self._put_bytes = 0
        self._share = 0.0
        self._free_at = -math.inf
        self._latest = -math.inf
        self.is_stalled = False

    @property
    def is_full(self) -> bool:
        return self.queued_bytes >= self.line.buffer_bytes

    def put(self, data: bytes, now: float) -> None:
        start = 0
        while start < len(data):
            inside = self._put_bytes % PACKET_BYTES
            if inside == 0:
                self._share = self._random.random()
            piece = data[start : start + PACKET_BYTES - inside]
            self._waiting.append((now, piece, self._share))
            self._put_bytes += len(piece)
            start += len(piece)
        self.queued_bytes += len(data)

    def change(self, line: Line, now: float) -> None:
        """From here on; what has left is not called back."""
        self._serialise(now)
        self.line = line

    def take(self, now: float) -> bytes:
        if self.is_stalled:
            return b""
        self._serialise(now)
        arrived = []
        while self._flying and self._flying[0][0] <= now:
            arrived.append(self._flying.popleft()[1])
        data = b"".join(arrived)
        self.queued_bytes -= len(data)
        self.delivered_bytes += len(data)
        return data

    def next_at(self) -> float | None:
        """None: nothing is under way, or it is stalled."""
        if self.is_stalled:
            return None
        times = []
        if self._flying:
            times.append(self._flying[0][0])
        if self._waiting:
            times.append(max(self._waiting[0][0], self._free_at))
        return min(times, default=None)

    def _serialise(self, now: float) -> None:
        """Send what the line was free to send up to now."""
        while self._waiting and max(self._waiting[0][0], self._free_at) <= now:
            came, piece, share = self._waiting.popleft()
            sent_at = came
            if self.line.bits_per_second is not None:
                per_byte = 8 / self.line.bits_per_second
                self._free_at = max(self._free_at, came - self.line.burst_bytes * per_byte)
                self._free_at += len(piece) * per_byte
                sent_at = max(came, self._free_at)
            self._latest = max(self._latest, sent_at + self.line.delay + share * self.line.jitter)
            self._flying.append((self._latest, piece))


class SlowPath:
    """Made by `slow_path`."""

    def __init__(self, target: tuple[str, int], to_target: Line, from_target: Line) -> None:
        self.port = 0
        self._target = target
        self._lines = to_target, from_target
        self._pairs: set[_Pair] = set()
        self._count = itertools.count()
        self._is_stalled = False
        self._is_refusing = False
        self._delivered = [0, 0]
        self._serving: set[asyncio.Task[None]] = set()

    @property
    def connections(self) -> int:
        return len(self._pairs)

    @property
    def queued_bytes(self) -> tuple[int, int]:
        """In the queues now: to the target, from it."""
        sums = [0, 0]
        for pair in self._pairs:
            for way, half in enumerate(pair.halves):
                sums[way] += half.link.queued_bytes
        return sums[0], sums[1]

    @property
    def delivered_bytes(self) -> tuple[int, int]:
        sums = list(self._delivered)
        for pair in self._pairs:
            for way, half in enumerate(pair.halves):
                sums[way] += half.link.delivered_bytes
        return sums[0], sums[1]

    def change(self, to_target: Line, from_target: Line | None = None) -> None:
        self._lines = to_target, from_target or to_target
        for pair in self._pairs:
            for half, line in zip(pair.halves, self._lines, strict=True):
                half.change(line)

    def stall(self) -> None:
        """Nothing arrives any more, not even that an end is gone."""
        self._set_stalled(True)

    def resume(self) -> None:
        self._set_stalled(False)

    def _set_stalled(self, is_stalled: bool) -> None:
        self._is_stalled = is_stalled
        for pair in self._pairs:
            for half in pair.halves:
                half.link.is_stalled = is_stalled
                half.turn()

    def cut(self) -> None:
        """Both ends of every connection see a reset, at once; what was under way is lost."""
        for pair in list(self._pairs):
            pair.cut()

    def refuse(self, is_refusing: bool = True) -> None:
        """New connections are reset."""
        self._is_refusing = is_refusing

    def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._is_refusing:
            _reset(writer)
            return
        task = spawn(self._serve(reader, writer), name="slow path's connection")
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)

    async def close(self) -> None:
        self.cut()
        await cancel_and_wait(*self._serving)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        number = next(self._count)
        try:
            there = await asyncio.open_connection(*self._target, limit=_SOCKET_BYTES)
        except OSError:
            _reset(writer)
            return
        pair = _Pair(number, (reader, writer), there, self._lines, self._is_stalled)
        self._pairs.add(pair)
        try:
            await pair.run()
        finally:
            self._pairs.discard(pair)
            for way, half in enumerate(pair.halves):
                self._delivered[way] += half.link.delivered_bytes


class _Pair:
    """Two connections that copy to each other through two links."""

    def __init__(
        self,
        number: int,
        here: tuple[asyncio.StreamReader, asyncio.StreamWriter],
        there: tuple[asyncio.StreamReader, asyncio.StreamWriter],
        lines: tuple[Line, Line],
        is_stalled: bool,
    ) -> None:
        self._writers = here[1], there[1]
        for writer in self._writers:
            sock = writer.get_extra_info("socket")
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _SOCKET_BYTES)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SOCKET_BYTES)
            cast(asyncio.Transport, writer.transport).set_write_buffer_limits(_SOCKET_BYTES)
        self.halves = (
            _Half(here[0], there[1], Link(lines[0], name=f"to {number}")),
            _Half(there[0], here[1], Link(lines[1], name=f"from {number}")),
        )
        for half in self.halves:
            half.link.is_stalled = is_stalled

    async def run(self) -> None:
        """Until both ways have ended, or one of them broke."""
        tasks = [spawn(each(), name="slow path") for half in self.halves for each in (half.read, half.write)]
        try:
            await asyncio.gather(*tasks)
        except OSError:
            self.cut()
        finally:
            await cancel_and_wait(*tasks)
            for writer in self._writers:
                writer.transport.abort()

    def cut(self) -> None:
        for writer in self._writers:
            _reset(writer)
        for half in self.halves:
            half.cut()


class _Half:
    """One way of one connection: a task that reads into the link, and one that writes what arrives."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, link: Link) -> None:
        self.link = link
        self._reader = reader
        self._writer = writer
        self._changed = asyncio.Event()
        self._is_ended = False
        self._is_cut = False
        self._clock = asyncio.get_running_loop().time

    def change(self, line: Line) -> None:
        self.link.change(line, self._clock())
        self.turn()

    def turn(self) -> None:
        """Something changed: look again."""
        self._changed.set()

    def cut(self) -> None:
        self._is_cut = True
        self.turn()

    async def read(self) -> None:
        while not self._is_cut:
            while self.link.is_full and not self._is_cut:
                await self._turned(None)
            data = await self._reader.read(_SOCKET_BYTES)
            if not data:
                break
            self.link.put(data, self._clock())
            self.turn()
        self._is_ended = True
        self.turn()

    async def write(self) -> None:
        while not self._is_cut:
            data = self.link.take(self._clock())
            if data:
                self._writer.write(data)
                await self._writer.drain()
                self.turn()
                continue
            if self._is_ended and not self.link.queued_bytes and not self.link.is_stalled:
                break
            at = self.link.next_at()
            await self._turned(None if at is None else max(_TURN_SECONDS, at - self._clock()))
        if not self._is_cut and self._writer.can_write_eof():
            with contextlib.suppress(OSError):
                self._writer.write_eof()

    async def _turned(self, seconds: float | None) -> None:
        self._changed.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._changed.wait()


def _reset(writer: asyncio.StreamWriter) -> None:
    connection = writer.get_extra_info("socket")
    with contextlib.suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    writer.transport.abort()


@contextlib.asynccontextmanager
async def slow_path(
    host: str, port: int, to_target: Line, from_target: Line | None = None
) -> AsyncIterator[SlowPath]:
    path = SlowPath((host, port), to_target, from_target or to_target)
    listening = socket.socket()
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _SOCKET_BYTES)  # accepted ones inherit it
    listening.bind(("127.0.0.1", 0))
    server = await asyncio.start_server(path.accept, sock=listening, limit=_SOCKET_BYTES)
    path.port = server.sockets[0].getsockname()[1]
    try:
        yield path
    finally:
        server.close()
        await path.close()
        await server.wait_closed()


async def _main() -> None:
    parser = argparse.ArgumentParser(prog="slow_path")
    parser.add_argument("target", help="host:port")
    parser.add_argument("--delay", type=float, default=0.0)
    parser.add_argument("--rate", type=float, default=None, help="bits per second")
    parser.add_argument("--jitter", type=float, default=0.0)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    host, _, port = options.target.rpartition(":")
    line = Line(options.delay, options.rate, options.jitter, seed=options.seed)
    async with slow_path(host, int(port), line) as path:
        print(path.port, flush=True)
        while words := (await asyncio.to_thread(sys.stdin.readline)).split():
            if words[0] == "line":
                delay, rate, jitter = (float(word) for word in words[1:])
                path.change(Line(delay, rate or None, jitter, seed=options.seed))
            else:
                {"stall": path.stall, "resume": path.resume, "cut": path.cut}[words[0]]()


if __name__ == "__main__":
    asyncio.run(_main())
