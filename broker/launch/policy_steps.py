"""What policies say to a launch, as steps of the plan. Pure.

`policy` asks where and when, `second_factor` how long ago the factor was proven. Every value that somebody set stands
in the trace with the level that it is from; a simulation tells those of the built-in defaults as well.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Protocol

from broker.launch.steps import PlanRefused, PlanTrace
from broker.policy.conditions import Denial, Values, factor_denial, place_denial, time_denial, wall_clock
from portcullis.model.policy import BUILT_IN, Effective

ASKED = ("networks", "hours")
"""Fields that this step decides by; the others are told here and count elsewhere."""
AT_HOME = ("second_factor_minutes",)
"""Fields with a step of their own."""


class Circumstances(Protocol):
    """`broker.launch.plan.Context`."""

    @property
    def client_address(self) -> str | None: ...

    @property
    def time(self) -> float: ...

    @property
    def factor_time(self) -> float | None: ...

    @property
    def is_admitted(self) -> bool: ...


def ask_policies(values: Values, context: Circumstances, trace: PlanTrace, *, whole: bool) -> None:
    """`whole`: also the values that nobody set. Raises PlanRefused."""
    shown = {name: each for name, each in values.items() if whole or each.origin != BUILT_IN}
    if context.is_admitted:
        trace.skipped("policy", "networks and hours were asked when the session was launched")
    elif not shown:
        trace.passed("policy", "none is set")
    else:
        _ask_place(values, context, trace, whole=whole)
        _ask_time(values, context, trace, whole=whole)
    for name, each in shown.items():
        if name not in (*ASKED, *AT_HOME):
            trace.info("policy", told(name, each), object=named(each))


def ask_second_factor(values: Values, context: Circumstances, trace: PlanTrace) -> None:
    """Raises PlanRefused."""
    each = values["second_factor_minutes"]
    if context.is_admitted:
        trace.skipped("second_factor", "it was asked for when the session was launched", named(each))
        return
    denial = factor_denial(values, context.factor_time, context.time)
    if denial is not None:
        raise _denied("second_factor", denial, each, trace)
    if each.value == 0:
        trace.passed("second_factor", "that of the sign-in is enough", named(each))
    else:
        trace.passed("second_factor", f"proven within {each.value} min, as {each.origin} asks", named(each))


def named(each: Effective) -> str:
    """The policy, as a step names its object."""
    return f"policy:{each.origin}"


def told(name: str, each: Effective) -> str:
    """Such as `clipboard is "none" by group:staff, locked`."""
    text = f"{name} is {json.dumps(each.value, ensure_ascii=False)} by {each.origin}"
    if each.locked_by is not None:
        text += ", locked" if each.locked_by == each.origin else f", locked by {each.locked_by}"
    if each.ignored:
        text += f"; {', '.join(each.ignored)} cannot change it"
    return text


def _ask_place(values: Values, context: Circumstances, trace: PlanTrace, *, whole: bool) -> None:
    networks = values["networks"]
    denial = place_denial(values, context.client_address)
    if denial is not None:
        raise _denied("policy", denial, networks, trace)
    if whole or networks.value:
        where = f"; launched from {context.client_address}" if context.client_address else ""
        trace.passed("policy", f"{told('networks', networks)}{where}", named(networks))


def _ask_time(values: Values, context: Circumstances, trace: PlanTrace, *, whole: bool) -> None:
    hours = values["hours"]
    denial = time_denial(values, context.time)
    if denial is not None:
        zone = values["time_zone"]
        by = "" if zone.origin in (BUILT_IN, hours.origin) else f"; {told('time_zone', zone)}"
        raise _denied("policy", replace(denial, detail=f"{denial.detail}{by}"), hours, trace)
    if whole or hours.value:
        now = f"; it is {wall_clock(values['time_zone'].value, context.time)}" if hours.value else ""
        trace.passed("policy", f"{told('hours', hours)}{now}", named(hours))


def _denied(step: str, denial: Denial, each: Effective, trace: PlanTrace) -> PlanRefused:
    detail = f"{denial.detail}; {told(denial.field, each)}"
    return trace.failed(step, denial.code, detail, object=named(each))
