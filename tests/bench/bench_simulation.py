"""Asking what a launch would do: the time of one simulation, on 1,000 hosts, 10,000 applications and 100,000 users.

    tests/run.sh bench simulation

A real embedded grid holds the site, and a real snapshot with the indexes feeds the plan; policies and groups inside
groups count. With a dry run the agents' own code looks at this machine (accounts, programs, room), on eight hosts a
question, and messages are coded and read as on their channels; only the network between is missing. The time of the
processor stands beside that of the clock: on a machine that does other things as well, it is the simulation's own.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import tempfile
import time
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from agents.linux import checks as looking
from agents.linux.accounts import Accounts
from agents.sessions.dry_runs import DryRuns, Knowledge
from broker.grid.embedded import EmbeddedGrid
from broker.grid.scopes import SealedOperation, Stores
from broker.grid.seal import SiteKey
from broker.hosts.answers import HostAnswer
from broker.hosts.checks import HostChecks
from broker.hosts.loads import HostLoad, HostLoads
from broker.hosts.registry import ChannelRegistry
from broker.launch.index import HostIndex
from broker.launch.launch import Launcher
from broker.launch.traces import Traces
from broker.repositories.applications import Applications
from broker.repositories.gateways import Gateways
from broker.repositories.policy_index import policy_path
from broker.repositories.sessions import Sessions
from broker.repositories.traces import TraceStore
from broker.repositories.users import Users
from broker.simulation.question import Question
from broker.simulation.simulator import Simulator, Ways
from broker.snapshot import Snapshot
from portcullis.clock import SystemClock
from portcullis.ids import name_hash, new_id
from portcullis.model.application import Application, Entitlement
from portcullis.model.group import Group, group_key
from portcullis.model.host import Gateway, Host, LiveHost
from portcullis.model.user import User
from portcullis.protocol.channel import encode, parse_from_agent, parse_from_broker
from portcullis.protocol.checks import Check, Checked
from tests.bench.figures import Figure, Series, percentile, report

LIMIT_MS, LIMIT_WITH_DRY_RUN_MS = 100.0, 500.0
SIZES = (1_000, 10_000, 100_000)
GROUPS = 200
TENANT = new_id()


class HereChannel:
    """A host's channel whose other end is this machine."""

    def __init__(self, runs: DryRuns) -> None:
        self._runs = runs

    async def check(self, check: Check) -> HostAnswer:
        asked = parse_from_broker(encode(check))
        assert isinstance(asked, Check)
        answer = parse_from_agent(encode(await self._runs.answer(asked)))
        assert isinstance(answer, Checked)
        return HostAnswer(answer.results)


async def fill(
    stores: Stores, hosts: list[Host], applications: int, users: int, chance: random.Random
) -> None:
    tenant, data_key = stores.found_tenant(TENANT)
    site = stores.site
    puts: list[SealedOperation] = [data_key, site.put(("tenant", TENANT), {"id": TENANT, "name": "acme"})]
    for number in range(GROUPS):
        inner = frozenset({f"group-{number + 1}"}) if number % 10 else frozenset()
        puts.append(
            tenant.put(("group", group_key(f"group-{number}")), Group(f"group-{number}", "", inner).to_json())
        )
        if number % 5 == 0:
            policy: dict[str, Any] = {"values": {"sessions": 5, "second_factor_minutes": 60}, "locked": []}
            puts.append(tenant.put(policy_path("group", group_key(f"group-{number}")), policy))
    for host in hosts:
        puts.append(site.put(("host", host.id), host.to_json()))
        puts.append(
            site.put(("live", "host", host.id), LiveHost(host.id, new_id(), new_id(), "1", 0).to_json())
        )
    gateway = Gateway(new_id(), "g1", "127.0.0.1:9", "https://portal.example")
    puts += [site.put(("gateway", gateway.id), gateway.to_json())]
    puts += [site.put(("live", "gateway", gateway.id), {"seen": 0})]
    for number in range(applications):
        entitled = Entitlement(groups=frozenset(f"group-{chance.randrange(GROUPS)}" for _ in range(3)))
        application = Application(new_id(), f"Application {number}", ("true",), entitlement=entitled)
        puts.append(tenant.put(("application", application.id), application.to_json()))
        puts.append(tenant.put(("application-name", name_hash(application.name)), {"id": application.id}))
    for number in range(users):
        groups = frozenset(f"group-{chance.randrange(GROUPS)}" for _ in range(5))
        user = User(new_id(), f"user-{number}", groups=groups, password_hash="x", totp_secret="x")
        puts.append(tenant.put(("user", user.id), user.to_json()))
        puts.append(tenant.put(("user-name", name_hash(user.name)), {"id": user.id}))
    for first in range(0, len(puts), 50):  # configuration writes a history record, too
        await stores.commit(*puts[first : first + 50])


async def measured(
    folder: Path, sizes: tuple[int, int, int], questions: int, chance: random.Random
) -> dict[str, list[float]]:
    """Milliseconds, by what was asked."""
    host_count, applications, users = sizes
    async with AsyncExitStack() as stack:
        grid = await EmbeddedGrid.open(folder / "grid.sqlite")
        stack.push_async_callback(grid.close)
        stores, clock = Stores(grid, SiteKey(bytes(32))), SystemClock()
        hosts = [Host(new_id(), f"host-{n}", 110, frozenset({TENANT})) for n in range(host_count)]
        await fill(stores, hosts, applications, users, chance)
        snapshot = Snapshot(stores)
        await snapshot.start()
        stack.push_async_callback(snapshot.stop)
        kept, loads, registry = Sessions(stores, snapshot), HostLoads(clock), ChannelRegistry()
        index = HostIndex(snapshot, kept.index, loads)
        traces = Traces(TraceStore(stores, clock), clock)
        launcher = Launcher(stores, snapshot, kept, traces, clock, index, 10)
        accounts = Accounts("zz9-", folder / "homes")
        runs = DryRuns(
            lambda check: looking.looks(check, accounts),
            Knowledge(8, lambda: 1, lambda: 2**33, lambda: (1, 1)),
        )
        for host in hosts:
            loads.hear(host.id, HostLoad(chance.random(), 2**34))
            registry.replace(host.id, HereChannel(runs))  # type: ignore[arg-type]

        async def nobody(broker_id: str, path: str, body: bytes) -> None:
            return None

        simulator = Simulator(
            snapshot,
            Users(stores, snapshot),
            Applications(stores, snapshot),
            Gateways(stores, snapshot),
            clock,
            Ways(launcher.decide, HostChecks(snapshot, registry, new_id(), nobody).ask),
        )
        times: dict[str, list[float]] = {"clock": [], "processor": [], "to a host": [], "dry run": []}
        verdicts = set()
        for number in range(questions):
            user, application = chance.randrange(users), chance.randrange(applications)
            question = Question(f"user-{user}", f"Application {application}")
            began, used = time.perf_counter(), time.thread_time()
            simulation = await simulator.simulate(TENANT, question)
            simulation.view()
            times["processor"].append((time.thread_time() - used) * 1e3)
            times["clock"].append((time.perf_counter() - began) * 1e3)
            verdicts.add(simulation.verdict)
            if simulation.verdict == "launches":
                times["to a host"].append(times["clock"][-1])
            if simulation.verdict == "launches" and len(times["dry run"]) < questions // 10:
                began = time.perf_counter()
                dry = Question(question.user, question.application, dry_run=True)
                (await simulator.simulate(TENANT, dry)).view()
                times["dry run"].append((time.perf_counter() - began) * 1e3)
            if number % 100 == 0:
                await asyncio.sleep(0)
        assert verdicts == {"launches", "refused"}, verdicts
        return times


async def run(questions: int, sizes: tuple[int, int, int]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        times = await measured(Path(folder), sizes, questions, random.Random(1))
    where = "{:,} hosts, {:,} applications, {:,} users".format(*sizes)
    figures = [
        Figure(f"simulation, {what}p{share}, {where}", percentile(times[kind], share), "ms", limit=limit)
        for kind, what, limit in (
            ("clock", "", LIMIT_MS),
            ("to a host", "of those that reach a host, ", LIMIT_MS),
            ("processor", "processor, ", LIMIT_MS),
            ("dry run", "with a dry run on 8 hosts, ", LIMIT_WITH_DRY_RUN_MS),
        )
        for share in (50, 95)
    ]
    report("simulation", figures, [Series(kind, samples) for kind, samples in times.items()])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--questions", type=int, default=2000)
    parser.add_argument("--smallest", action="store_true", help="a hundredth of the site")
    arguments = parser.parse_args()
    hosts, applications, users = (size // 100 for size in SIZES) if arguments.smallest else SIZES
    asyncio.run(run(arguments.questions, (hosts, applications, users)))


if __name__ == "__main__":
    main()
