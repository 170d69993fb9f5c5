"""A broker is killed under a full site and comes back: thousands of agents dial it at once.

    tests/run.sh bench storm [--hosts 2000] [--sessions 100000]

The agents are simulated (tests/support/simulated_agents.py): real control channels over mTLS, each with a certificate
of its host, whose hello names all its sessions. Meanwhile a user's request goes to the API every 100 ms, on a
connection that stands, as through a gateway. It is over when all are welcomed and such requests are quick again; the
broker must not have taken the grid for degraded, nor have lost its own lease, nor have been left by an agent.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import resource
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from portcullis.enrolment.credentials import client_context
from portcullis.enrolment.joining import join
from portcullis.settings import Address
from portcullis.tasks import cancel_and_wait, spawn
from tests.bench.figures import Figure, percentile, report
from tests.bench.scale.agents import Agents
from tests.bench.scale.population import Size
from tests.bench.scale.site import big_site, start_broker

EVERY_SECONDS = 0.1
CALM_REQUESTS = 30
CALM_SECONDS = 0.25
"""What a request takes at most while nothing storms: so many of them one after the other."""
PATIENCE_SECONDS = 300.0
WELCOMED_SECONDS = 30.0
"""In which all are to be welcomed, once the broker listens."""


@dataclass(frozen=True, slots=True)
class Asked:
    at: float
    seconds: float


class HonestUser:
    """Asks who he is, again and again; what fails before the broker listens is not counted."""

    def __init__(self, url: str, context: Any) -> None:
        self._url, self._context = url, context
        self.asked: list[Asked] = []
        self.failures = 0

    async def run(self) -> None:
        timeout = aiohttp.ClientTimeout(total=30)
        async with aiohttp.ClientSession(timeout=timeout) as http:
            while True:
                at, begun = time.time(), time.perf_counter()
                try:
                    async with http.get(self._url, ssl=self._context) as response:
                        await response.read()
                        assert response.status == 200, response.status
                except (aiohttp.ClientError, TimeoutError):
                    self.failures += bool(self.asked)
                else:
                    self.asked.append(Asked(at, time.perf_counter() - begun))
                await asyncio.sleep(EVERY_SECONDS)

    async def until_calm(self) -> tuple[float, list[float]]:
        """When the first of CALM_REQUESTS quick ones was asked, and what they took."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                last = self.asked[-CALM_REQUESTS:]
                if len(last) == CALM_REQUESTS and all(each.seconds <= CALM_SECONDS for each in last):
                    return last[0].at, [each.seconds for each in last]
                await asyncio.sleep(EVERY_SECONDS)


@dataclass(frozen=True, slots=True)
class Storm:
    start: float
    welcomed: list[float]
    """Seconds after listening, sorted."""
    calm: list[float]
    asked: list[float]
    failures: int
    calm_again: float
    broker: dict[str, float]


async def measure(size: Size, members: int, folder: Path) -> list[Figure]:
    async with big_site(folder, size, members) as site:
        broker = await start_broker(site)
        port = broker.started["port"]
        agents: Agents | None = None
        try:
            secrets = json.loads((site.state / "secrets.json").read_text())
            gateway = await join(
                Address("127.0.0.1", port),
                secrets["gateway_join_token"],
                "gw",
                folder / "gateway",
                address="127.0.0.1:9443",
                public_origin="http://localhost:8080",
            )
            site_id = await broker.ask("certificates", size.hosts)
            agents = Agents(site, site_id, port)
            await agents.start()
            await agents.ask()
            print("  all agents are welcomed a first time", flush=True)
            user = HonestUser(f"https://127.0.0.1:{port}/api/v1/login", client_context(gateway))
            asking = spawn(user.run(), name="honest user")
            _, calm = await user.until_calm()
            await broker.kill()
            began = time.time()
            user.asked = []
            broker = await start_broker(site, port)
            listening = time.time()
            answers = await agents.ask()
            calm_again, _ = await user.until_calm()
            await cancel_and_wait(asking)
            welcomed = sorted(at - listening for answer in answers for at in answer["welcomed"])
            return _figures(
                size,
                Storm(
                    listening - began,
                    welcomed,
                    calm,
                    [each.seconds for each in user.asked if each.at <= listening + welcomed[-1]],
                    user.failures,
                    calm_again - listening,
                    await broker.ask("storm", size.hosts),
                ),
            )
        finally:
            if agents is not None:
                await agents.stop()
            await broker.kill()


def _figures(size: Size, storm: Storm) -> list[Figure]:
    at = f"{size.hosts:,} agents, {size.sessions:,} sessions"
    calm, asked, broker = storm.calm, storm.asked, storm.broker

    def request(percent: int, note: str = "") -> Figure:
        value, peer = percentile(asked, percent) * 1000, percentile(calm, percent) * 1000
        name = f"{at}: a user's request meanwhile, p{percent}"
        return Figure(name, value, "ms", None, peer, "with all agents connected", note=note)

    def none(what: str, name: str) -> Figure:
        return Figure(f"{at}: {what}", broker[name], "", 0)

    return [
        Figure(f"{at}: start of the broker to listening", storm.start, "s"),
        Figure(f"{at}: half of the agents welcomed, after listening", percentile(storm.welcomed, 50), "s"),
        Figure(f"{at}: all agents welcomed, after listening", storm.welcomed[-1], "s", WELCOMED_SECONDS),
        request(50),
        request(99, f"{len(asked)} requests, {storm.failures} failed"),
        Figure(f"{at}: requests are quick again, after listening", storm.calm_again, "s"),
        none("agents that are not connected then", "missing"),
        none("times that the broker took the grid for degraded", "degraded"),
        none("times that the broker lost its lease", "leases_lost"),
        Figure(f"{at}: longest pause of the broker's loop", broker["longest_pause"], "s"),
        Figure(f"{at}: resident memory of the broker then", broker["rss"] / 1e6, "MB"),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--hosts", type=int, default=2_000)
    parser.add_argument("--sessions", type=int, default=100_000)
    parser.add_argument("--members", type=int, default=1, help="Of the etcd cluster.")
    arguments = parser.parse_args()
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    size = Size(arguments.hosts, arguments.sessions, arguments.sessions)
    with tempfile.TemporaryDirectory() as folder:
        report("storm", asyncio.run(measure(size, arguments.members, Path(folder))))


if __name__ == "__main__":
    main()
