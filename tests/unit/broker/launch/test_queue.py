"""The line in front of a host: the oldest fill the limit, the others have positions, and nobody is passed over."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.launch.queue import in_line, position_of_next, positions

sessions = st.lists(st.integers(0, 10**6).map(lambda n: f"{n:016x}"), max_size=20, unique=True)


def test_the_oldest_fill_the_limit_and_the_others_wait_in_their_order() -> None:
    assert positions(["a", "b", "c", "d"], 1, 3) == {"c": 1, "d": 2}


def test_a_host_over_its_limit_orders_nothing() -> None:
    assert positions(["a", "b"], 5, 3) == {"a": 1, "b": 2}


@given(sessions, st.integers(0, 10), st.integers(1, 10))
def test_never_more_than_the_limit_are_on_their_way_and_no_place_stays_empty(
    unaccepted: list[str], starting: int, limit: int
) -> None:
    waiting = positions(unaccepted, starting, limit)
    ordered = len(unaccepted) - len(waiting)
    assert starting + ordered <= max(limit, starting)
    assert not waiting or starting + ordered >= limit
    assert list(waiting) == unaccepted[ordered:]
    assert list(waiting.values()) == list(range(1, len(waiting) + 1))


@given(sessions, st.integers(0, 10), st.integers(1, 10))
def test_one_that_is_accepted_takes_no_place_from_the_others_and_one_that_is_ready_gives_its_own(
    unaccepted: list[str], starting: int, limit: int
) -> None:
    waiting = positions(unaccepted, starting, limit)
    if len(waiting) < len(unaccepted):
        assert positions(unaccepted[1:], starting + 1, limit) == waiting
    if waiting and 0 < starting <= limit:
        moved = positions(unaccepted, starting - 1, limit)
        assert moved == {one: position - 1 for one, position in waiting.items() if position > 1}


@given(st.integers(0, 20), st.integers(0, 10), st.integers(1, 10))
def test_who_joins_stands_where_the_line_says(unaccepted: int, starting: int, limit: int) -> None:
    line = [*map(str, range(unaccepted)), "new"]
    assert position_of_next(starting + unaccepted, limit) == positions(line, starting, limit).get("new") or (
        starting > limit
    )


@pytest.mark.parametrize(
    ("position", "text"),
    [
        (1, "1st"),
        (2, "2nd"),
        (3, "3rd"),
        (4, "4th"),
        (11, "11th"),
        (12, "12th"),
        (13, "13th"),
        (22, "22nd"),
        (111, "111th"),
    ],
)
def test_positions_read_as_people_say_them(position: int, text: str) -> None:
    assert in_line(position) == f"{text} in line"
