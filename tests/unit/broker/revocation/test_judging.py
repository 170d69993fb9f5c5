"""What is worked out once for all who are alike is what each would be told alone."""

from __future__ import annotations

import random
from typing import Any

import pytest

from broker.grid.scopes import Record
from broker.policy.conditions import channels_of, place_denial
from broker.repositories.people_index import PeopleIndex
from broker.repositories.policy_index import policy_path
from broker.repositories.session_facts import SessionFacts, SessionFactsIndex
from broker.revocation.judging import ANEW, KEPT_AWAY, Bench, Verdict, change_of_clipboard
from broker.sessions.standing import Standing
from broker.snapshot import Snapshot
from portcullis.clock import SystemClock
from portcullis.ids import new_id
from portcullis.model.application import Application, Entitlement
from portcullis.model.group import Group, group_key
from portcullis.model.session import Display, Session
from portcullis.model.user import User

TENANT = "a" * 16
GROUPS = ("staff", "juniors", "night")
CLIPBOARDS = ("none", "to_application", "from_application", "both")
NETWORKS = ([], ["192.0.2.0/24"], ["198.51.100.0/24", "192.0.2.7"])


class Site:
    def __init__(self) -> None:
        self.snapshot = Snapshot(None)  # type: ignore[arg-type]
        self._put("site", ("tenant", TENANT), {"id": TENANT})
        self.facts, _ = self.snapshot.index(SessionFactsIndex), self.snapshot.index(PeopleIndex)
        self.sessions: list[Session] = []

    def put(self, path: tuple[str, ...], value: dict[str, Any]) -> None:
        self._put(TENANT, path, value)

    def _put(self, scope: str, path: tuple[str, ...], value: dict[str, Any]) -> None:
        revision = self.snapshot.revision + 1
        record = Record.of(scope, path, value, revision, revision)
        self.snapshot._advance(revision, [self.snapshot._hold((scope, path), revision, record)])

    def verdict(self, session: Session) -> Verdict | None:
        facts: SessionFacts = self.facts.all(TENANT)[session.id]
        return Bench(self.snapshot, TENANT, SystemClock().now()).verdict(facts, facts.clipboard)

    def verdict_alone(self, session: Session) -> Verdict | None:
        """As it is told at a ticket."""
        standing = Standing(self.snapshot, SystemClock())
        record = self.snapshot.get(TENANT, ("user", session.user_id))
        if record is None or session.e == 0:
            return None
        user = User.from_json(record.value)
        values = standing.values(user, session)
        is_outside = session.client_address and place_denial(values, session.client_address) is not None
        if not standing.is_entitled(user, session) or is_outside:
            return Verdict(KEPT_AWAY)
        shall = values["clipboard"].value
        return None if session.clipboard in ("", shall) else change_of_clipboard(session.clipboard, shall)


def random_site(chance: random.Random) -> Site:
    site = Site()
    inner = frozenset(chance.sample(GROUPS[1:], chance.randrange(3)))
    site.put(("group", group_key("staff")), Group("staff", "", inner).to_json())
    users = [
        User(new_id(), f"user {number}", groups=frozenset(chance.sample(GROUPS, chance.randrange(3))))
        for number in range(12)
    ]
    applications = [
        Application(
            new_id(),
            f"app {number}",
            ("x",),
            entitlement=Entitlement(
                frozenset(user.name for user in chance.sample(users, 2)),
                frozenset(chance.sample(GROUPS, chance.randrange(3))),
            ),
        )
        for number in range(3)
    ]
    for user in users[1:]:
        site.put(("user", user.id), user.to_json())
    for application in applications[1:]:
        site.put(("application", application.id), application.to_json())
    levels = [policy_path("tenant", "-"), *(policy_path("group", group_key(name)) for name in GROUPS)]
    levels += [policy_path("application", applications[1].id), policy_path("user", chance.choice(users).id)]
    for path in chance.sample(levels, chance.randrange(len(levels))):
        values = {"clipboard": chance.choice(CLIPBOARDS), "networks": chance.choice(NETWORKS)}
        kept = dict(chance.sample(sorted(values.items(), key=str), chance.randrange(3)))
        site.put(path, {"values": kept, "locked": chance.sample(sorted(values), chance.randrange(2))})
    for number in range(60):
        user, application = chance.choice(users), chance.choice(applications)
        session = Session(
            *(new_id(), TENANT, user.id, user.name, application.id, application.name, ("x",), {}),
            *("b" * 16, "h", number, Display(), "r", 1.0, "active", "ready"),
            e=chance.randrange(2),
            client_address=chance.choice(["", "192.0.2.7", "192.0.2.8", "203.0.113.1"]),
            clipboard=chance.choice(["", *CLIPBOARDS]),
        )
        site.put(("session", session.id), session.to_json())
        site.sessions.append(session)
    return site


@pytest.mark.parametrize("seed", range(25))
def test_a_bench_tells_each_session_what_it_would_be_told_alone(seed: int) -> None:
    site = random_site(random.Random(seed))
    assert [site.verdict(each) for each in site.sessions] == [site.verdict_alone(e) for e in site.sessions]


@pytest.mark.parametrize("has", CLIPBOARDS)
@pytest.mark.parametrize("shall", CLIPBOARDS)
def test_what_is_taken_of_a_clipboard_is_taken_at_once_and_what_is_given_needs_a_new_grant(
    has: str, shall: str
) -> None:
    verdict = change_of_clipboard(has, shall)
    left = channels_of(has) if verdict.channels is None else verdict.channels
    assert left == channels_of(has) & channels_of(shall)
    assert (verdict.code == ANEW) == (not channels_of(shall) <= channels_of(has))
