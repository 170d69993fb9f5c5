"""Launches a second: brokers on an etcd cluster against bare transactions of the same shape, in the same run.

    tests/run.sh bench launch_rate [--brokers 1,3]

A launch here is the Launcher's whole way: look, plan, seal, commit, and the snapshot that has seen it. The peer sends
transactions with as many compares, puts and bytes, each as a request of its own, out of the same processes over the
same connections to the same members, as many in flight, before and after. Everything shares this machine.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
from pathlib import Path

from tests.bench.figures import Figure, percentile, report
from tests.bench.scale.population import Size
from tests.bench.scale.site import BigSite, BrokerProcess, big_site, start_broker
from tests.bench.scale.subject import IN_FLIGHT

SIZE = Size(hosts=100, users=40_000, sessions=1_000, spare_slots=600)
USERS_A_BROKER = 10_000
SECONDS = 8.0
RATIO = 0.5


async def bare_rate(brokers: list[BrokerProcess]) -> float:
    """Bare transactions a second, of all clients together."""
    return sum(await asyncio.gather(*(broker.ask("bare", SECONDS) for broker in brokers)))


async def launch_rate(
    brokers: list[BrokerProcess], first_user: int
) -> tuple[float, list[float], dict[str, int]]:
    """Launches a second of all brokers at once, the seconds of each, and what was refused."""
    answers = await asyncio.gather(
        *(
            broker.ask("launch", first_user + number * USERS_A_BROKER, SECONDS)
            for number, broker in enumerate(brokers)
        )
    )
    refused: dict[str, int] = {}
    for answer in answers:
        for code, number in answer["refused"].items():
            refused[code] = refused.get(code, 0) + number
    rate = sum(len(answer["times"]) / answer["seconds"] for answer in answers)
    return rate, [seconds for answer in answers for seconds in answer["times"]], refused


async def measure(site: BigSite, count: int, first_user: int) -> Figure:
    brokers = [await start_broker(site) for _ in range(count)]
    try:
        before = await bare_rate(brokers)
        rate, times, refused = await launch_rate(brokers, first_user)
        bare = (before + await bare_rate(brokers)) / 2
    finally:
        await asyncio.gather(*(broker.stop() for broker in brokers))
    name = f"launches a second, {count} broker(s), 3 members, {IN_FLIGHT} in flight each"
    note = f"p99 {percentile(times, 99) * 1000:.0f} ms" + (f", refused {refused}" if refused else "")
    return Figure(name, rate, "/s", None, bare, "bare transactions", RATIO, True, note)


async def run(counts: list[int]) -> list[Figure]:
    found = []
    with tempfile.TemporaryDirectory() as folder:
        async with big_site(Path(folder), SIZE, 3, live=True) as site:
            first_user = SIZE.sessions
            for count in counts:
                figure = await measure(site, count, first_user)
                first_user += count * USERS_A_BROKER
                print(
                    f"  {figure.name}: {figure.value:.0f}, {figure.peer:.0f} bare, {figure.note}", flush=True
                )
                found.append(figure)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--brokers", default="1,3", help="How many at once, by comma.")
    arguments = parser.parse_args()
    report("launch_rate", asyncio.run(run([int(one) for one in arguments.brokers.split(",")])))


if __name__ == "__main__":
    main()
