"""Deadlines of leases."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from broker.grid.deadlines import Deadlines

instants = st.integers(0, 20).map(float)
steps = st.lists(
    st.tuples(st.just("set"), st.integers(1, 4), instants)
    | st.tuples(st.just("drop"), st.integers(1, 4), instants)
    | st.tuples(st.just("due"), st.just(0), instants),
    max_size=40,
)


def test_nothing_is_due_of_nothing() -> None:
    deadlines = Deadlines()
    assert deadlines.next() is None
    assert deadlines.due(1e9) == []


def test_the_earliest_comes_first() -> None:
    deadlines = Deadlines()
    for lease, deadline in ((1, 30.0), (2, 10.0), (3, 20.0)):
        deadlines.set(lease, deadline)
    assert deadlines.next() == 10.0
    assert deadlines.due(20.0) == [2, 3]
    assert deadlines.next() == 30.0


def test_a_lease_is_due_once() -> None:
    deadlines = Deadlines()
    deadlines.set(1, 10.0)
    assert (deadlines.due(10.0), deadlines.due(10.0)) == ([1], [])


def test_a_later_deadline_counts() -> None:
    deadlines = Deadlines()
    deadlines.set(1, 10.0)
    deadlines.set(1, 20.0)
    assert (deadlines.due(19.0), deadlines.due(20.0)) == ([], [1])


@given(steps)
def test_it_is_a_map_of_deadlines(program: list[tuple[str, int, float]]) -> None:
    deadlines, model = Deadlines(), {}
    for step, lease, instant in program:
        if step == "set":
            deadlines.set(lease, instant)
            model[lease] = instant
        elif step == "drop":
            deadlines.drop(lease)
            model.pop(lease, None)
        else:
            due = {lease for lease, deadline in model.items() if deadline <= instant}
            assert set(deadlines.due(instant)) == due
            model = {lease: deadline for lease, deadline in model.items() if lease not in due}
        assert deadlines.next() == min(model.values(), default=None)
