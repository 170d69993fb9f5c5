"""A launch of a Windows program: on hosts that have Wine and the application's template."""

from __future__ import annotations

from dataclasses import replace

from broker.launch.placement import Candidate
from broker.launch.plan import Context, LaunchPlan, LaunchRequest, LaunchView, Reconnect, Refusal, plan
from portcullis.model.application import Application, Entitlement
from portcullis.model.host import Host
from portcullis.model.session import Display
from portcullis.model.user import User
from portcullis.model.wine import WineProgram
from portcullis.protocol.features import placed_by

TENANT = "00000000000000aa"
USER = User("00000000000000bb", "ann", groups=frozenset({"staff"}))
EDITOR = Application(
    "00000000000000cc",
    "Editor",
    (),
    entitlement=Entitlement(groups=frozenset({"staff"})),
    wine=WineProgram("office", "App\\app.exe"),
)
HOST = Host("1" * 16, "h1", 2, frozenset({TENANT}))
ABLE = Candidate(HOST, True, features=placed_by(["check", "wine", "wine:cad", "wine:office"]))
OTHER = Candidate(replace(HOST, id="2" * 16, name="h2"), True, features=frozenset({"wine", "wine:cad"}))
WITHOUT = Candidate(replace(HOST, id="3" * 16, name="h3"), True, features=frozenset({"rdp"}))


def decide(*hosts: Candidate, **changes: object) -> LaunchPlan | Reconnect | Refusal:
    view = replace(LaunchView(USER, EDITOR, (), hosts, 3), **changes)  # type: ignore[arg-type]
    return plan(LaunchRequest(TENANT, USER.id, EDITOR.id, Display(), Context()), view, lambda _: 0)


def test_it_is_placed_where_wine_and_the_template_are() -> None:
    answer = decide(WITHOUT, OTHER, ABLE)
    assert isinstance(answer, LaunchPlan)
    assert answer.candidate.host.name == "h1"
    told = {step.object: step.detail for step in answer.steps if step.code == "host_lacks_wine"}
    assert "no template office" in told["host:h2"]
    assert "Wine is not there" in told["host:h3"]


def test_without_such_a_host_it_is_refused() -> None:
    answer = decide(WITHOUT, OTHER)
    assert isinstance(answer, Refusal)
    assert answer.code == "host_lacks_wine"


def test_a_program_of_the_host_needs_neither() -> None:
    answer = decide(WITHOUT, application=replace(EDITOR, command=("xterm",), wine=None))
    assert isinstance(answer, LaunchPlan)


def test_a_host_is_told_apart_by_no_more_than_placement_asks_for() -> None:
    assert placed_by(["check", "wine", "wine:office", "wine:../x", "wine:", "rdp"]) == {
        "wine",
        "wine:office",
        "rdp",
    }
