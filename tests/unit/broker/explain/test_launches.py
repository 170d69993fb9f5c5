"""Launches of the past out of events: one line each, however many words were said of it."""

from __future__ import annotations

from typing import Any

import pytest

from broker.audit.event import Actor, Event, Object
from broker.explain.launches import merged, of_event, of_trace, once_each
from portcullis.model.launch import LaunchTrace, Step

PLACED = {"step": "placement", "outcome": "passed", "detail": "h1, slot 0"}
LAST = {
    "step": "start",
    "outcome": "failed",
    "detail": "no window [window_timeout]",
    "code": "window_timeout",
}


def event(kind: str, code: str = "", revision: int = 0, address: str = "", **detail: Any) -> Event:
    return Event(
        kind,
        "a" * 16,
        Actor("ann", "b" * 16, "", address),
        Object("application", "c" * 16, "Editor"),
        code,
        "said so",
        revision,
        "abcd2345",
        {"session": "5" * 16, "host": "h1", **detail},
        id=f"{revision:024x}",
        time=10.0,
    )


@pytest.mark.parametrize(
    ("kind", "code", "outcome", "shown"),
    [
        ("launch", "", "launched", ""),
        ("launch", "reconnected", "reconnected", ""),
        ("launch_refused", "not_entitled", "refused", "not_entitled"),
        ("launch_failed", "window_timeout", "failed", "window_timeout"),
    ],
)
def test_an_event_tells_how_the_launch_came_out(kind: str, code: str, outcome: str, shown: str) -> None:
    launch = of_event(event(kind, code, steps=[PLACED]))
    row = launch.row()
    assert (row["outcome"], row["code"], row["user"], row["host"]) == (outcome, shown, "ann", "h1")
    assert "steps" not in row and launch.view()["steps"][0]["name"] == "placement"


@pytest.mark.parametrize("steps", [[PLACED], [PLACED, LAST]])
def test_the_step_that_failed_is_told_once(steps: list[dict[str, Any]]) -> None:
    told = of_event(event("launch_failed", "window_timeout", steps=steps)).trace.steps
    assert [step.outcome for step in told] == ["passed", "failed"] and told[-1].code == "window_timeout"


@pytest.mark.parametrize("steps", [None, [], ["x"]])
def test_an_event_without_steps_is_a_launch_as_well(steps: Any) -> None:
    detail = {} if steps is None else {"steps": steps}
    assert of_event(event("launch", **detail)).trace.steps == ()


def test_a_launch_that_failed_is_one_line_and_knows_what_the_launch_knew() -> None:
    failed = of_event(event("launch_failed", "window_timeout"))
    placed = of_event(event("launch", revision=7, address="192.0.2.7"))
    assert once_each([failed, placed]) == [failed]
    whole = merged([failed, placed])
    assert (whole.outcome, whole.trace.revision, whole.client_address) == ("failed", 7, "192.0.2.7")


def test_what_the_grid_keeps_was_refused_or_failed_on_its_host() -> None:
    trace = LaunchTrace("abcd2345", 1.0, "ann", "Editor", "host_full", "Full.", ())
    assert of_trace(trace).outcome == "refused"
    started = LaunchTrace(*("abcd2345", 1.0, "ann", "Editor", "x", "X."), (Step("start", "failed", "x"),))
    assert of_trace(started).outcome == "failed"
