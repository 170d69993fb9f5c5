"""A launch of a server: on hosts that can show one, with something to sign in with."""

from __future__ import annotations

from dataclasses import replace

import pytest

from broker.launch.placement import Candidate
from broker.launch.plan import Context, LaunchPlan, LaunchRequest, LaunchView, Reconnect, Refusal, plan
from portcullis.model.application import Application, Entitlement
from portcullis.model.host import Host
from portcullis.model.rdp import RdpTarget
from portcullis.model.session import Display, Session
from portcullis.model.user import User

TENANT = "00000000000000aa"
USER = User("00000000000000bb", "ann", groups=frozenset({"staff"}))
DESK = Application(
    "00000000000000cc",
    "Desk",
    (),
    entitlement=Entitlement(groups=frozenset({"staff"})),
    rdp=RdpTarget("ts1.example.com"),
)
HOST = Host("1" * 16, "h1", 2, frozenset({TENANT}))
ABLE = Candidate(HOST, True, features=frozenset({"rdp"}))
OLDER = Candidate(replace(HOST, id="2" * 16, name="h2"), True)


def decide(context: Context, *hosts: Candidate, **changes: object) -> LaunchPlan | Reconnect | Refusal:
    view = replace(LaunchView(USER, DESK, (), hosts or (ABLE,), 3), **changes)  # type: ignore[arg-type]
    request = LaunchRequest(TENANT, USER.id, DESK.id, Display(), context)
    return plan(request, view, lambda _: 0)


@pytest.mark.parametrize("state", ["given", "kept", "assumed"])
def test_with_credentials_it_is_placed_where_servers_can_be_shown(state) -> None:
    answer = decide(Context(credentials=state), OLDER, ABLE)
    assert isinstance(answer, LaunchPlan)
    assert answer.candidate.host.name == "h1"
    assert "credentials" in [step.step for step in answer.steps]
    rejected = next(step for step in answer.steps if step.code == "host_lacks_rdp")
    assert rejected.object == "host:h2"
    assert "xfreerdp" in rejected.detail


def test_without_any_it_is_refused_once_all_else_is_well() -> None:
    answer = decide(Context())
    assert isinstance(answer, Refusal)
    assert answer.code == "credentials_needed"
    assert answer.steps[-2].step == "hosts"


def test_nobody_is_asked_for_a_launch_that_fails_anyway() -> None:
    answer = decide(Context(), OLDER)
    assert isinstance(answer, Refusal)
    assert answer.code == "host_lacks_rdp"


def test_an_application_with_a_program_needs_neither() -> None:
    answer = decide(Context(), OLDER, application=replace(DESK, command=("xterm",), rdp=None))
    assert isinstance(answer, LaunchPlan)
    assert "credentials" not in [step.step for step in answer.steps]


def test_a_session_that_runs_is_taken_up_again_without_them() -> None:
    running = Session(
        *("00000000000000dd", TENANT, USER.id, USER.name, DESK.id, DESK.name, (), {}, HOST.id, "h1", 0),
        *(Display(), "00000000", 0.0, "ready", "ready"),
    )
    assert isinstance(decide(Context(), sessions=(running,)), Reconnect)


def test_a_session_that_is_only_placed_anew_has_been_asked_before() -> None:
    assert isinstance(decide(Context(is_admitted=True)), LaunchPlan)
