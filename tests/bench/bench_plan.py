"""Deciding where a session goes: the time of one plan, while sites grow to 1,000 hosts and 100,000 sessions.

    tests/run.sh bench plan

A real embedded grid holds the site, and a real snapshot with the indexes feeds the plan. Every tenth plan is carried
out, so that the indexes change as they do under launches; hosts send their loads meanwhile. The peer, measured on the
same site, makes its view from scratch: it walks every host, slot and session. The time of the processor stands beside
that of the clock: on a machine that does other things as well, it is the plan's own.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import tempfile
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from broker.grid.embedded import EmbeddedGrid
from broker.grid.scopes import SealedOperation, Stores
from broker.grid.seal import SiteKey
from broker.hosts.loads import HostLoad, HostLoads
from broker.launch.index import PARTS, HostIndex
from broker.launch.launch import Launcher, LaunchRequest
from broker.launch.plan import LaunchPlan, plan
from broker.launch.traces import Traces, new_reference
from broker.launch.view import look
from broker.repositories.policy_index import policy_path
from broker.repositories.sessions import Sessions
from broker.repositories.traces import TraceStore
from broker.snapshot import Snapshot
from portcullis.clock import SystemClock
from portcullis.ids import new_id
from portcullis.model.application import Application, Entitlement
from portcullis.model.group import group_key
from portcullis.model.host import Host, LiveHost
from portcullis.model.policy import OF_TENANT, LevelKind, Policy
from portcullis.model.policy_values import DAYS
from portcullis.model.session import Display, Session
from portcullis.model.user import User
from tests.bench.figures import Figure, Series, percentile, report
from tests.support.naive_view import naive_view

LIMIT_MS = 2.0
SIZES = ((10, 1_000), (100, 10_000), (1_000, 100_000))
SLOTS = 110
EVERYONE = frozenset({"everyone"})
EDITOR = Application(new_id(), "Editor", ("mousepad",), entitlement=Entitlement(groups=EVERYONE))
FILES = replace(EDITOR, id=new_id(), name="Files")
ALWAYS = [{"days": list(DAYS), "from": "00:00", "to": "24:00"}]
POLICIES: tuple[tuple[LevelKind, str, Policy], ...] = (
    ("tenant", OF_TENANT, Policy({"hours": ALWAYS, "idle_minutes": 60}, frozenset({"hours"}))),
    ("group", group_key("everyone"), Policy({"clipboard": "to_application", "sessions": 50})),
    ("application", FILES.id, Policy({"host_choice": "spread", "time_zone": "Europe/Berlin"})),
)
TENANT = new_id()


@dataclass
class Times:
    clock: list[float]
    processor: list[float]
    scratch: list[float]


@dataclass
class Site:
    stores: Stores
    hosts: list[Host]
    users: list[User]

    async def fill(self, sessions: int) -> None:
        """Each user runs one session; hosts take them in turn."""
        tenant, data_key = self.stores.found_tenant(TENANT)
        site = self.stores.site
        puts: list[SealedOperation] = [data_key, site.put(("tenant", TENANT), {"id": TENANT, "name": "acme"})]
        puts += [tenant.put(("application", each.id), each.to_json()) for each in (EDITOR, FILES)]
        puts += [tenant.put(policy_path(level, id), policy.to_json()) for level, id, policy in POLICIES]
        for host in self.hosts:
            live = LiveHost(host.id, new_id(), new_id(), "1", 0)
            puts += [site.put(("host", host.id), host.to_json())]
            puts += [site.put(("live", "host", host.id), live.to_json())]
        for number, user in enumerate(self.users[:sessions]):
            host, slot = self.hosts[number % len(self.hosts)], number // len(self.hosts)
            session = session_of(user, host, slot)
            puts += [
                tenant.put(("user", user.id), user.to_json()),
                tenant.put(("session", session.id), session.to_json()),
                tenant.put(("own", user.id, EDITOR.id), {"session": session.id}),
                site.put(("slot", host.id, str(slot)), {"tenant": TENANT, "session": session.id}),
            ]
        for first in range(0, len(puts), 50):  # configuration writes a history record, too
            await self.stores.commit(*puts[first : first + 50])


def session_of(user: User, host: Host, slot: int) -> Session:
    steps = tuple({"step": f"step{n}", "outcome": "passed", "detail": "x" * 40} for n in range(8))
    fields = (new_id(), TENANT, user.id, user.name, EDITOR.id, EDITOR.name, EDITOR.command, {})
    return Session(
        *fields,
        host.id,
        host.name,
        slot,
        Display(),
        new_reference(),
        time.time(),
        "active",
        "ready",
        trace=steps,
    )


async def measured(folder: Path, hosts: int, sessions: int, plans: int, chance: random.Random) -> Times:
    """Milliseconds of plans: by the indexes, by clock and processor, and from scratch."""
    async with AsyncExitStack() as stack:
        grid = await EmbeddedGrid.open(folder / f"{hosts}.sqlite")
        stack.push_async_callback(grid.close)
        stores, clock = Stores(grid, SiteKey(bytes(32))), SystemClock()
        tenants = frozenset({TENANT})
        site = Site(
            stores,
            [Host(new_id(), f"host-{n}", SLOTS, tenants, starting_limit=8) for n in range(hosts)],
            [User(new_id(), f"user-{n}", groups=EVERYONE) for n in range(sessions)],
        )
        await site.fill(sessions)
        snapshot = Snapshot(stores)
        await snapshot.start()
        stack.push_async_callback(snapshot.stop)
        loads = HostLoads(clock)
        kept = Sessions(stores, snapshot)
        index = HostIndex(snapshot, kept.index, loads)
        launcher = Launcher(
            stores, snapshot, kept, Traces(TraceStore(stores, clock), clock), clock, index, 10
        )
        times = Times([], [], [])
        for number in range(plans):
            for host in chance.sample(site.hosts, max(1, hosts // 50)):
                loads.hear(host.id, HostLoad(chance.random(), 2**34))
            index.refresh_loads(slice(number % PARTS, None, PARTS))  # a task of its own does this in a broker
            user = chance.choice(site.users)
            request = LaunchRequest(TENANT, user.id, FILES.id, Display())
            began, used = time.perf_counter(), time.thread_time()
            answer = plan(request, look(snapshot, index, kept.index, request, 10), chance.randrange)
            times.processor.append((time.thread_time() - used) * 1e3)
            times.clock.append((time.perf_counter() - began) * 1e3)
            if number % 10 == 0 and isinstance(answer, LaunchPlan):
                await launcher.launch(request)
        for user in chance.sample(site.users, 3):
            request = LaunchRequest(TENANT, user.id, FILES.id, Display())
            began = time.perf_counter()
            plan(request, naive_view(snapshot, loads, request, 10), chance.randrange)
            times.scratch.append((time.perf_counter() - began) * 1e3)
        return times


async def run(plans: int, sizes: list[tuple[int, int]]) -> None:
    chance, figures, series = random.Random(1), [], []
    for hosts, sessions in sizes:
        with tempfile.TemporaryDirectory() as folder:
            times = await measured(Path(folder), hosts, sessions, plans, chance)
        where = f"{hosts:,} hosts and {sessions:,} sessions"
        peer = percentile(times.scratch, 50)
        for share, name, samples in (
            (50, "plan", times.clock),
            (99, "plan", times.clock),
            (99, "plan, processor", times.processor),
        ):
            figures.append(
                Figure(
                    f"{name}, p{share}, {where}",
                    percentile(samples, share),
                    "ms",
                    limit=LIMIT_MS if share == 99 else None,
                    peer=peer,
                    peer_name="view made from scratch",
                )
            )
        series.append(Series(where, times.clock))
    report("plan", figures, series)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--plans", type=int, default=2000, help="at each size")
    parser.add_argument("--smallest", action="store_true", help="10 hosts and 1,000 sessions alone")
    arguments = parser.parse_args()
    asyncio.run(run(arguments.plans, list(SIZES[:1] if arguments.smallest else SIZES)))


if __name__ == "__main__":
    main()
