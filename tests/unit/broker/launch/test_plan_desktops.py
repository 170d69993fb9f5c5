"""A launch of an existing desktop: on hosts that allow it, as policies tighten it."""

from dataclasses import replace

import pytest

from broker.audit.acts import desktop_events
from broker.launch.placement import Candidate
from broker.launch.plan import WATCHERS, Context, LaunchPlan, LaunchRequest, LaunchView, Refusal, plan
from broker.policy.conditions import channels
from portcullis.model.application import Application, Entitlement
from portcullis.model.desktops import DesktopTarget
from portcullis.model.host import Host
from portcullis.model.policy import Level, Policy, effective
from portcullis.model.session import Display, Session
from portcullis.model.user import User

TENANT = "00000000000000aa"
USER = User("00000000000000bb", "ann", groups=frozenset({"staff"}))
DESK = Application(
    "00000000000000cc",
    "Desk",
    (),
    entitlement=Entitlement(groups=frozenset({"staff"})),
    desktop=DesktopTarget(consent="own"),
)
HOST = Host("1" * 16, "h1", 2, frozenset({TENANT}))
ABLE = Candidate(HOST, True, features=frozenset({"desktops"}))
OLDER = Candidate(replace(HOST, id="2" * 16, name="h2"), True)


def under(policy):
    return effective([Level("application", "Desk", Policy({"desktops": policy}))])


def decide(*hosts, policy="document"):
    view = replace(LaunchView(USER, DESK, (), hosts or (ABLE,), 3), policy=under(policy))
    return plan(LaunchRequest(TENANT, USER.id, DESK.id, Display(), Context()), view, lambda _: 0)


def test_it_is_placed_where_desktops_may_be_attached_to():
    answer = decide(OLDER, ABLE)
    assert isinstance(answer, LaunchPlan)
    assert answer.candidate.host.name == "h1"
    assert answer.application.desktop == DESK.desktop
    assert next(step for step in answer.steps if step.code == "host_lacks_desktops").object == "host:h2"
    alone = decide(OLDER)
    assert isinstance(alone, Refusal)
    assert alone.code == "host_lacks_desktops"


@pytest.mark.parametrize(
    ("policy", "asks", "view_only"),
    [("document", False, False), ("ask", True, False), ("view", True, True)],
)
def test_a_policy_makes_it_tighter_and_never_looser(policy, asks, view_only):
    answer = decide(policy=policy)
    desktop = answer.application.desktop
    assert (desktop.asks, desktop.view_only, desktop.consent) == (asks, view_only, "own")
    step = next(step for step in answer.steps if step.step == "desktop")
    assert ("whoever is there is asked" in step.detail) == asks
    assert DesktopTarget.from_json(desktop.to_json()) == desktop


def test_a_policy_may_allow_none_at_all():
    answer = decide(policy="none")
    assert isinstance(answer, Refusal)
    assert answer.code == "desktop_not_permitted"


def test_who_may_only_see_gets_no_channel_that_writes():
    everything = {"display", "input", "clipboard_in", "clipboard_out"}
    assert channels(under("document"), DesktopTarget()) == channels(under("view")) == everything
    assert channels(under("view"), DesktopTarget()) == {"display", "clipboard_out"}
    assert channels(under("document"), DesktopTarget(view_only=True)) == {"display", "clipboard_out"}


CONSOLE = Candidate(replace(HOST, slots=1, name="desk-7"), True, features=frozenset({"desktops", "windows"}))


def test_on_windows_an_attachment_takes_no_slot_of_an_application_and_leaves_them_their_own():
    busy = replace(CONSOLE, taken=frozenset({0}))  # by an application
    answer = decide(busy)
    assert isinstance(answer, LaunchPlan)
    assert answer.slot == 1
    watched = replace(CONSOLE, taken=frozenset({1, 2}))
    assert (watched.free, watched.free_slots) == (1, [0])
    assert decide(watched).slot == 3


def test_so_many_may_be_attached_to_a_windows_host_and_no_more():
    full = replace(CONSOLE, taken=frozenset(range(1, 1 + WATCHERS)))
    answer = decide(full)
    assert isinstance(answer, Refusal)
    assert answer.code == "host_full"
    assert any(f"{WATCHERS} of {WATCHERS} slots" in step.detail for step in answer.steps)


def test_on_linux_it_takes_one_of_the_host_s():
    assert decide(replace(ABLE, taken=frozenset({0}))).slot == 1
    assert decide(replace(ABLE, taken=frozenset({0, 1}))).code == "host_full"


def session(stage, **target):
    return Session(
        *("5" * 16, TENANT, USER.id, "ann", DESK.id, "Desk", (), {}, HOST.id, "h1", 0, Display(), "R", 1.0),
        state="starting",
        stage=stage,
        desktop=DesktopTarget(**target),
    )


def test_the_audit_tells_who_was_asked_and_that_they_agreed():
    def told(before, now, **target):
        return [event.type for event in desktop_events(session(now, **target), before)]

    assert told("accepted", "display") == ["desktop_asked"]
    assert told("display", "ready") == ["desktop_agreed"]
    assert told("accepted", "ready") == ["desktop_asked", "desktop_agreed"]  # a broker that heard late
    assert told("accepted", "ready", consent="none") == ["desktop_attached"]
    (event,) = desktop_events(session("display", display=":1"), "accepted")
    assert (event.actor.user, event.detail["host"], event.detail["display"]) == ("ann", "h1", ":1")
    assert desktop_events(replace(session("ready"), desktop=None), "placed") == []
