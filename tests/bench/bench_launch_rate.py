"""Launches a second: brokers on an etcd cluster against bare transactions of the same shape, in the same run.

    tests/run.sh bench launch_rate [--brokers 1,3] [--http]

A launch here is the Launcher's whole way: look, plan, seal, commit, and the snapshot that has seen it. The peer sends
transactions with as many compares, puts and bytes, each as a request of its own, out of the same processes over the
same connections to the same members, as many in flight, before and after. Everything shares this machine.

`--http`: the launches come as a gateway passes them on, signed by browsers, over mTLS to the brokers; signing, and the
client's side of TLS, is in one process beside and takes its share of the machine.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
from pathlib import Path

import psutil

from tests.bench.figures import Figure, percentile, report
from tests.bench.scale.population import Size
from tests.bench.scale.site import BigSite, BrokerProcess, big_site, start_broker
from tests.bench.scale.subject import IN_FLIGHT
from tests.bench.scale.visitors import Visitors

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


async def http_rate(
    site: BigSite, brokers: list[BrokerProcess], visitors: Visitors
) -> tuple[float, list[float], dict[str, int]]:
    ports = [broker.started["port"] for broker in brokers]
    return await visitors.launch(ports, IN_FLIGHT, SECONDS, site.state.parent / f"gateway-{len(brokers)}")


async def measure(site: BigSite, count: int, first_user: int, over_http: bool) -> Figure:
    visitors = Visitors(site, first_user, USERS_A_BROKER)
    if over_http:
        await visitors.come()
    brokers = [await start_broker(site) for _ in range(count)]
    try:
        before = await bare_rate(brokers)
        used = _processor_seconds(brokers)
        if over_http:
            rate, times, refused = await http_rate(site, brokers, visitors)
        else:
            rate, times, refused = await launch_rate(brokers, first_user)
        used = _processor_seconds(brokers) - used
        bare = (before + await bare_rate(brokers)) / 2
    finally:
        await asyncio.gather(*(broker.stop() for broker in brokers))
    name = f"launches a second{' over HTTP' * over_http}, {count} broker(s), 3 members, {IN_FLIGHT} in flight each"
    each = used / max(1, len(times)) * 1000
    note = f"p99 {percentile(times, 99) * 1000:.0f} ms, {each:.2f} ms of the brokers' processors a launch" + (
        f", refused {refused}" if refused else ""
    )
    return Figure(name, rate, "/s", None, bare, "bare transactions", RATIO, True, note)


def _processor_seconds(brokers: list[BrokerProcess]) -> float:
    return sum(sum(psutil.Process(broker.pid).cpu_times()[:2]) for broker in brokers)


async def run(counts: list[int], over_http: bool) -> list[Figure]:
    found = []
    with tempfile.TemporaryDirectory() as folder:
        async with big_site(Path(folder), SIZE, 3, live=True) as site:
            first_user = SIZE.sessions
            for count in counts:
                figure = await measure(site, count, first_user, over_http)
                first_user += count * USERS_A_BROKER
                print(
                    f"  {figure.name}: {figure.value:.0f}, {figure.peer:.0f} bare, {figure.note}", flush=True
                )
                found.append(figure)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--brokers", default="1,3", help="How many at once, by comma.")
    parser.add_argument("--http", action="store_true", help="As browsers launch, by way of a gateway.")
    arguments = parser.parse_args()
    counts = [int(one) for one in arguments.brokers.split(",")]
    report("launch_rate", asyncio.run(run(counts, arguments.http)))


if __name__ == "__main__":
    main()
