"""Whether a broker and its grid stay as they are: a launch and an end a second, for an hour.

    tests/run.sh bench soak [--minutes 60] [--sessions 10000] [--warm 12000]

What is kept of the past up to a number (parsed records, endings, the log of a member) is filled first, by so many
launches and ends as fast as they go. Memory, descriptors and etcd's database are read every ten seconds from then on;
growth an hour is the slope of a straight line through all but the first third. A run shorter than an hour says so with
each figure. The member runs with what docs/etcd.md recommends.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from portcullis.lab.etcd_member import RECOMMENDED
from tests.bench.figures import Figure, Series, report
from tests.bench.scale.population import Size
from tests.bench.scale.site import big_site, start_broker
from tests.bench.scale.subject import anonymous_bytes

EVERY_SECONDS = 10.0
LAUNCHES_A_SECOND = 1.0
CHURNING_USERS = 1_000
LIMIT_PERCENT = 1.0
SETTLING = 1 / 3
PROMISED = {
    "resident memory of the broker": "rss",
    "descriptors of the broker": "descriptors",
    "resident memory of the etcd member": "member_rss",
    "database of the etcd member": "database",
}
BESIDE = {
    "memory of the broker, no files": "anonymous",
    "memory of the etcd member, no files": "member_anonymous",
}
"""What is resident without mapped files, whose pages the kernel may drop: etcd maps its database."""


async def sample(
    minutes: float, size: Size, warm: int, folder: Path, more: Sequence[str]
) -> list[dict[str, float]]:
    samples = []
    async with big_site(folder, size, 1, live=True, more=more) as site:
        broker = await start_broker(site)
        member = site.cluster.members[0]
        try:
            began = time.monotonic()
            await broker.ask("warm", size.sessions, warm)
            print(f"  warmed by {warm} launches and ends in {time.monotonic() - began:.0f} s", flush=True)
            await broker.ask("churn", size.sessions, LAUNCHES_A_SECOND)
            began = time.monotonic()
            while (passed := time.monotonic() - began) < minutes * 60:
                said = await broker.ask("size")
                said |= {"member_rss": site.member_rss()[0], "member_anonymous": anonymous_bytes(member.pid)}
                samples.append({"at": passed, **said, "database": await site.database_bytes()})
                await asyncio.sleep(EVERY_SECONDS)
        finally:
            await broker.stop()
    return samples


def growth_percent_an_hour(points: Sequence[tuple[float, float]]) -> float:
    """Of the value at the beginning of the line, by least squares."""
    count = len(points)
    mean_x, mean_y = sum(x for x, _ in points) / count, sum(y for _, y in points) / count
    spread = sum((x - mean_x) ** 2 for x, _ in points)
    slope = sum((x - mean_x) * (y - mean_y) for x, y in points) / spread
    begin = mean_y + slope * (points[0][0] - mean_x)
    return slope * 3600 / begin * 100


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument(
        "--sessions", type=int, default=10_000, help="That stay, beside those that come and go."
    )
    parser.add_argument("--warm", type=int, default=12_000, help="Launches and ends before it is measured.")
    parser.add_argument(
        "--etcd", default=" ".join(RECOMMENDED), help="Arguments of the member, by spaces: to try others."
    )
    arguments = parser.parse_args()
    size = Size(max(1, arguments.sessions // 100), arguments.sessions + CHURNING_USERS, arguments.sessions)
    with tempfile.TemporaryDirectory() as folder:
        samples = asyncio.run(
            sample(arguments.minutes, size, arguments.warm, Path(folder), arguments.etcd.split())
        )
    settled = [one for one in samples if one["at"] >= arguments.minutes * 60 * SETTLING]
    launches = (samples[-1]["revision"] - samples[0]["revision"]) / 2
    note = f"by a line through {arguments.minutes * (1 - SETTLING):.0f} min, about {launches:.0f} launches and ends"
    report(
        "soak",
        [
            Figure(
                f"growth an hour: {name}",
                growth_percent_an_hour([(one["at"], one[field]) for one in settled]),
                "%",
                LIMIT_PERCENT if name in PROMISED else None,
                note=f"from {settled[0][field]:,.0f} to {settled[-1][field]:,.0f}; {note}",
            )
            for name, field in (PROMISED | BESIDE).items()
        ],
        [Series(name, [one[field] for one in samples]) for name, field in (PROMISED | BESIDE).items()],
    )


if __name__ == "__main__":
    main()
