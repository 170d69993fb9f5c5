"""What the rules say now of everybody who is connected: each group of people and application is worked out once.

Of 100,000 sessions most belong to people in the same groups who use the same application: for them policies,
entitlement and hours are the same. What is left for each session is its address and the clipboard that it has. A
`Bench` is for one look, at one moment: make a new one when anything has changed.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass

from broker.policy.alike import Alike, Key
from broker.policy.conditions import admits, channels_of, time_denial
from broker.repositories.people_index import PeopleIndex, Person
from broker.repositories.session_facts import SessionFacts
from broker.snapshot import Snapshot
from portcullis.model.application import Application
from portcullis.model.desktops import may_go_on

KEPT_AWAY = "not_entitled"
ANEW = "grant_refused"
"""With both the page asks for a new ticket. Machines of before know them."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """`code`: the connection ends, and is told this; "" if it stays. `channels`: what it keeps, where it has more."""

    code: str
    clipboard: str = ""
    channels: frozenset[str] | None = None


AWAY = Verdict(KEPT_AWAY)


@dataclass(frozen=True, slots=True)
class _Rules:
    """What counts for some people and an application."""

    application: Application | None
    """None: it was deleted, which withdraws nothing."""
    admits_all: bool
    """By a group; else it is asked for each name."""
    is_open: bool
    networks: Sequence[str]
    clipboard: str
    desktops: str


class Bench:
    def __init__(self, snapshot: Snapshot, tenant_id: str, now: float) -> None:
        self._now = now
        self._people = snapshot.index(PeopleIndex).all(tenant_id)
        self._alike = Alike(snapshot, tenant_id)
        self._rules: dict[Key, _Rules] = {}
        self._is_inside: dict[tuple[str, int], bool] = {}

    def verdict(self, session: SessionFacts, clipboard: str) -> Verdict | None:
        """None: it may go on as it is. `clipboard`: what it has by now. What is not known is not held against anybody
        here: a machine of before admitted them.
        """
        if session.e == 0:
            return None  # nobody ever had a grant
        person = self._people.get(session.user_id)
        if person is None:
            return None  # that is told by itself
        key = self._alike.key(person, session.application_id)
        rules = self._rules.get(key) or self._work_out(key, person, session.application_id)
        if not rules.is_open or not (rules.admits_all or self._admits_name(rules, person)):
            return AWAY
        if rules.networks and session.client_address and not self._admits(rules, session.client_address):
            return AWAY
        if session.desktop and not may_go_on(session.desktop, rules.desktops):
            return AWAY
        if clipboard and clipboard != rules.clipboard:
            return change_of_clipboard(clipboard, rules.clipboard)
        return None

    def _work_out(self, key: Key, person: Person, application_id: str) -> _Rules:
        values, application = (
            self._alike.values(person, application_id),
            self._alike.application(application_id),
        )
        groups = self._alike.groups(person)
        rules = self._rules[key] = _Rules(
            application,
            application is None or bool(groups & application.entitlement.groups),
            time_denial(values, self._now) is None,
            values["networks"].value,
            values["clipboard"].value,
            values["desktops"].value,
        )
        return rules

    def _admits_name(self, rules: _Rules, person: Person) -> bool:
        return rules.application is not None and person.name in rules.application.entitlement.users

    def _admits(self, rules: _Rules, address: str) -> bool:
        """`rules` are kept as long as this bench is, so that their networks are known by where they lie."""
        key = (address, id(rules.networks))
        known = self._is_inside.get(key)
        if known is None:
            known = self._is_inside[key] = admits(rules.networks, address)
        return known


@functools.lru_cache(maxsize=64)
def change_of_clipboard(has: str, shall: str) -> Verdict:
    """What is taken away is taken where the connection stands; what is given needs a new grant."""
    before, after = channels_of(has), channels_of(shall)
    kept = before & after
    return Verdict("" if kept == after else ANEW, shall, None if kept == before else kept)
