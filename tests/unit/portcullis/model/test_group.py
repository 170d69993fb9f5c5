"""Groups inside groups."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from portcullis.model.group import Group, containers, cycle_through, group_key, with_containers

NAMES = st.sampled_from("abcdef")
GROUPS = st.dictionaries(NAMES, st.frozensets(NAMES), max_size=6).map(
    lambda found: {name: Group(name, groups=inner) for name, inner in found.items()}
)


def test_members_of_an_inner_group_are_in_the_outer_ones() -> None:
    groups = [
        Group("office", groups=frozenset({"staff"})),
        Group("building", groups=frozenset({"office", "guests"})),
    ]
    containing = containers(groups)
    assert with_containers(frozenset({"staff"}), containing) == {"staff", "office", "building"}
    assert with_containers(frozenset({"guests"}), containing) == {"guests", "building"}
    assert with_containers(frozenset({"building"}), containing) == {"building"}
    assert with_containers(frozenset(), containing) == frozenset()


def test_groups_that_differ_in_case_are_two_groups() -> None:
    containing = containers([Group("office", groups=frozenset({"Staff"}))])
    assert with_containers(frozenset({"staff"}), containing) == {"staff"}
    assert group_key("staff") != group_key("Staff")


def test_the_way_around_is_told() -> None:
    others = {"b": Group("b", groups=frozenset({"c"})), "c": Group("c", groups=frozenset({"a"}))}
    assert cycle_through(Group("a", groups=frozenset({"b"})), others) == ["a", "b", "c", "a"]
    assert cycle_through(Group("a", groups=frozenset({"a"})), {}) == ["a", "a"]
    assert cycle_through(Group("a", groups=frozenset({"d"})), others) is None


def test_a_cycle_among_others_is_no_cycle_through_this_one() -> None:
    others = {"b": Group("b", groups=frozenset({"c"})), "c": Group("c", groups=frozenset({"b"}))}
    assert cycle_through(Group("a", groups=frozenset({"b"})), others) is None


@given(GROUPS, st.frozensets(NAMES))
def test_containers_end_and_hold_whatever_contains_them(
    groups: dict[str, Group], own: frozenset[str]
) -> None:
    """Also where groups contain each other: the grid may hold a cycle that two wrote at once."""
    found = with_containers(own, containers(groups.values()))
    assert own <= found
    for group in groups.values():
        if group.groups & found:
            assert group.name in found
    assert found <= own | groups.keys()


@given(GROUPS, NAMES, st.frozensets(NAMES))
def test_a_cycle_is_found_exactly_where_a_group_would_reach_itself(
    groups: dict[str, Group], name: str, inner: frozenset[str]
) -> None:
    changed = Group(name, groups=inner)
    whole = {**groups, name: changed}
    reached, ahead = set(inner), list(inner)
    while ahead:
        for below in whole.get(ahead.pop(), Group("")).groups - reached:
            reached.add(below)
            ahead.append(below)
    way = cycle_through(changed, groups)
    assert (way is not None) == (name in reached)
    if way is not None:
        assert way[0] == way[-1] == name
        assert all(after in whole[before].groups for before, after in itertools.pairwise(way))


def test_a_group_reads_as_it_was_written() -> None:
    group = Group("staff", "Everybody", frozenset({"a", "b"}))
    assert Group.from_json(group.to_json()) == group
    assert Group.from_json({"name": "old"}) == Group("old")
