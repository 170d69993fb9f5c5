from __future__ import annotations

from typing import Any

import pytest

from broker.configuration.checks import Powers
from broker.configuration.objects import DEFAULTS, Held, HostFact, State, state_of
from broker.configuration.planning import plan
from broker.configuration.replay import PastLaunch, Progress, Replay, Stopped, replay
from broker.configuration.verdicts import Place
from broker.configuration.wanted import Request
from portcullis.model.host import Host
from portcullis.model.roles import PERMISSIONS

TENANT = "t"
POWERS = Powers(frozenset(PERMISSIONS))
NOON = 1_763_985_600.0


def user(name: str, *groups: str, **more: Any) -> Held:
    fields = {"role": "user", "groups": list(groups), "disabled": False, **more}
    return Held("user", name, fields, id=name, enrolled=True)


def application(name: str, *groups: str, **more: Any) -> Held:
    fields = {**DEFAULTS["application"], "command": ["x"], "entitled": {"users": [], "groups": list(groups)}}
    return Held("application", name, {**fields, **more}, id=name)


HOSTS = tuple(Host(name, name, 2, frozenset({TENANT}), groups=frozenset()) for name in ("h1", "h2"))
STATE = state_of(
    1,
    [
        user("root", role="administrator"),
        *(user(f"u{number}", "staff") for number in range(4)),
        application("Editor", "staff"),
        application("Paint", "staff"),
    ],
    [HostFact(host.name, host.id, host.groups, host.slots, False, 1) for host in HOSTS],
)
LAUNCHES = [
    PastLaunch("r1", NOON, "u1", "Editor", "192.0.2.7"),
    PastLaunch("r2", NOON, "u2", "Paint", "10.0.0.9"),
]


def replayed(*documents: dict[str, Any], launches: Any = None, state: State = STATE, **more: Any) -> Replay:
    made = plan(state, Request(documents, **more), POWERS)
    return replay(made, Place(TENANT, HOSTS), launches, Progress())


def test_who_gains_and_loses_is_told_by_application() -> None:
    found = replayed(deletes=[("application", "Paint"), ("user", "u3")])
    assert [
        (each["application"], each["lost_count"], each["refused_after"]) for each in found.applications
    ] == [
        ("Editor", 1, ""),
        ("Paint", 4, "application_unknown"),
    ]
    assert found.applications[0]["lost"] == ["u3"]
    assert found.entitlements == 8 + 3


def test_an_application_without_a_host_is_told_though_nobody_loses_the_right() -> None:
    document = {"kind": "application", "name": "Paint", "command": ["x"], "entitled": {"groups": ["staff"]}}
    (paint,) = replayed(document | {"host_groups": ["gpu"]}).applications
    assert (paint["lost_count"], paint["refused_before"], paint["refused_after"]) == (0, "", "no_host")


def test_hosts_fill_up_where_everybody_has_to_go_there() -> None:
    """Four people with one session each: two on each host, or all of them on the one that is left."""
    document = {"kind": "application", "name": "Editor", "command": ["x"], "entitled": {"groups": ["staff"]}}
    gpu = {"kind": "host-group", "name": "gpu", "hosts": ["h1"]}
    found = replayed(document | {"host_groups": ["gpu"]}, gpu, deletes=[("application", "Paint")])
    assert found.hosts == [
        {"host": "h1", "slots": 2, "expected_before": 2.0, "expected_after": 4.0, "fills": True},
        {"host": "h2", "slots": 2, "expected_before": 2.0, "expected_after": 0, "fills": False},
    ]


def test_policies_are_told_by_field_and_how_many_they_concern() -> None:
    found = replayed({"kind": "policy", "level": "user", "of": "u1", "values": {"clipboard": "none"}})
    assert [(each["application"], each["policies"]) for each in found.applications] == [
        ("Editor", [{"field": "clipboard", "users": 1}]),
        ("Paint", [{"field": "clipboard", "users": 1}]),
    ]


def test_launches_are_judged_by_the_plan_that_launches_ask() -> None:
    office = {"kind": "policy", "level": "tenant", "values": {"networks": ["192.0.2.0/24"]}}
    found = replayed(office, launches=LAUNCHES)
    assert found.launches is not None
    assert [(each["reference"], each["before"], each["after"]) for each in found.launches["changed"]] == [
        ("r2", "", "outside_networks")
    ]
    gone = replayed(deletes=[("application", "Editor"), ("user", "u2")], launches=LAUNCHES).launches
    assert gone is not None
    assert {(each["reference"], each["after"]) for each in gone["changed"]} == {
        ("r1", "application_unknown"),
        ("r2", "user_disabled"),
    }


def test_a_replay_that_nobody_waits_for_stops() -> None:
    made = plan(STATE, Request([{"kind": "group", "name": "g"}]), POWERS)
    with pytest.raises(Stopped):
        replay(made, Place(TENANT, HOSTS), LAUNCHES, Progress(stopped=True))


def test_progress_reaches_its_total() -> None:
    progress = Progress()
    replay(plan(STATE, Request([]), POWERS), Place(TENANT, HOSTS), LAUNCHES, progress)
    assert progress.done == progress.total == 8 + 8 + 2
