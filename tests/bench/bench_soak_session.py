"""Whether a worker stays as it is in a session that types, plays a film and resizes, for an hour.

    tests/run.sh bench soak_session [--minutes 60]

Real worker, real X, the Python viewer of the wire. Resident memory and descriptors of the worker are read every five
seconds. They depend on the display's size, by several megabytes, so what is compared is the mean of a whole round of
sizes; growth an hour is the slope of a straight line through all rounds but those of the first third, and stands
beside its standard error: in a run of half an hour, that is as large as the limit.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from portcullis.protocol import messages as m
from portcullis.protocol.operations import OPERATIONS, VIDEO_H264
from tests.bench.bench_soak import SETTLING, growth_percent_an_hour
from tests.bench.figures import Figure, Series, report
from tests.support.stream_client import StreamClient
from tests.support.worker_session import ROOT, worker_session
from tests.support.xserver import x_server

EVERY_SECONDS = 5.0
LETTER_SECONDS = 0.125
RESIZE_EVERY = 20.0
RENEW_EVERY = 300.0
SIZES = (1280, 720), (1100, 640), (1280, 720), (900, 700)
ROUND_SECONDS = RESIZE_EVERY * len(SIZES)
LIMIT_PERCENT = 2.0
DRAWS = sum(1 << operation.KIND for operation in OPERATIONS)


async def sample(minutes: float) -> list[tuple[float, float, float]]:
    """(seconds, resident bytes, descriptors)"""
    samples: list[tuple[float, float, float]] = []
    with x_server() as x:
        async with worker_session(x, width=1280, height=720) as session:
            client = await session.attach()
            client.on_message = lambda _: client.messages.clear()
            client.send(m.Capabilities(DRAWS, VIDEO_H264), m.WatchQuality(True))
            x.start(
                sys.executable,
                str(ROOT / "tests/bench/apps/stamped_film.py"),
                *("--width", "1280", "--height", "720"),
            )
            began = renewed = time.monotonic()
            while (passed := time.monotonic() - began) < minutes * 60:
                if time.monotonic() - renewed > RENEW_EVERY:
                    renewed = time.monotonic()
                    client.send(m.GrantRenewal(session.signed()))
                client.send(m.Resize(*SIZES[int(passed / RESIZE_EVERY) % len(SIZES)], 100))
                await type_for(client, EVERY_SECONDS)
                samples.append((passed, *measured(session.process.pid)))
    return samples


async def type_for(client: StreamClient, seconds: float) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        client.key("KeyA", "a")
        await asyncio.sleep(LETTER_SECONDS)


def measured(pid: int) -> tuple[float, float]:
    process = Path(f"/proc/{pid}")
    rows = (process / "status").read_text().splitlines()
    resident = next(int(row.split()[1]) * 1024 for row in rows if row.startswith("VmRSS"))
    return float(resident), float(len(list((process / "fd").iterdir())))


Point = tuple[float, float]


def by_rounds(samples: Sequence[tuple[float, float, float]], field: int) -> list[Point]:
    """(seconds, mean) of each whole round of sizes."""
    rounds: dict[int, list[float]] = {}
    for one in samples:
        rounds.setdefault(int(one[0] // ROUND_SECONDS), []).append(one[field])
    whole = sorted(rounds)[:-1]
    return [((number + 0.5) * ROUND_SECONDS, statistics.fmean(rounds[number])) for number in whole]


def error_percent_an_hour(points: Sequence[Point]) -> float:
    """The standard error of `growth_percent_an_hour`."""
    times, values = [x for x, _ in points], [y for _, y in points]
    slope, begin = statistics.linear_regression(times, values)
    rest = sum((y - begin - slope * x) ** 2 for x, y in points) / max(1, len(points) - 2)
    spread = sum((x - statistics.fmean(times)) ** 2 for x in times)
    return float((rest / spread) ** 0.5 * 3600 / values[0] * 100)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=60)
    arguments = parser.parse_args()
    samples = asyncio.run(sample(arguments.minutes))
    settled = [one for one in samples if one[0] >= arguments.minutes * 60 * SETTLING]
    figures = []
    for field, name in ((1, "resident memory"), (2, "descriptors")):
        points = by_rounds(settled, field)
        figures.append(
            Figure(
                f"growth an hour: {name} of the worker",
                growth_percent_an_hour(points),
                "%",
                LIMIT_PERCENT,
                note=f"+/- {error_percent_an_hour(points):.1f}; now {points[-1][1]:,.0f}; by a line through "
                f"{len(points)} rounds of {ROUND_SECONDS:.0f} s",
            )
        )
    report(
        "soak_session",
        figures,
        [Series("resident memory of the worker, MB", [round(one[1] / 1e6, 2) for one in samples])],
    )


if __name__ == "__main__":
    main()
