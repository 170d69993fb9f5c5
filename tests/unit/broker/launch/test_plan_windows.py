"""A command goes to hosts of its own operating system alone."""

from __future__ import annotations

from dataclasses import replace

import pytest

from broker.launch.placement import Candidate
from broker.launch.plan import Context, LaunchPlan, LaunchRequest, LaunchView, Reconnect, Refusal, plan
from portcullis.model.application import Application, Entitlement
from portcullis.model.host import Host, LiveHost
from portcullis.model.session import Display
from portcullis.model.user import User
from portcullis.protocol.features import placed_by

TENANT = "00000000000000aa"
USER = User("00000000000000bb", "ann", groups=frozenset({"staff"}))
STAFF = Entitlement(groups=frozenset({"staff"}))
NOTEPAD = Application("00000000000000cc", "Notepad", ("C:\\Windows\\notepad.exe",), entitlement=STAFF)
XTERM = replace(NOTEPAD, name="Terminal", command=("xterm",))
HOST = Host("1" * 16, "linux-1", 2, frozenset({TENANT}))
LINUX = Candidate(HOST, True)
WINDOWS = Candidate(
    replace(HOST, id="2" * 16, name="windows-1"), True, features=placed_by(["check", "windows"])
)


def decide(application: Application, *hosts: Candidate) -> LaunchPlan | Reconnect | Refusal:
    view = LaunchView(USER, application, (), hosts, 3)
    return plan(LaunchRequest(TENANT, USER.id, application.id, Display(), Context()), view, lambda _: 0)


@pytest.mark.parametrize(
    ("application", "name", "why"),
    [
        (NOTEPAD, "windows-1", "it is no Windows host"),
        (XTERM, "linux-1", "it is a Windows host"),
    ],
)
def test_each_goes_where_its_system_is_and_the_other_host_says_why_not(application, name, why) -> None:
    answer = decide(application, LINUX, WINDOWS)
    assert isinstance(answer, LaunchPlan)
    assert answer.candidate.host.name == name
    (told,) = [step.detail for step in answer.steps if step.code == "host_other_system"]
    assert why in told


@pytest.mark.parametrize(("application", "host"), [(NOTEPAD, LINUX), (XTERM, WINDOWS)])
def test_without_such_a_host_it_is_refused(application, host) -> None:
    answer = decide(application, host)
    assert isinstance(answer, Refusal)
    assert answer.code == "host_other_system"


def test_a_host_of_an_older_record_is_a_linux_host() -> None:
    old = {"host_id": "h", "incarnation": "i", "broker_id": "b", "lease": 1}
    live = LiveHost.from_json(old)
    assert isinstance(decide(XTERM, Candidate(HOST, True, features=live.features)), LaunchPlan)
