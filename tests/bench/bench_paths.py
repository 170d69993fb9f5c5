"""What a user sees over bad networks: a film of 30 pictures a second, and letters, through a deterministic slow path.

    tests/run.sh bench paths [--seconds 15] [--only "2 Mbit/s"]

Real worker, real X, the Python viewer of the wire; the path is tests/support/slow_path.py. A picture's age is from its
being drawn by the application to its being drawn by the viewer. The peer of each figure is the same worker in the same
run whose pacing always says yes and gives nothing up.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import statistics
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import numpy as np

from portcullis.protocol import messages as m
from portcullis.protocol.operations import OPERATIONS, VIDEO_H264
from tests.bench.figures import Figure, Series, percentile, report
from tests.support.slow_path import Line, SlowPath, slow_path
from tests.support.stream_client import StreamClient
from tests.support.worker_session import ROOT, WorkerSession
from tests.support.xserver import x_server

SIZE = 1280, 720
FILM = 640, 360
BLOCK, BITS, A_SECOND = 20, 12, 30
DRAWS = sum(1 << operation.KIND for operation in OPERATIONS)
SETTLE_SECONDS = 4.0
"""Of the film, from its first picture on, which are not counted: how it is paced is found out meanwhile. Of a still
page, from its last picture on: a whole page takes a quarter of a minute at 64 kbit/s."""
START_SECONDS = 60.0
LETTER_SECONDS = 0.25
UNPACED = """
from agents.worker.pacing import Pacing
from agents.worker.quality import Quality
Pacing.may_send = lambda *_, **__: True
Pacing.budget_bytes = property(lambda _: 4 << 20)
Quality.update = lambda *_, **__: 1.0
import runpy
runpy.run_module("agents.worker", run_name="__main__")
"""


@dataclass(frozen=True)
class Path:
    name: str
    line: Line
    age_limit: float | None = None
    """Milliseconds, 95 of 100."""
    rate_limit: float | None = None
    has_film: bool = True
    has_peer: bool = False
    is_settled: bool = True
    """Else it is typed from the first sight of the page on, of which most is still to come."""
    changes: tuple[tuple[float, Line], ...] = ()
    """Shares of the time, and the line from there on."""


def line(megabits: float, round_trip: float, jitter: float = 0.0) -> Line:
    return Line(round_trip / 2, megabits * 1e6, jitter)


PATHS = (
    Path("no limit", Line()),
    Path("2 Mbit/s, 80 ms", line(2, 0.08), 160, 25, has_peer=True),
    Path("10 Mbit/s, 40 ms, jitter 40 ms", line(10, 0.04, 0.04), 160, 25),
    Path("20 Mbit/s, 300 ms", line(20, 0.3), 260, 25),
    Path("10, 1, then 10 Mbit/s", line(10, 0.04), changes=((0.33, line(1, 0.04)), (0.66, line(10, 0.04)))),
    Path("64 kbit/s, letters alone", line(0.064, 0.08), has_film=False),
    Path("64 kbit/s, letters while a page comes", line(0.064, 0.08), has_film=False, is_settled=False),
)


@dataclass
class Seen:
    ages: list[tuple[float, float]] = field(default_factory=list)
    """When each distinct picture was drawn, and its age, in seconds."""
    letters: list[float] = field(default_factory=list)
    received: int = 0
    queued: int = 0


class Watcher:
    """Draws, acknowledges and reads the stamps."""

    is_page_there = False

    def __init__(self, client: StreamClient, seen: Seen) -> None:
        self._client = client
        self._seen = seen
        self._last = -1
        self._typed: list[tuple[int, float]] = []
        client.on_message = self._take

    def type(self) -> None:
        sequence = self._client.next_input()
        self._client.send(m.Key(sequence, True, 0, 0, "KeyA", "a"))
        self._client.send(m.Key(self._client.next_input(), False, 0, 0, "KeyA", "a"))
        self._typed.append((sequence, time.monotonic()))

    def _take(self, message: m.Message) -> None:
        self._client.messages.clear()
        if not isinstance(message, m.Frame | m.SmallFrame):
            return
        now = time.monotonic()
        self.is_page_there = self.is_page_there or bool(
            (self._client.picture[60:] != self._client.picture[0, 0]).any()
        )
        while self._typed and self._typed[0][0] <= message.last_input:
            self._seen.letters.append(now - self._typed.pop(0)[1])
        number = read_stamp(self._client.picture)
        if number is not None and number != self._last:
            self._last = number
            tick = int(now * A_SECOND)
            whole = tick - (tick - number) % (1 << BITS)
            self._seen.ages.append((now, now - whole / A_SECOND))


def read_stamp(picture: np.ndarray) -> int | None:
    left, top = (SIZE[0] - FILM[0]) // 2, (SIZE[1] - FILM[1]) // 2
    number = 0
    for bit in range(BITS):
        x = left + bit * BLOCK
        light = picture[top + 6 : top + 14, x + 6 : x + 14].mean()
        if 90 < light < 165:
            return None
        number |= (light > 128) << bit
    return number


@contextlib.asynccontextmanager
async def attached(path: Path, is_paced: bool) -> AsyncIterator[tuple[StreamClient, SlowPath]]:
    with x_server() as x:
        session = WorkerSession(x, width=SIZE[0], height=SIZE[1])
        if not is_paced:
            session.command = [sys.executable, "-c", UNPACED]
        await session.start()
        try:
            size = ["--width", str(SIZE[0]), "--height", str(SIZE[1])]
            app = [sys.executable, str(ROOT / "tests/bench/apps/stamped_film.py"), *size]
            async with slow_path("127.0.0.1", session.port, path.line) as way:
                session.dial_port = way.port
                client = await session.attach()
                client.send(m.Capabilities(DRAWS, VIDEO_H264))
                x.start(*app, *([] if path.has_film else ["--still"]))
                yield client, way
        finally:
            await session.stop()


async def watch(path: Path, seconds: float, is_paced: bool = True) -> Seen:
    seen = Seen()
    async with attached(path, is_paced) as (client, way):
        watcher = Watcher(client, seen)
        # The application starts when the machine has time for it.
        await client.until(lambda: seen.ages if path.has_film else watcher.is_page_there, START_SECONDS)
        if path.is_settled:
            await settled(path, client)
        seen.ages.clear()
        began, before = time.monotonic(), way.delivered_bytes[0]
        changes = list(path.changes)
        while (passed := time.monotonic() - began) < seconds:
            if changes and changes[0][0] * seconds <= passed:
                way.change(changes.pop(0)[1])
            watcher.type()
            seen.queued = max(seen.queued, way.queued_bytes[0])
            await asyncio.sleep(LETTER_SECONDS)
        seen.received = way.delivered_bytes[0] - before
    return seen


async def settled(path: Path, client: StreamClient) -> None:
    frames = -1
    while frames < 0 or (frames != client.frames and not path.has_film):
        frames = client.frames  # of the page itself
        await asyncio.sleep(SETTLE_SECONDS)


def figures_of(path: Path, seen: Seen, peer: Seen | None, seconds: float) -> list[Figure]:
    found = []
    name = "without pacing" if peer else ""
    if path.has_film:
        theirs = percentile([age * 1000 for _, age in peer.ages], 95) if peer and peer.ages else None
        found += [
            Figure(
                f"{path.name}: age of a picture, p95",
                percentile([age * 1000 for _, age in seen.ages], 95),
                "ms",
                path.age_limit,
                theirs,
                name if theirs else "",
            ),
            Figure(
                f"{path.name}: distinct pictures of 30 a second",
                len(seen.ages) / seconds,
                "/s",
                path.rate_limit,
                len(peer.ages) / seconds if peer else None,
                name,
                more_is_better=True,
            ),
        ]
    found.append(
        Figure(
            f"{path.name}: letter to its frame, p95",
            percentile([age * 1000 for age in seen.letters], 95),
            "ms",
            peer=percentile([age * 1000 for age in peer.letters], 95) if peer and peer.letters else None,
            peer_name=name if peer and peer.letters else "",
            note=f"median {statistics.median(seen.letters) * 1000:.0f} ms; most in the path's queue "
            f"{seen.queued / 1000:.0f} kB; {seen.received * 8 / seconds / 1e6:.2f} Mbit/s",
        )
    )
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=15)
    parser.add_argument("--only", default="", help="paths whose name holds this")
    arguments = parser.parse_args()
    figures: list[Figure] = []
    series: list[Series] = []
    for path in PATHS:
        if arguments.only not in path.name:
            continue
        seen = asyncio.run(watch(path, arguments.seconds))
        peer = asyncio.run(watch(path, arguments.seconds, is_paced=False)) if path.has_peer else None
        figures += figures_of(path, seen, peer, arguments.seconds)
        for name, one in ((f"Portcullis, {path.name}", seen), (f"without pacing, {path.name}", peer)):
            if one is not None and path.has_film:
                series.append(Series(name, [round(age * 1000, 1) for _, age in one.ages]))
    report("paths", figures, series, {"seconds": arguments.seconds})


if __name__ == "__main__":
    main()
