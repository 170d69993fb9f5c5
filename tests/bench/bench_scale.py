"""How a broker and its grid grow: 1,000, 10,000 and 100,000 sessions, each of a user of his own, 100 a host.

    tests/run.sh bench scale [--sizes 1000,10000] [--members 1]

Each size is a real etcd cluster, filled with the records that launches leave, and the real broker on it. The peer of
memory is the bytes of the records themselves, as they lie sealed in the grid.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
from pathlib import Path
from typing import Any

from broker.grid.keys import NOT_IN_SNAPSHOT, ROOT
from broker.grid.opening import open_grid
from tests.bench.figures import Figure, percentile, report
from tests.bench.scale.picture import draw
from tests.bench.scale.population import Size
from tests.bench.scale.site import BigSite, big_site, start_broker

SIZES = (1_000, 10_000, 100_000)
SESSIONS_A_HOST = 100
LAGS = 1_000
MEGABYTE = 1_000_000


async def measure(sessions: int, members: int, folder: Path) -> dict[str, Any]:
    size = Size(max(1, sessions // SESSIONS_A_HOST), sessions, sessions)
    async with big_site(folder, size, members) as site:
        raw = await _raw_bytes(site)
        broker = await start_broker(site)
        try:
            samples = await broker.ask("lag", LAGS)
            now = await broker.ask("size")
            return {
                "sessions": sessions,
                "hosts": size.hosts,
                "records": site.records,
                "raw_bytes": raw,
                "start_seconds": broker.started["seconds"],
                "broker_rss": now["rss"],
                "member_rss": max(site.member_rss()),
                "database_bytes": await site.database_bytes(),
                "lag_p99_ms": percentile([lag for _, lag in samples], 99) * 1000,
                "commit_p99_ms": percentile([commit for commit, _ in samples], 99) * 1000,
            }
        finally:
            await broker.stop()


async def _raw_bytes(site: BigSite) -> int:
    """Of keys and values that a snapshot holds."""
    grid = await open_grid(site.cluster.choice(site.state), may_create=False)
    total = 0
    try:
        async for page in grid.pages(ROOT):
            for item in page.items:
                if not any(f"/{kind}/" in item.key for kind in NOT_IN_SNAPSHOT):
                    total += len(item.key) + len(item.value)
    finally:
        await grid.close()
    return total


def figures(point: dict[str, Any]) -> list[Figure]:
    at = f"{point['sessions']:,} sessions"
    raw = point["raw_bytes"] / MEGABYTE
    return [
        Figure(
            f"{at}: resident memory of a broker",
            point["broker_rss"] / MEGABYTE,
            "MB",
            None,
            raw,
            "bytes in the grid",
        ),
        Figure(
            f"{at}: resident memory of an etcd member",
            point["member_rss"] / MEGABYTE,
            "MB",
            None,
            raw,
            "bytes in the grid",
        ),
        Figure(
            f"{at}: etcd's database file",
            point["database_bytes"] / MEGABYTE,
            "MB",
            None,
            raw,
            "bytes in the grid",
        ),
        Figure(f"{at}: start of a broker to a full snapshot", point["start_seconds"], "s"),
        Figure(
            f"{at}: from commit to snapshot, p99",
            point["lag_p99_ms"],
            "ms",
            None,
            point["commit_p99_ms"],
            "commit p99",
        ),
    ]


async def run(sizes: list[int], members: int) -> list[dict[str, Any]]:
    points = []
    for sessions in sizes:
        with tempfile.TemporaryDirectory() as folder:
            points.append(await measure(sessions, members, Path(folder)))
        for figure in figures(points[-1]):
            print(f"  {figure.name}: {figure.value:.1f} {figure.unit}", flush=True)
    return points


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", default=",".join(map(str, SIZES)), help="Sessions, by comma.")
    parser.add_argument("--members", type=int, default=1, help="Of the etcd cluster.")
    parser.add_argument("--picture", type=Path, help="Draw the growth curves into this SVG.")
    arguments = parser.parse_args()
    points = asyncio.run(run([int(one) for one in arguments.sizes.split(",")], arguments.members))
    report("scale", [figure for point in points for figure in figures(point)], facts={"points": points})
    if arguments.picture:
        arguments.picture.write_text(draw(points))


if __name__ == "__main__":
    main()
