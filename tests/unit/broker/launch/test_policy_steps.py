"""Policies as steps of a launch: what is asked, in which order, and which level a refusal names."""

from __future__ import annotations

from typing import Any

import pytest

from broker.launch.plan import Context
from broker.launch.policy_steps import ask_policies, ask_second_factor, told
from broker.launch.steps import PlanRefused, PlanTrace
from portcullis.model.policy import FIELDS, Effective, Level, LevelKind, Policy, effective

NOON = 1_772_452_800.0
"""Monday 2 March 2026, 12:00 UTC."""
OFFICE = Context(client_address="192.0.2.7", time=NOON, factor_time=NOON - 600)


def level(kind: LevelKind, name: str, locked: tuple[str, ...] = (), **values: Any) -> Level:
    return Level(kind, name, Policy(values, frozenset(locked)))


def asked(*levels: Level, context: Context = OFFICE, whole: bool = False) -> PlanTrace:
    trace = PlanTrace()
    values = effective(levels)
    ask_policies(values, context, trace, whole=whole)
    ask_second_factor(values, context, trace)
    return trace


def refused(*levels: Level, context: Context = OFFICE) -> tuple[str, str, str, str]:
    trace, values = PlanTrace(), effective(levels)
    with pytest.raises(PlanRefused) as raised:
        ask_policies(values, context, trace, whole=False)
        ask_second_factor(values, context, trace)
    last = trace.steps[-1]
    assert last.outcome == "failed" and last.code == raised.value.code
    return last.step, last.code, last.object, last.detail


def test_where_nothing_is_set_there_are_two_steps_and_they_pass() -> None:
    assert [(step.step, step.outcome, step.detail) for step in asked().steps] == [
        ("policy", "passed", "none is set"),
        ("second_factor", "passed", "that of the sign-in is enough"),
    ]


def test_every_value_that_is_set_is_told_with_its_level() -> None:
    steps = asked(
        level("group", "staff", networks=["192.0.2.0/24"]), level("tenant", "-", clipboard="none")
    ).steps
    assert [(step.step, step.outcome, step.object) for step in steps] == [
        ("policy", "passed", "policy:group:staff"),
        ("policy", "info", "policy:tenant"),
        ("second_factor", "passed", "policy:built-in"),
    ]


def test_a_simulation_tells_every_field() -> None:
    details = " ".join(step.detail for step in asked(whole=True).steps if step.step == "policy")
    assert all(name in details for name in FIELDS if name != "second_factor_minutes")


def test_a_refusal_names_the_policy_that_decided() -> None:
    elsewhere = Context(client_address="198.51.100.7", time=NOON)
    step, code, named, detail = refused(
        level("application", "Payroll", networks=["192.0.2.0/24"]), context=elsewhere
    )
    assert (step, code, named) == ("policy", "outside_networks", "policy:application:Payroll")
    assert "198.51.100.7" in detail
    tuesday = [{"days": ["tue"], "from": "08:00", "to": "18:00"}]
    step, code, named, detail = refused(level("user", "ann", hours=tuesday))
    assert (step, code, named) == ("policy", "outside_hours", "policy:user:ann")
    assert "mon 12:00 in UTC" in detail
    step, code, named, detail = refused(level("tenant", "-", second_factor_minutes=5))
    assert (step, code, named) == ("second_factor", "factor_needed", "policy:tenant")
    assert "10 min ago" in detail


def test_a_context_that_is_not_known_admits_nobody_who_needs_it() -> None:
    unknown = Context(time=NOON)
    assert refused(level("tenant", "-", networks=["0.0.0.0/0"]), context=unknown)[1] == "outside_networks"
    assert refused(level("tenant", "-", second_factor_minutes=5), context=unknown)[1] == "factor_needed"


def test_who_was_let_in_before_is_not_asked_again() -> None:
    strict = level("tenant", "-", networks=["203.0.113.0/24"], second_factor_minutes=1)
    steps = asked(strict, context=Context(is_admitted=True)).steps
    assert [(step.step, step.outcome) for step in steps] == [
        ("policy", "skipped"),
        ("second_factor", "skipped"),
    ]


def test_a_value_is_told_with_its_lock_and_with_what_it_keeps_out() -> None:
    each = Effective("none", "tenant", "tenant", ("user:ann",))
    assert told("clipboard", each) == 'clipboard is "none" by tenant, locked; user:ann cannot change it'
    below = Effective("none", "group:a", "group:b")
    assert told("clipboard", below) == 'clipboard is "none" by group:a, locked by group:b'
