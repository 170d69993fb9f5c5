"""What if: a plan replayed over every entitlement and over launches that were. Pure.

Over entitlements: who gains and loses each application, where policies say something else, and how full hosts would be
if everybody who may start something had one session, spread evenly over what they may start and where. Over launches:
the verdict of each under the configuration as it is and as it would be, in the circumstances that it had.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from broker.configuration.access import ApplicationAccess, Entitled
from broker.configuration.objects import Held
from broker.configuration.planning import Plan
from broker.configuration.verdicts import LAUNCHES, Place, Verdicts
from broker.launch.plan import Context

TOLD_USERS = 100
TOLD_APPLICATIONS = 500
TOLD_LAUNCHES = 200
TOLD_HOSTS = 500


class Stopped(Exception):
    """Nobody waits for the answer any more."""


@dataclass(slots=True)
class Progress:
    """Written by the thread that replays, read by the one that tells."""

    total: int = 0
    done: int = 0
    stopped: bool = False

    def advance(self, count: int = 1) -> None:
        """Raises Stopped."""
        self.done += count
        if self.stopped:
            raise Stopped


@dataclass(frozen=True, slots=True)
class PastLaunch:
    reference: str
    time: float
    user: str
    application: str
    address: str | None
    factor_age_minutes: float | None = 0.0
    """None: no second factor was proven, as with an API token."""


class _Sides:
    """Before and after."""

    def __init__(self, plan: Plan, place: Place) -> None:
        self.had, self.has = Entitled(plan.before), Entitled(plan.after)
        self.before = Verdicts(plan.before, self.had, place)
        self.after = Verdicts(plan.after, self.has, place)
        self.old_users = {held.name: held for held in plan.before.of("user").values()}
        self.new_users = {held.name: held for held in plan.after.of("user").values()}
        self.same_policies = (
            plan.before.of("policy") == plan.after.of("policy") and self.had.users == self.has.users
        )


@dataclass(slots=True)
class Replay:
    applications: list[dict[str, Any]] = field(default_factory=list)
    hosts: list[dict[str, Any]] = field(default_factory=list)
    launches: dict[str, Any] | None = None
    entitlements: int = 0

    def to_json(self) -> dict[str, Any]:
        return {
            "applications": self.applications[:TOLD_APPLICATIONS],
            "applications_count": len(self.applications),
            "hosts": self.hosts[:TOLD_HOSTS],
            "launches": self.launches,
            "replayed": {
                "entitlements": self.entitlements,
                "launches": self.launches["replayed"] if self.launches else 0,
            },
        }


def replay(
    plan: Plan,
    place: Place,
    launches: Sequence[PastLaunch] | None,
    progress: Progress,
    *,
    entitlements: bool = True,
) -> Replay:
    """`launches` None: those are not asked for. Raises Stopped."""
    sides = _Sides(plan, place)
    pairs = sides.had.count() + sides.has.count() if entitlements else 0
    progress.total = pairs + len(launches or ())
    found = Replay()
    if entitlements:
        found.entitlements = pairs
        found.applications = list(_applications(plan, sides, progress))
        found.hosts = _hosts(plan, place, sides)
    if launches is not None:
        found.launches = _launches(launches, sides, progress)
    return found


def _applications(plan: Plan, sides: _Sides, progress: Progress) -> Iterable[dict[str, Any]]:
    """Those alone where something is different for somebody."""
    access = {each.application: each for each in plan.access.applications}
    before, after = plan.before.of("application"), plan.after.of("application")
    for key in sorted(before.keys() | after.keys()):
        one, other = before.get(key), after.get(key)
        named = other or one
        assert named is not None
        policies = _policies(one, other, sides)
        progress.advance(len(sides.had.users_of(one)) + len(sides.has.users_of(other)))
        refused = (_refusal(one, sides.before), _refusal(other, sides.after))
        changed = access.get(named.name)
        if changed or policies or refused[0] != refused[1]:
            yield _told(named.name, changed, refused, policies)


def _refusal(application: Held | None, verdicts: Verdicts) -> str:
    """The code that everybody would be refused with."""
    if application is None:
        return "application_unknown"
    if application.fields["disabled"]:
        return "application_disabled"
    return LAUNCHES if verdicts.hosts_of(application) else "no_host"


def _policies(one: Held | None, other: Held | None, sides: _Sides) -> Counter[str]:
    """Of users who may start it before and after: for how many each field is another."""
    changed: Counter[str] = Counter()
    if one is None or other is None or sides.same_policies:
        return changed
    known: dict[tuple[int, int], list[str]] = {}
    for user in sides.had.users_of(one) & sides.has.users_of(other):
        old = sides.before.values(sides.old_users[user], one)
        new = sides.after.values(sides.new_users[user], other)
        pair = (id(old), id(new))
        if pair not in known:
            known[pair] = [name for name in new if old[name].value != new[name].value]
        changed.update(known[pair])
    return changed


def _told(
    name: str, access: ApplicationAccess | None, refused: tuple[str, str], policies: Mapping[str, int]
) -> dict[str, Any]:
    gained, lost = (access.gained, access.lost) if access else (frozenset[str](), frozenset[str]())
    return {
        "application": name,
        "gained": sorted(gained)[:TOLD_USERS],
        "gained_count": len(gained),
        "lost": sorted(lost)[:TOLD_USERS],
        "lost_count": len(lost),
        "refused_before": refused[0],
        "refused_after": refused[1],
        "policies": [{"field": each, "users": users} for each, users in sorted(policies.items())],
    }


def _hosts(plan: Plan, place: Place, sides: _Sides) -> list[dict[str, Any]]:
    before = _expected(plan.before.of("application").values(), sides.before, sides.had)
    after = _expected(plan.after.of("application").values(), sides.after, sides.has)
    slots = {host.name: host.slots for host in place.hosts if place.tenant_id in host.tenants}
    found = [
        {
            "host": name,
            "slots": slots[name],
            "expected_before": round(before[name], 1),
            "expected_after": round(after[name], 1),
            "fills": after[name] > slots[name] >= before[name],
        }
        for name in sorted(slots)
        if round(before[name], 1) != round(after[name], 1)
    ]
    return sorted(found, key=lambda each: (not each["fills"], str(each["host"])))


def _expected(applications: Iterable[Held], verdicts: Verdicts, entitled: Entitled) -> Counter[str]:
    """Sessions by host, in parts."""
    startable = [(held, hosts) for held in applications if (hosts := verdicts.hosts_of(held))]
    choices: Counter[str] = Counter()
    for held, _ in startable:
        choices.update(entitled.users_of(held))
    expected: Counter[str] = Counter()
    for held, hosts in startable:
        share = sum(1 / choices[user] for user in entitled.users_of(held)) / len(hosts)
        for host in hosts:
            expected[host.name] += share  # type: ignore[assignment]
    return expected


def _launches(launches: Sequence[PastLaunch], sides: _Sides, progress: Progress) -> dict[str, Any]:
    changed: list[dict[str, Any]] = []
    for launch in launches:
        age = launch.factor_age_minutes
        factor = None if age is None else launch.time - age * 60
        context = Context(launch.address, launch.time, factor, credentials="assumed")
        before = sides.before.of(launch.user, launch.application, context)
        after = sides.after.of(launch.user, launch.application, context)
        progress.advance()
        if before != after:
            changed.append(
                {
                    "reference": launch.reference,
                    "time": launch.time,
                    "user": launch.user,
                    "application": launch.application,
                    "before": before,
                    "after": after,
                }
            )
    return {"replayed": len(launches), "changed": changed[:TOLD_LAUNCHES], "changed_count": len(changed)}
