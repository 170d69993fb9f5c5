"""What a launch would come to in one state of the configuration, by the very plan that launches ask. Pure.

Only what the configuration decides counts: every host that is not draining or revoked is taken for connected and
empty, and nobody has a session. The two states of a what-if are then told apart by what was proposed, not by the load
of this minute.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from broker.configuration.access import Entitled
from broker.configuration.objects import Held, State, level_and_name, policy_name
from broker.configuration.reading import application_of
from broker.launch.placement import Candidate
from broker.launch.plan import Context, LaunchRequest, LaunchView, Refusal, plan
from broker.policy.conditions import Values
from portcullis.model.application import Application
from portcullis.model.host import Host
from portcullis.model.policy import OF_TENANT, Level, LevelKind, Policy, defaults, effective
from portcullis.model.session import Display
from portcullis.model.user import User

SESSIONS_PER_USER = 1_000_000
LAUNCHES = ""
"""The verdict of a launch that nothing refuses; others are reason codes."""


@dataclass(frozen=True, slots=True)
class Place:
    """What a what-if knows of the site besides the configuration."""

    tenant_id: str
    hosts: tuple[Host, ...]


class Verdicts:
    def __init__(self, state: State, entitled: Entitled, place: Place) -> None:
        self._state = state
        self._entitled = entitled
        self._tenant_id = place.tenant_id
        self._candidates = [Candidate(host, live=True) for host in _hosts(state, place)]
        self._applications: dict[str, Application] = {}
        self._policies = {held.name: _policy(held) for held in state.of("policy").values()}
        self._values: dict[tuple[str, ...], Values] = {}

    def of(self, user: str, application: str, context: Context) -> str:
        """LAUNCHES, or the code of the refusal. By their names."""
        held, wanted = self._state.find("user", user), self._state.find("application", application)
        groups = self._entitled.groups_of(held.name) if held else None
        view = LaunchView(
            user=_user(held) if held else None,
            application=self._application(wanted) if wanted else None,
            sessions=(),
            candidates=self._candidates,
            sessions_per_user=SESSIONS_PER_USER,
            outer_groups=(groups or frozenset()) - frozenset(held.fields["groups"] if held else ()),
            policy=self.values(held, wanted),
        )
        asked = LaunchRequest(self._tenant_id, user, application, Display(), context)
        answer = plan(asked, view, lambda most: 0)
        return answer.code if isinstance(answer, Refusal) else LAUNCHES

    def values(self, user: Held | None, application: Held | None) -> Values:
        """Of the policies that concern them."""
        if not self._policies:
            return _DEFAULTS
        names = tuple(name for name in self._levels(user, application) if name in self._policies)
        if names not in self._values:
            self._values[names] = effective(_level(name, self._policies[name]) for name in names)
        return self._values[names]

    def hosts_of(self, application: Held) -> list[Host]:
        """Those that may run it."""
        groups = frozenset(application.fields["host_groups"])
        hosts = (candidate.host for candidate in self._candidates)
        return [host for host in hosts if _takes_sessions(host) and (not groups or groups & host.groups)]

    def _levels(self, user: Held | None, application: Held | None) -> Iterable[str]:
        yield policy_name("tenant", OF_TENANT)
        if user is not None:
            for group in sorted(self._entitled.groups_of(user.name) or ()):
                yield policy_name("group", group)
        if application is not None:
            yield policy_name("application", application.name)
        if user is not None:
            yield policy_name("user", user.name)

    def _application(self, held: Held) -> Application:
        if held.key not in self._applications:
            self._applications[held.key] = application_of(held.id or held.key, held.name, held.fields)
        return self._applications[held.key]


_DEFAULTS: Values = defaults()


def _takes_sessions(host: Host) -> bool:
    return not host.revoked and not host.draining


def _hosts(state: State, place: Place) -> list[Host]:
    """The tenant's own, in the groups that they have in this state."""
    groups: dict[str, set[str]] = {}
    for held in state.of("host-group").values():
        for name in held.fields["hosts"]:
            groups.setdefault(name, set()).add(held.name)
    own = (host for host in place.hosts if place.tenant_id in host.tenants)
    return [replace(host, groups=frozenset(groups.get(host.name, ()))) for host in own]


def _user(held: Held) -> User:
    return User(
        held.id or held.key,
        held.name,
        role=held.fields["role"],
        groups=frozenset(held.fields["groups"]),
        disabled=held.fields["disabled"],
    )


def _policy(held: Held) -> Policy:
    return Policy(held.fields["values"], frozenset(held.fields["locked"]))


def _level(name: str, policy: Policy) -> Level:
    level, of = level_and_name(name)
    kind: LevelKind = level  # type: ignore[assignment]
    return Level(kind, of, policy)
