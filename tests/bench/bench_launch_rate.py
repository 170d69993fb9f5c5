"""Launches a second: brokers on an etcd cluster against bare transactions of the same shape, in the same run.

    tests/run.sh bench launch_rate [--brokers 1,3]

A launch here is the Launcher's whole way: look, plan, seal, commit, and the snapshot that has seen it. The peer sends
transactions with as many compares, puts and bytes over the same client: one process, 16 in flight, nothing else.
Everything shares this machine: members, brokers and the client.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import secrets
import tempfile
import time
from pathlib import Path

from broker.grid.grid import CreateRevision, Grid, ModRevision, Put
from broker.grid.opening import open_grid
from tests.bench.figures import Figure, percentile, report
from tests.bench.scale.population import Size
from tests.bench.scale.site import BigSite, big_site, start_broker
from tests.bench.scale.subject import IN_FLIGHT

SIZE = Size(hosts=100, users=40_000, sessions=1_000, spare_slots=600)
USERS_A_BROKER = 10_000
SECONDS = 8.0
RATIO = 0.5
PUT_BYTES = (130, 1_900, 90)
"""Of slot, session and `own`, sealed."""


async def bare_rate(site: BigSite) -> float:
    """Transactions a second."""
    grid = await open_grid(site.cluster.choice(site.state), may_create=False)
    done = 0
    until = time.perf_counter() + SECONDS

    async def one_after_the_other() -> None:
        nonlocal done
        while time.perf_counter() < until:
            await _bare(grid)
            done += 1

    begun = time.perf_counter()
    try:
        await asyncio.gather(*(one_after_the_other() for _ in range(IN_FLIGHT)))
    finally:
        await grid.close()
    return done / (time.perf_counter() - begun)


async def _bare(grid: Grid) -> None:
    keys = [f"/bare/{secrets.token_hex(16)}" for _ in PUT_BYTES]
    compares = [CreateRevision(key, 0) for key in keys[1:]]
    compares += [ModRevision(f"/bare/absent-{number}", 0) for number in range(4)]
    puts = [Put(key, os.urandom(size)) for key, size in zip(keys, PUT_BYTES, strict=True)]
    assert (await grid.txn(compares, puts)).succeeded


async def launch_rate(
    site: BigSite, count: int, first_user: int
) -> tuple[float, list[float], dict[str, int]]:
    """Launches a second of `count` brokers at once, the seconds of each, and what was refused."""
    brokers = [await start_broker(site) for _ in range(count)]
    try:
        answers = await asyncio.gather(
            *(
                broker.ask("launch", first_user + number * USERS_A_BROKER, SECONDS)
                for number, broker in enumerate(brokers)
            )
        )
    finally:
        await asyncio.gather(*(broker.stop() for broker in brokers))
    refused: dict[str, int] = {}
    for answer in answers:
        for code, number in answer["refused"].items():
            refused[code] = refused.get(code, 0) + number
    rate = sum(len(answer["times"]) / answer["seconds"] for answer in answers)
    return rate, [seconds for answer in answers for seconds in answer["times"]], refused


async def run(counts: list[int]) -> list[Figure]:
    found = []
    with tempfile.TemporaryDirectory() as folder:
        async with big_site(Path(folder), SIZE, 3, live=True) as site:
            first_user = SIZE.sessions
            for count in counts:
                before = await bare_rate(site)
                rate, times, refused = await launch_rate(site, count, first_user)
                first_user += count * USERS_A_BROKER
                bare = (before + await bare_rate(site)) / 2
                name = f"launches a second, {count} broker(s), 3 members, {IN_FLIGHT} in flight each"
                note = f"p99 {percentile(times, 99) * 1000:.0f} ms" + (
                    f", refused {refused}" if refused else ""
                )
                figure = Figure(name, rate, "/s", None, bare, "bare transactions", RATIO, True, note)
                print(f"  {figure.name}: {figure.value:.0f}, bare {bare:.0f}, {note}", flush=True)
                found.append(figure)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--brokers", default="1,3", help="How many at once, by comma.")
    arguments = parser.parse_args()
    report("launch_rate", asyncio.run(run([int(one) for one in arguments.brokers.split(",")])))


if __name__ == "__main__":
    main()
