"""Whatever policies there are, the trace names the one that decided: taken away, the launch goes another way."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from broker.launch.placement import Candidate
from broker.launch.plan import WHOLE, Context, LaunchPlan, LaunchRequest, LaunchView, Refusal, plan
from portcullis.model.application import Application, Entitlement
from portcullis.model.host import Host
from portcullis.model.launch import Step
from portcullis.model.policy import BUILT_IN, Level, LevelKind, Policy, effective
from portcullis.model.session import Display
from portcullis.model.user import User

NOON = 1_772_452_800.0
"""Monday 2 March 2026, 12:00 UTC."""
USER = User("u" * 16, "ann", groups=frozenset({"staff", "night"}))
EDITOR = Application("a" * 16, "Editor", ("mousepad",), entitlement=Entitlement(users=frozenset({"ann"})))
HOSTS = tuple(Candidate(Host(f"{n:016x}", f"h{n}", 4, frozenset({"t" * 16})), live=True) for n in (1, 2))
PLACES: tuple[tuple[LevelKind, str], ...] = (
    ("tenant", "-"),
    ("group", "night"),
    ("group", "staff"),
    ("application", "Editor"),
    ("user", "ann"),
)
CODES = {
    "outside_networks": "networks",
    "outside_hours": "hours",
    "factor_needed": "second_factor_minutes",
    "quota_user": "sessions",
}
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "networks": st.sampled_from([[], ["192.0.2.0/24"], ["10.0.0.0/8"]]),
    "hours": st.sampled_from(
        [
            [],
            [{"days": ["mon"], "from": "08:00", "to": "18:00"}],
            [{"days": ["mon"], "from": "20:00", "to": "23:00"}],
            [{"days": ["sun"], "from": "00:00", "to": "24:00"}],
        ]
    ),
    "time_zone": st.sampled_from(["UTC", "Asia/Tokyo", "America/New_York"]),
    "second_factor_minutes": st.sampled_from([0, 5, 60]),
    "sessions": st.sampled_from([None, 0, 5]),
    "host_choice": st.sampled_from(["pack", "spread"]),
    "clipboard": st.sampled_from(["none", "both"]),
}


@st.composite
def policies(draw: st.DrawFn) -> tuple[Level, ...]:
    found = []
    for kind, name in PLACES:
        fields = draw(st.lists(st.sampled_from(sorted(VALUES)), unique=True, max_size=3))
        values = {field: draw(VALUES[field]) for field in fields}
        locked = draw(st.frozensets(st.sampled_from(fields), max_size=1)) if fields else frozenset()
        found.append(Level(kind, name, Policy(values, locked)))
    return tuple(found)


contexts = st.builds(
    Context,
    client_address=st.sampled_from(["192.0.2.7", "10.1.2.3", "2001:db8::1", None]),
    time=st.sampled_from([NOON, NOON + 9 * 3600, NOON - 86400]),
    factor_time=st.sampled_from([NOON - 60, NOON - 1800, None]),
)


def planned(levels: tuple[Level, ...], context: Context, **more: Any) -> LaunchPlan | Refusal:
    view = LaunchView(USER, EDITOR, (), HOSTS, 10, policy=effective(levels))
    request = LaunchRequest("t" * 16, USER.id, EDITOR.id, Display(), context)
    answer = plan(request, view, lambda most: 0, **more)
    assert isinstance(answer, LaunchPlan | Refusal)
    return answer


def without(levels: tuple[Level, ...], named: str, field: str) -> tuple[Level, ...]:
    return tuple(_without(level, field) if f"policy:{label(level)}" == named else level for level in levels)


def _without(level: Level, field: str) -> Level:
    values = {name: value for name, value in level.policy.values.items() if name != field}
    return replace(level, policy=Policy(values, level.policy.locked))


def label(level: Level) -> str:
    return level.kind if level.kind == "tenant" else f"{level.kind}:{level.name}"


def decided(answer: LaunchPlan | Refusal) -> Step:
    return next(step for step in reversed(answer.steps) if step.outcome in ("failed", "passed"))


@given(policies(), contexts)
def test_without_the_policy_that_a_refusal_names_it_is_not_the_one_that_refuses(
    levels: tuple[Level, ...], context: Context
) -> None:
    answer = planned(levels, context)
    if not isinstance(answer, Refusal):
        return
    last = decided(answer)
    field = CODES[answer.code]
    of = last.object.removeprefix("policy:")
    assert last.object != f"policy:{BUILT_IN}" and f" by {of}" in last.detail
    assert f"{field} is " in last.detail
    fewer = without(levels, last.object, field)
    assert fewer != levels, "it names a policy that sets the field"
    after = planned(fewer, context)
    assert (decided(after).object, decided(after).code) != (last.object, last.code)


@given(policies(), contexts)
def test_a_simulation_decides_alike_however_much_more_it_tells(
    levels: tuple[Level, ...], context: Context
) -> None:
    brief, whole = planned(levels, context), planned(levels, context, telling=WHOLE)
    assert type(brief) is type(whole) and decided(brief) == decided(whole)
    told = [step for step in brief.steps if (step.step, step.detail) != ("policy", "none is set")]
    assert all(step in whole.steps for step in told)


@given(policies(), contexts)
def test_a_placement_names_the_policy_that_chose_among_hosts(
    levels: tuple[Level, ...], context: Context
) -> None:
    answer, rule = planned(levels, context), effective(levels)["host_choice"]
    if isinstance(answer, Refusal):
        return
    (placement,) = (step for step in answer.steps if step.step == "placement")
    assert ("host_choice is" in placement.detail) == (rule.origin != BUILT_IN)
    if rule.origin != BUILT_IN:
        assert f'host_choice is "{rule.value}" by {rule.origin}' in placement.detail
