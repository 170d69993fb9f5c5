"""Policies that change over 100,000 live sessions: when the last host knows, and for how long the broker was busy.

    tests/run.sh bench rules [--hosts 1000 --sessions 100000] [--site FOLDER]

A real broker in a process of its own with a full site; agents that are simulated hold real control channels and verify
each word as a host does; one real gateway hears it as well. The clock runs from before the request that changes the
policy until the last session was in a word at its agent. Broker, agents and gateway share the machine.
"""

from __future__ import annotations

import argparse
import asyncio
import resource
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import psutil

from gateway.app import GatewayApp
from portcullis.enrolment.credentials import Credentials, client_context
from portcullis.enrolment.joining import join
from portcullis.settings import Address
from tests.bench.figures import Figure, report
from tests.bench.processes import levelled
from tests.bench.scale.agents import Agents
from tests.bench.scale.population import Size
from tests.bench.scale.site import BrokerProcess, EmbeddedSite, embedded_site, start_broker
from tests.support.ports import free_ports

LIMIT_SECONDS, LIMIT_PAUSE_MS = 2.0, 50.0
POLL_SECONDS = 0.1
AT_REST_PERCENT = 2.0
PATIENCE_SECONDS = 120.0
ELSEWHERE = ["198.51.100.0/24"]
DEPARTMENTS = 40


@dataclass(frozen=True, slots=True)
class Scenario:
    name: str
    of: str
    values: dict[str, Any]
    departments: int = DEPARTMENTS
    """Of DEPARTMENTS: those whose sessions it concerns."""


# The last one is not followed: who gets a clipboard back is connected anew, some hundred a second.
SCENARIOS = (
    Scenario(
        "one department of 40 may come from elsewhere only", "group/department-7", {"networks": ELSEWHERE}, 1
    ),
    Scenario("everybody may come from elsewhere only", "tenant/-", {"networks": ELSEWHERE}),
    Scenario("nobody may copy out any more", "tenant/-", {"clipboard": "to_application"}),
)


@dataclass(frozen=True, slots=True)
class Change:
    """Seconds from before the request."""

    answered: float
    last_host: float
    gateway: float
    longest_pause: float
    longest_turn: float
    processor: float


async def measure(size: Size, folder: Path) -> list[Figure]:
    site = await embedded_site(folder, size)
    broker = await start_broker(site)
    agents: Agents | None = None
    try:
        gateway, credentials = await _gateway(folder, broker)
        agents = Agents(site, await broker.ask("certificates", size.hosts), broker.started["port"])
        await agents.start()
        await agents.ask()
        await levelled(_share(broker.pid), every=1.0, within=0.3)  # what their welcome left to do
        figures: list[Figure] = []
        async with aiohttp.ClientSession() as http:
            ask = Asker(http, site, broker, credentials)
            for scenario in SCENARIOS:
                change = await _changed(scenario, size, broker, agents, gateway, ask)
                figures += _figures(scenario, size, change)
                await ask.policy("DELETE", scenario.of)
        await gateway.stop()
        return figures
    finally:
        if agents is not None:
            await agents.stop()
        await broker.kill()


def _share(pid: int) -> Callable[[], float]:
    """Of a core, since the last look, in percent; less than AT_REST_PERCENT makes no difference."""
    process = psutil.Process(pid)
    process.cpu_percent()
    return lambda: max(AT_REST_PERCENT, process.cpu_percent())


class Asker:
    """The administrator's script."""

    def __init__(
        self, http: aiohttp.ClientSession, site: EmbeddedSite, broker: BrokerProcess, gateway: Credentials
    ) -> None:
        self._http, self._context = http, client_context(gateway)
        self._url = f"https://127.0.0.1:{broker.started['port']}/api/v1/admin/policies"
        self._headers = {
            "Authorization": f"Bearer {site.api_token}",
            "Portcullis-Origin": "http://localhost:8080",
        }

    async def policy(self, method: str, of: str, body: Any = None) -> None:
        async with self._http.request(
            method, f"{self._url}/{of}", json=body, headers=self._headers, ssl=self._context
        ) as answer:
            assert answer.status < 300, await answer.text()


async def _gateway(folder: Path, broker: BrokerProcess) -> tuple[GatewayApp, Credentials]:
    port, inner = free_ports(2)
    address = Address("127.0.0.1", broker.started["port"])
    place = {"address": f"127.0.0.1:{inner}", "public_origin": f"http://localhost:{port}"}
    credentials = await join(
        address, await broker.ask("gateway_token"), f"gw-{port}", folder / f"gateway-{port}", **place
    )
    gateway = GatewayApp(credentials, Address("127.0.0.1", port), Address("127.0.0.1", inner))
    await gateway.start()
    return gateway, credentials


async def _changed(
    scenario: Scenario, size: Size, broker: BrokerProcess, agents: Agents, gateway: GatewayApp, ask: Asker
) -> Change:
    concerned = sum(number % DEPARTMENTS < scenario.departments for number in range(size.sessions))
    before, process = _named(gateway), psutil.Process(broker.pid)
    await agents.ask("forget")
    await broker.ask("pause")
    used, began = sum(process.cpu_times()[:2]), time.time()
    await ask.policy("PUT", scenario.of, {"values": scenario.values, "locked": []})
    answered, heard = time.time() - began, 0.0
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            told = await agents.ask()
            heard = heard or (time.time() if _named(gateway) - before >= concerned else 0.0)
            if heard and sum(each["told"] for each in told) >= concerned:
                break
            await asyncio.sleep(POLL_SECONDS)
    last = max(each["last_told"] for each in told)
    processor = sum(process.cpu_times()[:2]) - used
    return Change(answered, last - began, heard - began, *await broker.ask("pause"), processor)


def _named(gateway: GatewayApp) -> int:
    """Sessions of which the gateway was told."""
    return sum(len(word.sessions) for _, word in gateway._revocations._book.words())


def _figures(scenario: Scenario, size: Size, change: Change) -> list[Figure]:
    concerned = size.sessions * scenario.departments // DEPARTMENTS
    name = f"{scenario.name}: {concerned:,} of {size.sessions:,} sessions"
    return [
        Figure(f"{name}, the last one at its host", change.last_host, "s", LIMIT_SECONDS),
        Figure(f"{name}, all at the gateway", change.gateway, "s"),
        Figure(f"{name}, request answered", change.answered, "s"),
        Figure(f"{name}, longest pause of the broker's loop", change.longest_pause * 1e3, "ms"),
        Figure(f"{name}, longest turn on it, processor", change.longest_turn * 1e3, "ms", LIMIT_PAUSE_MS),
        Figure(f"{name}, processor of the broker", change.processor, "s"),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--hosts", type=int, default=1_000)
    parser.add_argument("--sessions", type=int, default=100_000)
    parser.add_argument("--site", type=Path, help="Fill the site here, or take the one that is here.")
    arguments = parser.parse_args()
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    size = Size(arguments.hosts, arguments.sessions, arguments.sessions)
    with tempfile.TemporaryDirectory() as folder:
        report("rules", asyncio.run(measure(size, arguments.site or Path(folder))))


if __name__ == "__main__":
    main()
