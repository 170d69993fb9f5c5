"""Who may start what, and what a change of configuration gives and takes. Pure.

Counts are exact; names are told up to a limit, for one entitlement of everybody is a hundred thousand pairs. What is
compared is entitlement: an enabled user, named or in a group (or in one inside it), and an enabled application.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from broker.configuration.objects import Held, State
from portcullis.model.group import Group, containers, with_containers

TOLD = 1000
_NOBODY: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class ApplicationAccess:
    """Of one application: those who gain and lose it."""

    application: str
    gained: frozenset[str]
    lost: frozenset[str]


@dataclass(frozen=True, slots=True)
class Access:
    applications: tuple[ApplicationAccess, ...] = field(default=())
    """Those alone where something changes, by name."""

    @property
    def gained(self) -> int:
        return sum(len(each.gained) for each in self.applications)

    @property
    def lost(self) -> int:
        return sum(len(each.lost) for each in self.applications)

    def to_json(self) -> dict[str, Any]:
        return {
            "gained": _pairs((each.application, each.gained) for each in self.applications),
            "lost": _pairs((each.application, each.lost) for each in self.applications),
            "gained_count": self.gained,
            "lost_count": self.lost,
        }


def _pairs(by_application: Iterable[tuple[str, frozenset[str]]]) -> list[dict[str, str]]:
    pairs: list[dict[str, str]] = []
    for application, users in by_application:
        if len(pairs) >= TOLD:
            break
        pairs += [{"user": user, "application": application} for user in sorted(users)[: TOLD - len(pairs)]]
    return pairs


class Entitled:
    """Who may start what in one state. Applications that entitle the same share one answer."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._groups = _groups_by_user(state)
        self._members: dict[str, set[str]] = defaultdict(set)
        for user, groups in self._groups.items():
            for group in groups:
                self._members[group].add(user)
        self._known: dict[tuple[frozenset[str], frozenset[str]], frozenset[str]] = {}

    def groups_of(self, user: str) -> frozenset[str] | None:
        """With those that contain them; None for a user who is not there or is disabled."""
        return self._groups.get(user)

    def users_of(self, application: Held | None) -> frozenset[str]:
        if application is None or application.fields["disabled"]:
            return _NOBODY
        users, groups = entitlement_of(application)
        if (users, groups) not in self._known:
            named = {user for user in users if user in self._groups}
            self._known[users, groups] = frozenset(named.union(*(self._members[group] for group in groups)))
        return self._known[users, groups]

    def count(self) -> int:
        """Of all pairs."""
        return sum(len(self.users_of(application)) for application in self._state.of("application").values())

    @property
    def users(self) -> Mapping[str, frozenset[str]]:
        """Every enabled user with their groups, those that contain them included."""
        return self._groups


def entitlement_of(application: Held) -> tuple[frozenset[str], frozenset[str]]:
    """Users and groups."""
    entitled = application.fields["entitled"]
    return frozenset(entitled["users"]), frozenset(entitled["groups"])


def _groups_by_user(state: State) -> dict[str, frozenset[str]]:
    outer = containers(group_of(held) for held in state.of("group").values())
    known: dict[frozenset[str], frozenset[str]] = {}
    by_user: dict[str, frozenset[str]] = {}
    for held in state.of("user").values():
        if not held.fields["disabled"]:
            own = frozenset(held.fields["groups"])
            if own not in known:
                known[own] = with_containers(own, outer)
            by_user[held.name] = known[own]
    return by_user


def group_of(held: Held) -> Group:
    return Group(held.name, held.fields["description"], frozenset(held.fields["members"]["groups"]))


def difference(before: Entitled, after: Entitled, old: State, new: State) -> Access:
    """What `new` gives and takes, against `old`: `before` and `after` are theirs."""
    changed = _changed_people(before, after)
    found = []
    for key in sorted(old.of("application").keys() | new.of("application").keys()):
        one, other = old.of("application").get(key), new.of("application").get(key)
        each = _of_application(one, other, before, after, changed)
        if each is not None:
            found.append(each)
    return Access(tuple(found))


def _changed_people(before: Entitled, after: Entitled) -> frozenset[str]:
    """Users whose groups are others, or who come or go."""
    if before.users == after.users:
        return _NOBODY
    names = before.users.keys() | after.users.keys()
    return frozenset(name for name in names if before.users.get(name) != after.users.get(name))


def _of_application(
    one: Held | None, other: Held | None, before: Entitled, after: Entitled, changed: frozenset[str]
) -> ApplicationAccess | None:
    named = other or one
    if named is None:
        return None
    if one is not None and other is not None and _entitles_the_same(one, other):
        if not changed or other.fields["disabled"]:
            return None
        users, groups = entitlement_of(other)
        had = frozenset(user for user in changed if _admits(users, groups, user, before))
        has = frozenset(user for user in changed if _admits(users, groups, user, after))
    else:
        had, has = before.users_of(one), after.users_of(other)
    gained, lost = has - had if had else has, had - has if has else had
    return ApplicationAccess(named.name, gained, lost) if gained or lost else None


def _entitles_the_same(one: Held, other: Held) -> bool:
    return all(bool(one.fields[name] == other.fields[name]) for name in ("entitled", "disabled"))


def _admits(users: frozenset[str], groups: frozenset[str], user: str, entitled: Entitled) -> bool:
    own = entitled.groups_of(user)
    return own is not None and (user in users or not groups.isdisjoint(own))
