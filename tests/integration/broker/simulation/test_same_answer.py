"""A simulation tells what a launch does: held to it over thousands of random questions, on a real grid.

One site changes at random (users, groups inside groups, entitlements, policies, hosts and their load), and after each
change somebody asks and then really launches, with the same chance. Sessions that come of it stay, so that quotas,
reconnects and full hosts are met as well.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from broker.grid.scopes import SealedOperation
from broker.hosts.loads import HostLoad
from broker.launch import launch
from broker.launch.launch import Launcher, LaunchRequest
from broker.launch.plan import Context
from broker.repositories.applications import Applications
from broker.repositories.gateways import Gateways
from broker.repositories.policy_index import policy_path
from broker.repositories.users import Users
from broker.simulation.question import Question, Simulation
from broker.simulation.simulator import Simulator, Ways
from portcullis.errors import Refused
from portcullis.ids import name_hash
from portcullis.model.application import Application, Entitlement
from portcullis.model.group import Group, group_key
from portcullis.model.host import Gateway, Host, LiveHost
from portcullis.model.launch import Step
from portcullis.model.session import Display
from portcullis.model.user import User
from tests.support.broker_grid import TENANT, SmallSite, small_site

Put = Callable[..., SealedOperation]
ROUNDS, QUESTIONS = 120, 34
GROUPS = ("staff", "sales", "night", "all", "board")
NAMES = ("ann", "ben", "cleo", "dora", "édouard", 'x"; drop', "ann:host", "🦊")
APPLICATIONS = ("Editor", "Files", "policy:group:staff", "Büro")
ADDRESSES = ("10.1.2.3", "192.0.2.7", "2001:db8::7", None)
MONDAY_NOON = 1_763_985_600.0
AROUND_PLAN = {"groups", "catalogue", "dry_run", "gateway"}
SEEN_AT_LEAST = {
    "launches", "reconnects", "not_entitled", "application_disabled", "user_disabled", "quota_user", "no_host",
    "host_offline", "host_draining", "host_full", "host_short_of_memory", "outside_networks", "outside_hours",
    "factor_needed", "quota_tenant_sessions", "tenant_suspended",
}  # fmt: skip


class Dice:
    """Chance that can be had again: the launch draws what the simulation drew."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self._kept = self.random.getstate()

    def keep(self) -> None:
        self._kept = self.random.getstate()

    def again(self) -> None:
        self.random.setstate(self._kept)

    def __call__(self, below: int) -> int:
        return self.random.randrange(below)


@dataclass
class Told:
    """What came of a launch, in a simulation's words."""

    verdict: str
    code: str
    message: str
    host: str
    steps: tuple[Step, ...]


class RandomSite:
    def __init__(self, site: SmallSite, seed: int) -> None:
        self.site = site
        self.random = random.Random(seed)
        self.dice = Dice(seed)
        self.launcher = Launcher(
            *(site.stores, site.snapshot, site.sessions, site.traces, site.clock, site.host_index),
            sessions_per_user=2,
            choose=self.dice,
        )
        self.simulator = Simulator(
            site.snapshot,
            Users(site.stores, site.snapshot),
            Applications(site.stores, site.snapshot),
            Gateways(site.stores, site.snapshot),
            site.clock,
            Ways(self.launcher.decide, self._nobody),
        )
        self.users = [
            User(f"{n:016x}", name, password_hash="x", totp_secret="x") for n, name in enumerate(NAMES, 1)
        ]
        self.applications = [
            Application(f"{n:016x}", name, ("xterm",)) for n, name in enumerate(APPLICATIONS, 100)
        ]
        self.hosts = [Host(f"{n:016x}", f"h{n}", 2, frozenset({TENANT})) for n in range(200, 204)]

    async def _nobody(self, host_id: str, check: object) -> None:
        raise AssertionError("no dry run was asked for")

    async def change(self) -> None:
        """Everything anew, in one transaction; sessions stay."""
        chance, stores = self.random, self.site.stores
        tenant, site = await stores.tenant(TENANT), stores.site
        puts: list[SealedOperation] = []
        for user in self.users:
            changed = replace(user, groups=self._some(GROUPS), disabled=chance.random() < 0.1)
            puts += [tenant.put(("user", user.id), changed.to_json())]
            puts += [tenant.put(("user-name", name_hash(user.name)), {"id": user.id})]
        for application in self.applications:
            entitled = Entitlement(self._some(NAMES, 3), self._some(GROUPS, 2))
            changed = replace(
                application,
                entitlement=entitled,
                disabled=chance.random() < 0.15,
                host_groups=self._some(("big", "nowhere"), 1) if chance.random() < 0.3 else frozenset(),
                minimum_memory_bytes=chance.choice((0, 0, 2**33)),
            )
            puts += [tenant.put(("application", application.id), changed.to_json())]
            puts += [tenant.put(("application-name", name_hash(application.name)), {"id": application.id})]
        for name in GROUPS:
            puts += [tenant.put(("group", group_key(name)), Group(name, "", self._some(GROUPS, 2)).to_json())]
        puts += self._policies(tenant.put) + self._machines(site.put)
        quotas = {"sessions": chance.choice((None, None, 3))}
        suspended = chance.random() < 0.05
        puts += [
            site.put(
                ("tenant", TENANT), {"id": TENANT, "name": "acme", "quotas": quotas, "suspended": suspended}
            )
        ]
        for first in range(0, len(puts), 50):  # history doubles them
            result = await stores.commit(*puts[first : first + 50])
            await self.site.snapshot.until(result.revision)
        for host in self.hosts:
            if chance.random() < 0.8:
                load = HostLoad(chance.random(), chance.choice((2**28 - 1, 2**32, 2**35)))
                self.site.loads.hear(host.id, load)
        self.site.host_index.refresh_loads()
        await self._change_sessions()

    async def _change_sessions(self) -> None:
        for session in self.site.sessions.list(TENANT):
            match self.random.randrange(5):
                case 0 | 1:
                    await self.site.sessions.remove(TENANT, session.id)
                case 2 if session.state == "pending":
                    await self.site.sessions.change(
                        TENANT, session.id, lambda s: s.moved_to("ready", "ready")
                    )
                case 3 if self.random.random() < 0.3:
                    await self.site.sessions.change(TENANT, session.id, lambda s: s.moved_to("ending"))

    def _policies(self, put: Put) -> list[SealedOperation]:
        places = [
            policy_path("tenant", "-"),
            *(policy_path("group", group_key(name)) for name in GROUPS),
            *(policy_path("application", each.id) for each in self.applications),
            *(policy_path("user", each.id) for each in self.users),
        ]
        return [put(place, self._policy()) for place in self.random.sample(places, 6)]

    def _policy(self) -> dict[str, Any]:
        chance = self.random
        choices: dict[str, Any] = {
            "networks": [[], ["10.0.0.0/8"], ["2001:db8::/32", "192.0.2.0/24"]],
            "hours": [[], [{"days": ["mon", "tue"], "from": "08:00", "to": "18:00"}]],
            "second_factor_minutes": [0, 10, 60],
            "sessions": [None, 0, 1, 3],
            "host_choice": ["spread", "pack"],
            "time_zone": ["UTC", "Asia/Tokyo", "America/New_York"],
            "clipboard": ["none", "both"],
            "idle_minutes": [0, 30],
        }
        chosen = chance.sample(sorted(choices), chance.randrange(5))
        values = {name: chance.choice(choices[name]) for name in chosen}
        return {"values": values, "locked": chance.sample(chosen, len(chosen) // 2)}

    def _machines(self, put: Put) -> list[SealedOperation]:
        chance, operations = self.random, []
        live, draining = chance.choice((0.9, 0.9, 0.1)), chance.choice((0.1, 0.1, 0.9))
        for host in self.hosts:
            changed = replace(
                host,
                draining=chance.random() < draining,
                revoked=chance.random() < 0.05,
                slots=chance.choice((1, 2, 3)),
                groups=self._some(("big", "small")),
                tenants=frozenset({TENANT}) if chance.random() < 0.9 else frozenset({"f" * 16}),
                starting_limit=chance.choice((1, 4)),
            )
            operations.append(put(("host", host.id), changed.to_json()))
            path = ("live", "host", host.id)
            if chance.random() < live:
                operations.append(put(path, LiveHost(host.id, "0" * 16, "b" * 16, "1", 0).to_json()))
            else:
                operations.append(self.site.stores.site.delete(path))
        gateway = Gateway("9" * 16, "gw", "10.0.0.1:8443", "https://portal.example")
        operations.append(put(("gateway", gateway.id), gateway.to_json()))
        operations.append(put(("live", "gateway", gateway.id), {"seen": 0}))
        return operations

    def _some(self, names: Sequence[str], most: int = 9) -> frozenset[str]:
        return frozenset(self.random.sample(names, self.random.randint(0, min(most, len(names)))))

    def question(self) -> Question:
        """Names are found whatever their case; some are nobody's."""
        chance = self.random
        user, application = chance.choice(NAMES), chance.choice(APPLICATIONS)
        return Question(
            chance.choice((user, user, user.upper())),
            application,
            chance.choice(ADDRESSES),
            MONDAY_NOON + chance.randrange(7 * 24) * 3600,
            chance.choice((0.0, 5.0, 30.0, None)),
        )

    async def launched(self, question: Question) -> Told:
        """The same for real. What the person is and does stands in the request."""
        users, time = Users(self.site.stores, self.site.snapshot), question.time or 0.0
        user = users.by_name(TENANT, question.user)
        application = next(each for each in self.applications if each.name == question.application)
        context = Context(question.client_address, time, question.factor_time(time))
        assert user is not None
        request = LaunchRequest(TENANT, user.id, application.id, Display(), context)
        try:
            session, again = await self.launcher.launch(request)
        except Refused as refused:
            trace = await self.site.traces.get(TENANT, str(refused.data["reference"]))
            assert trace is not None and trace.code == refused.code
            return Told("refused", refused.code, refused.message, "", trace.steps)
        steps = () if again else tuple(Step.from_json(step) for step in session.trace)
        return Told("reconnects" if again else "launches", "", "", session.host_name, steps)


def host_of(simulation: Simulation) -> str:
    """Where the simulation says that the session is, or would be."""
    return simulation.message.rpartition(" on ")[2].split(" is taken")[0].removesuffix(".")


def is_told_within(steps: Sequence[Step], simulated: Sequence[Step]) -> bool:
    """Whether the simulation says all that the launch said, in this order; it says more of hosts and policies."""
    ahead = iter(step for step in simulated if step.step not in AROUND_PLAN)
    return all(
        any(replace(other, milliseconds=0.0) == replace(step, milliseconds=0.0) for other in ahead)
        for step in steps
        if (step.step, step.detail) != ("policy", "none is set")
    )


async def test_a_simulation_and_a_launch_answer_alike_whatever_the_site_is_like(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(launch, "ENDING_WAIT_SECONDS", 0.0)
    monkeypatch.setattr(launch, "HOSTS_WAIT_SECONDS", 0.0)
    met: Counter[str] = Counter()
    async with small_site(tmp_path) as small:
        site = RandomSite(small, 1)
        for _ in range(ROUNDS):
            await site.change()
            for _ in range(QUESTIONS):
                question = site.question()
                site.dice.keep()
                simulation = await site.simulator.simulate(TENANT, question)
                site.dice.again()
                told = await site.launched(question)
                met[simulation.code or simulation.verdict] += 1
                assert (simulation.verdict, simulation.code) == (told.verdict, told.code), question
                assert is_told_within(told.steps, simulation.steps), (question, told, simulation)
                if told.verdict == "refused":
                    assert simulation.message == told.message
                else:
                    assert host_of(simulation) == told.host
    assert sum(met.values()) == ROUNDS * QUESTIONS
    assert met.keys() >= SEEN_AT_LEAST, SEEN_AT_LEAST - met.keys()


async def test_a_simulation_changes_nothing(tmp_path: Path) -> None:
    async with small_site(tmp_path) as small:
        site = RandomSite(small, 3)
        await site.change()
        before = await small.grid.range("/p/v1/")
        for _ in range(50):
            await site.simulator.simulate(TENANT, site.question())
        after = await small.grid.range("/p/v1/")
    assert (after.items, after.revision) == (before.items, before.revision)
