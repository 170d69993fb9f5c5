"""Which value of a policy counts: five levels, locks from above, the tightest of several groups."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portcullis.errors import InvalidInput
from portcullis.model.policy import (
    BUILT_IN,
    FIELDS,
    LEVELS,
    Effective,
    Level,
    LevelKind,
    Policy,
    defaults,
    effective,
    parse_locked,
    parse_values,
)
from portcullis.model.policy_values import DAYS

WORKDAYS = {"days": ["mon", "tue", "wed", "thu", "fri"], "from": "08:00", "to": "18:00"}


def level(kind: LevelKind, name: str = "x", *, locked: tuple[str, ...] = (), **values: Any) -> Level:
    return Level(kind, name, Policy(values, frozenset(locked)))


def one(name: str, *levels: Level) -> Effective:
    return effective(levels)[name]


def test_without_a_policy_the_built_in_value_of_each_field_counts() -> None:
    assert effective([]) == defaults()
    assert {name: each.value for name, each in defaults().items()} == {
        "networks": [],
        "hours": [],
        "time_zone": "UTC",
        "second_factor_minutes": 0,
        "sessions": None,
        "idle_minutes": 0,
        "disconnected_minutes": 0,
        "clipboard": "both",
        "desktops": "document",
        "host_choice": "spread",
    }


def test_the_most_special_level_decides() -> None:
    levels = [
        level("user", clipboard="both"),
        level("tenant", clipboard="none"),
        level("application", clipboard="to_application"),
        level("group", clipboard="from_application"),
    ]
    assert one("clipboard", *levels) == Effective("both", "user:x")
    assert one("clipboard", *levels[1:]) == Effective("to_application", "application:x")


def test_a_lock_from_above_keeps_what_stands_below_without_effect() -> None:
    found = one(
        "clipboard",
        level("tenant", clipboard="none", locked=("clipboard",)),
        level("group", "staff", clipboard="both"),
        level("user", "alice", clipboard="both", locked=("clipboard",)),
    )
    assert found == Effective("none", "tenant", "tenant", ("group:staff", "user:alice"))


def test_a_lock_without_a_value_holds_the_one_from_above() -> None:
    found = one("clipboard", level("tenant", locked=("clipboard",)), level("user", "a", clipboard="none"))
    assert found == Effective("both", BUILT_IN, "tenant", ("user:a",))


def test_a_group_cannot_loosen_what_another_group_locks() -> None:
    found = one(
        "idle_minutes",
        level("group", "loose", idle_minutes=0),
        level("group", "strict", idle_minutes=10, locked=("idle_minutes",)),
        level("user", "a", idle_minutes=600),
    )
    assert found == Effective(10, "group:strict", "group:strict", ("user:a",))


@pytest.mark.parametrize(
    ("field", "tight", "loose"),
    [
        ("networks", ["10.0.0.0/24"], ["10.0.0.0/8"]),
        ("networks", ["10.0.0.0/8"], []),
        ("hours", [WORKDAYS], []),
        ("hours", [WORKDAYS], [WORKDAYS, {"days": ["sat"], "from": "08:00", "to": "12:00"}]),
        ("second_factor_minutes", 5, 60),
        ("second_factor_minutes", 60, 0),
        ("sessions", 0, 1),
        ("sessions", 100, None),
        ("idle_minutes", 1, 0),
        ("disconnected_minutes", 30, 31),
        ("clipboard", "none", "to_application"),
        ("clipboard", "to_application", "from_application"),
        ("clipboard", "from_application", "both"),
    ],
)
def test_of_two_groups_the_tighter_value_counts(field: str, tight: Any, loose: Any) -> None:
    groups = level("group", "a", **{field: loose}), level("group", "b", **{field: tight})
    assert one(field, *groups) == one(field, *reversed(groups)) == Effective(tight, "group:b")
    assert FIELDS[field].tighter(loose, tight) == FIELDS[field].tighter(tight, loose) == tight


def test_the_time_zone_is_that_of_the_group_whose_hours_count() -> None:
    groups = (
        level("group", "berlin", hours=[WORKDAYS], time_zone="Europe/Berlin"),
        level("group", "always", hours=[], time_zone="America/New_York"),
    )
    assert one("time_zone", *groups) == one("time_zone", *reversed(groups))
    assert one("time_zone", *groups) == Effective("Europe/Berlin", "group:berlin")
    assert one("time_zone", groups[1]).value == "America/New_York"


def test_hours_that_overlap_count_once() -> None:
    twice = [WORKDAYS, {"days": ["mon"], "from": "09:00", "to": "10:00"}]
    longer = [{**WORKDAYS, "to": "18:01"}]
    assert FIELDS["hours"].tighter(twice, longer) == twice


# --- Properties

_NETWORKS = st.lists(
    st.sampled_from(["10.0.0.0/8", "10.1.0.0/16", "192.0.2.7/32", "2001:db8::/32"]), max_size=3
)
_TIMES = st.integers(0, 23).map(lambda hour: f"{hour:02d}:00")
_WINDOW = st.builds(
    lambda days, begin, end: {"days": days, "from": begin, "to": end},
    st.lists(st.sampled_from(DAYS), min_size=1, max_size=3),
    _TIMES,
    st.just("24:00"),
)
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "networks": _NETWORKS,
    "hours": st.lists(_WINDOW, max_size=2),
    "time_zone": st.sampled_from(["UTC", "Europe/Berlin", "Asia/Kolkata"]),
    "second_factor_minutes": st.integers(0, 5),
    "sessions": st.none() | st.integers(0, 3),
    "idle_minutes": st.integers(0, 3),
    "disconnected_minutes": st.integers(0, 3),
    "clipboard": st.sampled_from(["both", "to_application", "from_application", "none"]),
    "desktops": st.sampled_from(["none", "view", "ask", "document"]),
    "host_choice": st.sampled_from(["spread", "pack"]),
}


@st.composite
def policies(draw: st.DrawFn) -> Policy:
    names = draw(st.lists(st.sampled_from(sorted(FIELDS)), unique=True, max_size=4))
    values = parse_values({name: draw(VALUES[name]) for name in names})
    return Policy(values, frozenset(draw(st.lists(st.sampled_from(sorted(FIELDS)), max_size=3))))


@st.composite
def levels(draw: st.DrawFn) -> list[Level]:
    """At most one of each kind, and up to four groups."""
    single = draw(st.lists(st.sampled_from(["tenant", "application", "user"]), unique=True))
    groups = draw(st.lists(st.sampled_from(["a", "b", "c", "d"]), unique=True))
    found = [Level(kind, "one", draw(policies())) for kind in single]
    return found + [Level("group", name, draw(policies())) for name in groups]


def test_every_field_is_drawn() -> None:
    assert VALUES.keys() == FIELDS.keys()


@given(levels(), st.randoms(use_true_random=False))
def test_the_order_of_levels_and_groups_does_not_matter(found: list[Level], random: Any) -> None:
    shuffled = list(found)
    random.shuffle(shuffled)
    assert effective(shuffled) == effective(found)


@given(levels())
def test_origin_names_a_level_that_sets_exactly_that_value(found: list[Level]) -> None:
    by_label = {each.label: each for each in found}
    for name, each in effective(found).items():
        if each.origin == BUILT_IN:
            assert each.value == FIELDS[name].default
        else:
            assert by_label[each.origin].policy.values[name] == each.value


@given(levels())
def test_a_lock_from_above_is_never_broken(found: list[Level]) -> None:
    """Without everything below the first level that locks the field, nothing is another."""
    for name, each in effective(found).items():
        locking = [LEVELS.index(level.kind) for level in found if name in level.policy.locked]
        if not locking:
            assert each.locked_by is None
            continue
        first = min(locking)
        above = [level for level in found if LEVELS.index(level.kind) <= first]
        without = effective(above)[name]
        assert (each.value, each.origin, each.locked_by) == (without.value, without.origin, without.locked_by)
        assert each.locked_by in {level.label for level in above if name in level.policy.locked}
        below = {level.label for level in found if level not in above}
        told = {level.label for level in found if name in level.policy.values or name in level.policy.locked}
        assert set(each.ignored) == below & told


@given(levels())
def test_of_groups_none_is_tighter_than_the_one_that_counts(found: list[Level]) -> None:
    groups = [each for each in found if each.kind == "group"]
    for name, each in effective(groups).items():
        for group in groups:
            if name in group.policy.values and FIELDS[name].beside is None:
                value = group.policy.values[name]
                assert FIELDS[name].tightness(each.value) <= FIELDS[name].tightness(value)


@given(policies())
def test_a_policy_reads_as_it_was_written(policy: Policy) -> None:
    assert Policy.from_json(policy.to_json()) == policy
    assert parse_values(policy.to_json()["values"]) == policy.values


@given(st.sampled_from(sorted(FIELDS)).flatmap(lambda name: st.tuples(st.just(name), VALUES[name])))
def test_parsing_what_was_parsed_changes_nothing(case: tuple[str, Any]) -> None:
    name, raw = case
    parsed = FIELDS[name].parse(raw)
    assert FIELDS[name].parse(parsed) == parsed


# --- What people write


def test_equal_networks_are_kept_as_equal_texts() -> None:
    parse = FIELDS["networks"].parse
    assert parse(["2001:DB8::/32", "10.0.0.1", "10.0.0.0/8", "10.0.0.1/32"]) == [
        "10.0.0.0/8",
        "10.0.0.1/32",
        "2001:db8::/32",
    ]


def test_a_network_with_bits_of_a_host_is_refused_and_the_network_is_named() -> None:
    with pytest.raises(InvalidInput) as refused:
        parse_values({"networks": ["10.0.0.0/8", "192.0.2.7/24"]})
    assert refused.value.field == "values.networks[1]"
    assert "192.0.2.0/24" in refused.value.expected


WRONG: list[tuple[str, Any, str]] = [
    ("networks", "10.0.0.0/8", "values.networks"),
    ("networks", ["10.0.0.0/33"], "values.networks[0]"),
    ("networks", ["fe80::1%eth0"], "values.networks[0]"),
    ("networks", [167772160], "values.networks[0]"),
    ("networks", ["10.0.0.0/255.0.255.0"], "values.networks[0]"),
    ("networks", [f"10.0.{n}.0/24" for n in range(65)], "values.networks"),
    ("hours", {"days": ["mon"], "from": "08:00", "to": "18:00"}, "values.hours"),
    ("hours", [{"days": ["mon"], "from": "08:00"}], "values.hours[0]"),
    ("hours", [{**WORKDAYS, "until": "x"}], "values.hours[0]"),
    ("hours", [{**WORKDAYS, "days": []}], "values.hours[0].days"),
    ("hours", [{**WORKDAYS, "days": ["Monday"]}], "values.hours[0].days"),
    ("hours", [{**WORKDAYS, "days": [["mon"]]}], "values.hours[0].days"),
    ("hours", [{**WORKDAYS, "from": "8:00"}], "values.hours[0].from"),
    ("hours", [{**WORKDAYS, "to": "24:01"}], "values.hours[0].to"),
    ("hours", [{**WORKDAYS, "from": "24:00"}], "values.hours[0].from"),
    ("hours", [{**WORKDAYS, "to": "08:00"}], "values.hours[0].to"),
    ("hours", [{**WORKDAYS, "to": "٠٨:٣٠"}], "values.hours[0].to"),
    ("time_zone", "Europe/Atlantis", "values.time_zone"),
    ("time_zone", "../../etc/passwd", "values.time_zone"),
    ("time_zone", "", "values.time_zone"),
    ("time_zone", None, "values.time_zone"),
    ("second_factor_minutes", -1, "values.second_factor_minutes"),
    ("second_factor_minutes", 1.5, "values.second_factor_minutes"),
    ("second_factor_minutes", True, "values.second_factor_minutes"),
    ("second_factor_minutes", None, "values.second_factor_minutes"),
    ("sessions", "3", "values.sessions"),
    ("sessions", 10**9, "values.sessions"),
    ("clipboard", "BOTH", "values.clipboard"),
    ("clipboard", ["both"], "values.clipboard"),
    ("desktops", "own", "values.desktops"),
    ("host_choice", "random", "values.host_choice"),
    ("colour", "red", "values.colour"),
]


@pytest.mark.parametrize(("name", "raw", "place"), WRONG)
def test_a_wrong_value_is_refused_with_its_place(name: str, raw: Any, place: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        parse_values({name: raw})
    assert refused.value.field == place


@pytest.mark.parametrize("raw", [None, [], "clipboard", 3])
def test_values_that_are_no_object_are_refused(raw: Any) -> None:
    with pytest.raises(InvalidInput):
        parse_values(raw)


@pytest.mark.parametrize("raw", [None, "clipboard", ["colour"], [["clipboard"]], {"clipboard": True}])
def test_locks_that_name_no_field_are_refused(raw: Any) -> None:
    with pytest.raises(InvalidInput):
        parse_locked(raw)


def test_what_a_later_version_wrote_is_passed_over() -> None:
    stored = {
        "values": {"clipboard": "images", "idle_minutes": 5, "microphone": "off"},
        "locked": ["microphone", "idle_minutes"],
        "more": 1,
    }
    assert Policy.from_json(stored) == Policy({"idle_minutes": 5}, frozenset({"idle_minutes"}))


def test_every_kind_of_pair_of_choices_is_ordered() -> None:
    for field in FIELDS.values():
        for one_value, other in itertools.product(field.value.choices, repeat=2):
            assert field.tighter(one_value, other) == field.tighter(other, one_value)
