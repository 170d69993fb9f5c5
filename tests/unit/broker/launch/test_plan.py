"""The plan of a launch, as playbooks and as properties: what it never does, and that its trace says why."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from broker.hosts.loads import HostLoad
from broker.launch.placement import MINIMUM_MEMORY_BYTES, Candidate
from broker.launch.plan import (
    EXPLAINED_HOSTS,
    LaunchPlan,
    LaunchRequest,
    LaunchView,
    Reconnect,
    Refusal,
    plan,
)
from portcullis.errors import CODES
from portcullis.model.application import Application, Entitlement
from portcullis.model.host import Host
from portcullis.model.session import Display, Session
from portcullis.model.user import User

TENANT = "00000000000000aa"
USER = User("00000000000000bb", "demo", groups=frozenset({"staff"}))
EDITOR = Application(
    "00000000000000cc", "Editor", ("mousepad",), entitlement=Entitlement(groups=frozenset({"staff"}))
)
PLENTY = 2**36
REQUEST = LaunchRequest(TENANT, USER.id, EDITOR.id, Display())


def host(name: str, slots: int = 2, **changes: object) -> Host:
    return replace(Host(f"{name:0>16}", name, slots, frozenset({TENANT})), **changes)  # type: ignore[arg-type]


def candidate(
    name: str, *, taken: int = 0, live: bool = True, slots: int = 2, **changes: object
) -> Candidate:
    return Candidate(host(name, slots, **changes), live, frozenset(range(taken)))


AWAY = Candidate(host("e"), False)


def session(application_id: str = EDITOR.id, state: str = "ready", stage: str = "ready") -> Session:
    return Session(
        id="00000000000000dd",
        tenant_id=TENANT,
        user_id=USER.id,
        user_name=USER.name,
        application_id=application_id,
        application_name="Editor",
        command=("mousepad",),
        environment={},
        host_id=AWAY.host.id,
        host_name="h1",
        slot=0,
        display=Display(),
        reference="00000000",
        created=0.0,
        state=state,  # type: ignore[arg-type]
        stage=stage,  # type: ignore[arg-type]
    )


def view(**changes: object) -> LaunchView:
    base = LaunchView(USER, EDITOR, (), (candidate("h1"),), sessions_per_user=3)
    return replace(base, **changes)  # type: ignore[arg-type]


def first(_: int) -> int:
    return 0


def decide(**changes: object) -> LaunchPlan | Reconnect | Refusal:
    return plan(REQUEST, view(**changes), first)


def test_an_entitled_user_gets_a_free_slot_and_the_trace_tells_every_step() -> None:
    answer = decide()
    assert isinstance(answer, LaunchPlan)
    assert (answer.candidate.host.name, answer.slot) == ("h1", 0)
    assert [step.step for step in answer.steps] == [
        "user",
        "application",
        "entitlement",
        "enabled",
        "policy",
        "second_factor",
        "reconnect",
        "quota",
        "hosts",
        "placement",
    ]
    assert all(step.outcome != "failed" for step in answer.steps)


@pytest.mark.parametrize(
    ("changes", "code", "step"),
    [
        ({"user": None}, "user_disabled", "user"),
        ({"user": replace(USER, disabled=True)}, "user_disabled", "user"),
        ({"application": None}, "application_unknown", "application"),
        ({"application": replace(EDITOR, entitlement=Entitlement())}, "not_entitled", "entitlement"),
        (
            {"application": replace(EDITOR, entitlement=Entitlement(), disabled=True)},
            "not_entitled",
            "entitlement",
        ),
        ({"application": replace(EDITOR, disabled=True)}, "application_disabled", "enabled"),
        ({"sessions": (session("0" * 16),) * 3}, "quota_user", "quota"),
        ({"sessions": (session(state="ending"),)}, "launch_conflict", "reconnect"),
        ({"candidates": ()}, "no_host", "hosts"),
        ({"candidates": (candidate("h1", tenants=frozenset()),)}, "no_host", "hosts"),
        ({"candidates": (candidate("h1", revoked=True),)}, "no_host", "hosts"),
        ({"candidates": (candidate("h1", live=False),)}, "host_offline", "hosts"),
        ({"candidates": (candidate("h1", draining=True),)}, "host_draining", "hosts"),
        ({"candidates": (candidate("h1", taken=2),)}, "host_full", "hosts"),
        (
            {"candidates": (replace(candidate("h1"), load=HostLoad(0, MINIMUM_MEMORY_BYTES - 1)),)},
            "host_short_of_memory",
            "hosts",
        ),
        ({"application": replace(EDITOR, host_groups=frozenset({"gpu"}))}, "no_host", "hosts"),
        (
            {"sessions": (session(state="active", stage="ready"),), "candidates": (AWAY,)},
            "host_offline",
            "reconnect",
        ),
        (
            {"candidates": (candidate("h1", live=False), candidate("h2", taken=2))},
            "host_full",
            "hosts",
        ),
        (
            {"candidates": (candidate("h1", live=False), candidate("h2", draining=True))},
            "host_draining",
            "hosts",
        ),
    ],
)
def test_a_refusal_has_its_code_and_ends_its_trace_where_it_failed(
    changes: dict[str, object], code: str, step: str
) -> None:
    answer = decide(**changes)
    assert isinstance(answer, Refusal)
    assert (answer.code, answer.steps[-1].step, answer.steps[-1].outcome) == (code, step, "failed")
    assert code in answer.steps[-1].detail


def test_a_running_session_is_returned_to_even_at_the_quota_and_with_no_host() -> None:
    running = session()
    answer = decide(sessions=(running,), candidates=(), sessions_per_user=1)
    assert isinstance(answer, Reconnect)
    assert answer.session == running


def test_a_running_session_is_no_way_round_a_lost_entitlement() -> None:
    answer = decide(sessions=(session(),), application=replace(EDITOR, entitlement=Entitlement()))
    assert isinstance(answer, Refusal)


def test_an_ending_session_is_named_so_that_the_launch_can_wait_for_it() -> None:
    ending = session(state="ending")
    answer = decide(sessions=(ending,))
    assert isinstance(answer, Refusal)
    assert answer.ending == ending


def test_sessions_that_are_ending_do_not_count_against_the_quota() -> None:
    others = tuple(session(f"{n:016x}", "ending") for n in range(3))
    assert isinstance(decide(sessions=others), LaunchPlan)


def test_hosts_of_other_tenants_are_not_named() -> None:
    answer = decide(candidates=(candidate("secret", tenants=frozenset({"0" * 16})), candidate("h1")))
    assert isinstance(answer, LaunchPlan)
    assert "secret" not in repr(answer.steps)


def test_the_least_loaded_host_wins() -> None:
    answer = decide(
        candidates=(
            replace(candidate("busy", slots=10), load=HostLoad(0.9, PLENTY)),
            replace(candidate("idle", slots=10, taken=1), load=HostLoad(0.1, PLENTY)),
            replace(candidate("fuller", slots=10, taken=8), load=HostLoad(0.1, PLENTY)),
        )
    )
    assert isinstance(answer, LaunchPlan)
    assert answer.candidate.host.name == "idle"


def test_many_rejected_hosts_are_counted_not_listed() -> None:
    offline = tuple(candidate(f"h{n}", live=False) for n in range(1000))
    answer = decide(candidates=offline)
    assert isinstance(answer, Refusal)
    assert len(answer.steps) < EXPLAINED_HOSTS + 16
    assert any(f"{1000 - EXPLAINED_HOSTS} more [host_offline]" in step.detail for step in answer.steps)


def test_a_session_on_a_host_that_is_away_is_named_so_that_its_user_can_end_it() -> None:
    away = session(stage="window")
    answer = decide(sessions=(away,), candidates=(AWAY, candidate("h1")))
    assert isinstance(answer, Refusal)
    assert (answer.code, answer.lost) == ("host_offline", away)
    assert "Wait for it, or end it" in answer.message


def test_a_session_that_its_host_never_accepted_is_returned_to_though_the_host_is_away() -> None:
    placed = session(state="pending", stage="placed")
    answer = decide(sessions=(placed,), candidates=(AWAY, candidate("h1")))
    assert isinstance(answer, Reconnect)


def test_a_host_of_any_wanted_group_will_do_and_the_others_are_told_why_not() -> None:
    wanted = replace(EDITOR, host_groups=frozenset({"gpu", "lab"}))
    office, lab = candidate("h1", groups=frozenset({"office"})), candidate("h2", groups=frozenset({"lab"}))
    answer = decide(application=wanted, candidates=(office, lab))
    assert isinstance(answer, LaunchPlan) and answer.candidate is lab
    assert [step.detail for step in answer.steps if step.step == "host"] == [
        "h1: in none of the groups gpu, lab [no_host]"
    ]


def test_an_application_may_ask_for_more_memory_than_every_session_needs() -> None:
    greedy = replace(EDITOR, minimum_memory_bytes=2**33)
    small, large = (replace(candidate(n), load=HostLoad(0, b)) for n, b in (("h1", 2**32), ("h2", 2**34)))
    answer = decide(application=greedy, candidates=(small, large))
    assert isinstance(answer, LaunchPlan) and answer.candidate is large
    assert any("4096 MiB of memory are available, 8192 MiB are needed" in s.detail for s in answer.steps)


def test_an_agent_that_cannot_tell_its_memory_is_not_held_short_of_it() -> None:
    assert isinstance(decide(candidates=(replace(candidate("h1"), load=HostLoad(0, 0)),)), LaunchPlan)


@pytest.mark.parametrize(("on_their_way", "told"), [(3, None), (4, "1st in line"), (6, "3rd in line")])
def test_the_trace_tells_the_place_in_line(on_their_way: int, told: str | None) -> None:
    answer = decide(candidates=(replace(candidate("h1"), on_their_way=on_their_way),))
    queue = [step.detail for step in answer.steps if step.step == "queue"]
    assert queue == ([f"{told} on h1, which starts 4 at once"] if told else [])


names = st.sampled_from(["staff", "guests", "demo"])
hosts = st.builds(
    lambda n, slots, tenants, draining, revoked, live, taken, load, groups, rush: Candidate(
        Host(f"{n:016x}", f"host-{n:03}", slots, tenants, draining=draining, revoked=revoked, groups=groups),
        live,
        taken,
        load,
        rush,
    ),
    st.integers(0, 999),
    st.integers(1, 4),
    st.frozensets(st.sampled_from([TENANT, "1" * 16])),
    st.booleans(),
    st.booleans(),
    st.booleans(),
    st.frozensets(st.integers(0, 5)),
    st.none() | st.builds(HostLoad, st.floats(0, 4), st.sampled_from([0, 2**20, 2**30, 2**34])),
    st.frozensets(st.sampled_from(["gpu", "office"])),
    st.integers(0, 8),
)
views = st.builds(
    LaunchView,
    user=st.none()
    | st.builds(lambda g, d: replace(USER, groups=g, disabled=d), st.frozensets(names), st.booleans()),
    application=st.none()
    | st.builds(
        lambda users, groups, disabled, host_groups, memory: replace(
            EDITOR,
            entitlement=Entitlement(users, groups),
            disabled=disabled,
            host_groups=host_groups,
            minimum_memory_bytes=memory,
        ),
        st.frozensets(names),
        st.frozensets(names),
        st.booleans(),
        st.frozensets(st.sampled_from(["gpu", "office"])),
        st.sampled_from([0, 2**33]),
    ),
    sessions=st.lists(
        st.builds(
            session,
            st.sampled_from([EDITOR.id, "0" * 16, "1" * 16]),
            st.sampled_from(["pending", "ready", "disconnected", "ending"]),
        ),
        max_size=3,
    ).map(tuple),
    candidates=st.lists(hosts, max_size=8, unique_by=lambda c: c.host.id).map(tuple),
    sessions_per_user=st.integers(1, 4),
)


@settings(max_examples=150)
@given(views, st.integers(0, 2**32))
def test_nobody_is_placed_where_or_when_they_must_not_be(seen: LaunchView, chance: int) -> None:
    answer = plan(REQUEST, seen, lambda count: chance % count)
    if not isinstance(answer, LaunchPlan):
        return
    chosen = answer.candidate
    assert seen.user is not None and not seen.user.disabled
    assert seen.application is not None and not seen.application.disabled
    assert seen.application.entitlement.admits(seen.user.name, seen.user.groups)
    assert TENANT in chosen.host.tenants
    assert chosen.live and not chosen.host.draining and not chosen.host.revoked
    assert not seen.application.host_groups or seen.application.host_groups & chosen.host.groups
    needed = max(MINIMUM_MEMORY_BYTES, seen.application.minimum_memory_bytes)
    assert chosen.load is None or not 0 < chosen.load.memory_available_bytes < needed
    assert 0 <= answer.slot < chosen.host.slots and answer.slot not in chosen.taken
    assert all(s.application_id != EDITOR.id for s in seen.sessions)
    assert sum(s.state != "ending" for s in seen.sessions) < seen.sessions_per_user


@settings(max_examples=150)
@given(views, st.integers(0, 2**32))
def test_the_trace_explains_every_rejection(seen: LaunchView, chance: int) -> None:
    answer = plan(REQUEST, seen, lambda count: chance % count)
    failed = [step for step in answer.steps if step.outcome == "failed"]
    if isinstance(answer, Refusal):
        assert failed == [answer.steps[-1]]
        assert answer.code in CODES and f"[{answer.code}]" in failed[0].detail
    else:
        assert failed == []
    if not any(step.step == "hosts" for step in answer.steps):
        return
    reasons = " ".join(step.detail for step in answer.steps if step.step == "host")
    accepted = next((s.detail for s in answer.steps if s.step == "hosts" and s.outcome == "passed"), "")
    for each in seen.candidates:
        if TENANT in each.host.tenants:
            assert (f"{each.host.name}:" in reasons) != (each.host.name in accepted)


@given(views)
def test_the_same_view_and_chance_give_the_same_answer(seen: LaunchView) -> None:
    assert plan(REQUEST, seen, first) == plan(REQUEST, seen, first)
