"""A broker is killed under a full site and comes back: thousands of agents dial it at once.

    tests/run.sh bench storm [--hosts 2000] [--sessions 100000]

The agents are simulated (tests/support/simulated_agents.py): real control channels over mTLS, each with a certificate
of its host, whose hello names all its sessions. Meanwhile a user's request goes to the API every 100 ms, on a
connection that stands, as through a gateway.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import resource
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import aiohttp

from portcullis.enrolment import client_context, join
from portcullis.settings import Address
from portcullis.tasks import cancel_and_wait, spawn
from tests.bench.figures import Figure, percentile, report
from tests.bench.scale.population import Size
from tests.bench.scale.site import ROOT, BigSite, big_site, start_broker

PROCESSES = 2
EVERY_SECONDS = 0.1
CALM_REQUESTS = 30
PATIENCE_SECONDS = 300.0


class Agents:
    def __init__(self, site: BigSite, site_id: str, port: int) -> None:
        self._site, self._site_id, self._port = site, site_id, port
        self._processes: list[asyncio.subprocess.Process] = []

    async def start(self) -> None:
        hosts = self._site.size.hosts
        for number in range(PROCESSES):
            first, last = hosts * number // PROCESSES, hosts * (number + 1) // PROCESSES
            self._processes.append(
                await asyncio.create_subprocess_exec(
                    *(
                        sys.executable,
                        "-m",
                        "tests.support.simulated_agents",
                        "--folder",
                        str(self._site.state),
                    ),
                    *("--tenant", self._site.tenant_id, "--site", self._site_id, "--port", str(self._port)),
                    *("--hosts", str(hosts), "--sessions", str(self._site.size.sessions)),
                    *("--first", str(first), "--last", str(last)),
                    cwd=ROOT,
                    stdin=asyncio.subprocess.PIPE,
                    stdout=asyncio.subprocess.PIPE,
                    limit=2**24,
                )
            )

    async def until_welcomed(self) -> list[dict[str, Any]]:
        async with asyncio.timeout(PATIENCE_SECONDS):
            return await asyncio.gather(*(_ask(process) for process in self._processes))

    async def stop(self) -> None:
        for process in self._processes:
            process.kill()
            await process.wait()


async def _ask(process: asyncio.subprocess.Process) -> dict[str, Any]:
    assert process.stdin is not None and process.stdout is not None
    process.stdin.write(b"\n")
    answer: dict[str, Any] = json.loads(await process.stdout.readline())
    return answer


class HonestUser:
    """Asks who he is, again and again; what fails before the broker listens is not counted."""

    def __init__(self, url: str, context: Any) -> None:
        self._url, self._context = url, context
        self.seconds: list[float] = []
        self.failures = 0
        self.first: float | None = None

    async def run(self) -> None:
        timeout = aiohttp.ClientTimeout(total=30)
        async with aiohttp.ClientSession(timeout=timeout) as http:
            while True:
                begun = time.perf_counter()
                try:
                    async with http.get(self._url, ssl=self._context) as response:
                        await response.read()
                        assert response.status == 200, response.status
                except (aiohttp.ClientError, TimeoutError):
                    self.failures += self.first is not None
                else:
                    self.first = self.first or time.time()
                    self.seconds.append(time.perf_counter() - begun)
                await asyncio.sleep(EVERY_SECONDS)


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
            await agents.until_welcomed()
            print("  all agents are welcomed a first time", flush=True)
            user = HonestUser(f"https://127.0.0.1:{port}/api/v1/login", client_context(gateway))
            asking = spawn(user.run(), name="honest user")
            while len(user.seconds) < CALM_REQUESTS:
                await asyncio.sleep(EVERY_SECONDS)
            calm, user.seconds, user.first = user.seconds, [], None
            await broker.kill()
            began = time.time()
            broker = await start_broker(site, port)
            listening = time.time()
            answers = await agents.until_welcomed()
            while not user.seconds:
                await asyncio.sleep(EVERY_SECONDS)
            stormy, failures = user.seconds, user.failures
            now = await broker.ask("size")
            await cancel_and_wait(asking)
            welcomed = [at for answer in answers for at in answer["welcomed"]]
            print(f"  attempts {sum(a['attempts'] for a in answers)}, channels {now['channels']}", flush=True)
            return _figures(
                size,
                calm,
                stormy,
                failures,
                listening - began,
                sorted(at - listening for at in welcomed),
                now,
            )
        finally:
            if agents is not None:
                await agents.stop()
            await broker.kill()


def _figures(
    size: Size,
    calm: list[float],
    stormy: list[float],
    failures: int,
    start: float,
    welcomed: list[float],
    now: dict[str, float],
) -> list[Figure]:
    at = f"{size.hosts:,} agents, {size.sessions:,} sessions"
    return [
        Figure(f"{at}: start of the broker to listening", start, "s"),
        Figure(f"{at}: half of the agents welcomed, after listening", percentile(welcomed, 50), "s"),
        Figure(f"{at}: all agents welcomed, after listening", welcomed[-1], "s"),
        Figure(
            f"{at}: a user's request meanwhile, p50",
            percentile(stormy, 50) * 1000,
            "ms",
            None,
            percentile(calm, 50) * 1000,
            "with all agents connected",
        ),
        Figure(
            f"{at}: a user's request meanwhile, p99",
            percentile(stormy, 99) * 1000,
            "ms",
            None,
            percentile(calm, 99) * 1000,
            "with all agents connected",
            note=f"{len(stormy)} requests, {failures} failed",
        ),
        Figure(f"{at}: resident memory of the broker then", now["rss"] / 1e6, "MB"),
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
