"""What a change is called, by the route that made it, and the end of a session."""

from __future__ import annotations

import pytest

from broker.audit.acts import act_of, end_event
from broker.audit.event import Object
from portcullis.model.session import Display, Session

API = "/api/v1/"
STAFF = {"level": "group", "name": "staff"}


@pytest.mark.parametrize(
    ("method", "route", "values", "kind", "what", "verb"),
    [
        ("PUT", "admin/applications/{name}", {"name": "Editor"}, "change", Object("application", "", "Editor"), "put"),
        ("DELETE", "admin/users/{name}", {"name": "ann"}, "change", Object("user", "", "ann"), "delete"),
        ("POST", "admin/users", {}, "change", Object("user"), "add"),
        ("POST", "admin/users/{name}/sign-out", {"name": "ann"}, "revocation", Object("user", "", "ann"), "sign-out"),
        ("PUT", "admin/policies/{level}/{name}", STAFF, "change", Object("policy", "", "group:staff"), "put"),
        ("POST", "admin/hosts/{name}/drain", {"name": "h1"}, "drain", Object("host", "", "h1"), "drain"),
        ("DELETE", "admin/tokens/{id}", {"id": "a" * 16}, "token", Object("token", "a" * 16), "delete"),
        ("POST", "admin/join-tokens", {}, "token", Object("join-token"), "add"),
        ("DELETE", "admin/sessions/{id}", {"id": "b" * 16}, "session", Object("session", "b" * 16), "delete"),
        ("POST", "platform/tenants/{name}/entry", {"name": "acme"}, "entry", Object("tenant", "", "acme"), "entry"),
        ("DELETE", "platform/tenants/{name}/entry", {"name": "acme"}, "entry", Object("tenant", "", "acme"), "leave"),
        ("POST", "account/sign-out-everywhere", {}, "revocation", Object("user"), "add"),
    ],
)  # fmt: skip
def test_a_route_names_its_act(
    method: str, route: str, values: dict[str, str], kind: str, what: Object, verb: str
) -> None:
    act = act_of(method, API + route, values)
    assert act is not None and (act.type, act.object, act.verb) == (kind, what, verb)


@pytest.mark.parametrize("route", ["platform/tenants/{name}", "admin/panic", "admin/site/origins"])
def test_what_concerns_the_whole_site_is_no_tenants(route: str) -> None:
    act = act_of("PUT", API + route, {"name": "acme"})
    assert act is not None and act.platform


@pytest.mark.parametrize(
    "route",
    [
        "login",
        "sessions",
        "sessions/{id}/ticket",
        "admin/simulations",
        "admin/what-if",
        "admin/configuration/plan",
    ],
)
def test_questions_and_what_is_recorded_elsewhere_are_no_changes(route: str) -> None:
    assert act_of("POST", API + route, {"id": "a" * 16}) is None


def a_session(stage: str) -> Session:
    ids = [number * 16 for number in "1234567"]
    trace = ({"step": "user", "outcome": "passed", "detail": ""},)
    names = ("ann", ids[3], "Editor", ("true",), {}, ids[4], "h1", 0, Display(), "7f3a", 100.0)
    return Session(*ids[:3], *names, stage=stage, trace=trace)  # type: ignore[arg-type]


def test_a_session_that_did_not_start_is_a_launch_that_failed_with_its_last_step() -> None:
    event = end_event(a_session("display"), "window_timeout", "no window", failed=True, now=130.0)
    assert (event.type, event.code, event.detail["seconds"]) == ("launch_failed", "window_timeout", 30.0)
    assert [step["outcome"] for step in event.detail["steps"]] == ["passed", "failed"]
    assert (event.actor.user, event.object.name, event.reference) == ("ann", "Editor", "7f3a")


def test_a_session_that_ran_has_ended_whatever_ended_it() -> None:
    wanted = end_event(a_session("ready"), "logged_off", "", failed=False, now=130.0)
    broke = end_event(a_session("ready"), "worker_failed", "it broke", failed=True, now=50.0)
    assert (wanted.type, "steps" in wanted.detail) == ("session_ended", False)
    assert (broke.type, broke.detail["seconds"], broke.detail["steps"][-1]["step"]) == (
        "session_ended",
        0.0,
        "run",
    )
