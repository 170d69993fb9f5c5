"""Pacing: what never happens on any path. What it makes of simulated links: test_pacing_simulated.py."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.worker import pacing
from agents.worker.pacing import Pacing


def test_first_frame_may_leave_at_once():
    assert Pacing().may_send(100.0, urgent=False)


def test_full_window_waits_for_an_acknowledgement():
    p = Pacing()
    p.sent(1, pacing.FIRST_WINDOW_BYTES, 100.0)
    assert not p.may_send(100.5, urgent=False)
    p.sent(2, pacing.ECHO_RESERVE_BYTES, 100.5)
    assert not p.may_send(100.6, urgent=True), "the reserve for echoes is bounded, too"
    p.acknowledged(2, 100.6)
    assert p.may_send(100.6, urgent=False)


def test_small_echo_leaves_although_the_window_is_full():
    p = Pacing()
    for sequence in range(1, 17):
        p.sent(sequence, 1024, 100.0 + sequence / 100)
    assert p.in_flight == p.window
    assert not p.may_send(100.4, urgent=False)
    assert p.may_send(100.4, urgent=True)


def test_many_small_frames_are_bounded_in_number():
    p = Pacing()
    for sequence in range(1, pacing.MAXIMUM_FRAMES_IN_FLIGHT + 1):
        assert p.may_send(100.0 + sequence * 0.016, urgent=False)
        p.sent(sequence, 34, 100.0 + sequence * 0.016)
    assert not p.may_send(101.0, urgent=False)
    assert not p.may_send(101.0, urgent=True)


def test_stalled_client_gets_nothing_until_it_acknowledges():
    p = Pacing()
    p.sent(1, 34, 100.0)
    assert p.may_send(100.5, urgent=False)
    assert not p.may_send(101.5, urgent=True)
    p.acknowledged(1, 130.0)
    assert p.may_send(130.0, urgent=False)


def test_long_path_is_not_taken_for_a_stall():
    p = Pacing(round_trip=0.6)
    p.sent(1, 34, 100.0)
    p.acknowledged(1, 100.6)
    p.sent(2, 34, 100.7)
    assert p.may_send(102.9, urgent=False)
    assert not p.may_send(103.2, urgent=False)


def test_acknowledgement_is_cumulative_and_a_foreign_one_changes_nothing():
    p = Pacing()
    for sequence in (1, 2, 3):
        p.sent(sequence, 1000, 100.0)
    p.acknowledged(2, 100.1)
    assert p.in_flight == 1000
    p.acknowledged(1, 100.2)
    p.acknowledged(2, 100.2)
    assert p.in_flight == 1000
    p.acknowledged(2**32 - 1, 100.3)
    assert p.in_flight == 0
    p.acknowledged(2**32 - 1, 100.3)
    assert p.in_flight == 0


def test_window_falls_at_once_to_what_the_path_has_shown_to_carry():
    p = Pacing(round_trip=0.1)
    p.sent(1, 30_000, 100.0)
    p.acknowledged(1, 103.1)
    assert p.window == pacing.MINIMUM_WINDOW_BYTES
    p = Pacing(round_trip=0.1)
    p.sent(1, 30_000, 100.0)
    p.acknowledged(1, 100.3)
    assert p.window == pytest.approx(30_000 * 0.15 / 0.3, abs=1)


def test_what_was_under_way_when_the_view_was_hidden_measures_nothing():
    p = Pacing(round_trip=0.03)
    p.sent(1, 20_000, 100.0)
    p.interrupted()
    p.acknowledged(1, 500.0)
    assert p.window == pacing.FIRST_WINDOW_BYTES and p.queueing(500.0) == 0
    p.sent(2, 20_000, 500.0)
    p.acknowledged(2, 500.5)
    assert p.queueing(500.5) > 0.4


def test_time_to_draw_is_no_round_trip_unless_it_is_a_lie():
    p = Pacing()
    p.sent(1, 100, 100.0)
    p.acknowledged(1, 100.1, drawn_after=0.06)
    assert p.round_trip == pytest.approx(0.04)
    p.sent(2, 100, 100.2)
    p.acknowledged(2, 100.3, drawn_after=4000.0)
    assert p.round_trip == pytest.approx(0.1)


def test_nothing_is_known_of_a_queue_long_after_the_last_acknowledgement():
    p = Pacing(round_trip=0.01)
    p.sent(1, 1000, 100.0)
    p.acknowledged(1, 100.4)
    assert p.queueing(100.5) > 0.3
    assert p.queueing(102.0) == 0


def queue_seen(round_trips: list[float]) -> float:
    """The most, by frames of 100 bytes, 30 a second, on a path of 50 ms; the first second is not counted."""
    p = Pacing(round_trip=0.05)
    sent = [100 + number / 30 for number in range(120)]
    back = [(at + round_trips[number % len(round_trips)], number) for number, at in enumerate(sent)]
    seen = []
    for now, is_back, number in sorted(
        [(at, 0, n) for n, at in enumerate(sent)] + [(at, 1, n) for at, n in back]
    ):
        if is_back:
            p.acknowledged(number + 1, now)
            seen.append(p.queueing(now))
        else:
            p.sent(number + 1, 100, now)
    return max(seen[30:])


def test_delay_that_swings_beside_an_empty_window_is_no_queue_and_one_that_stays_is():
    # Neighbours are late together, as where order is kept: 60 to 120 ms.
    assert queue_seen([0.06, 0.075, 0.09, 0.105, 0.12, 0.105, 0.09, 0.075]) < 0.025
    assert queue_seen([0.12]) > 0.06


def test_a_letter_that_was_late_leaves_the_window_as_it_was():
    p = Pacing(round_trip=0.01)
    p.sent(1, 45, 100.0)
    p.acknowledged(1, 100.4)
    assert p.window > pacing.FIRST_WINDOW_BYTES - 45


@pytest.mark.parametrize(
    ("size", "least_window", "least_budget"),
    [
        (4096, pacing.MINIMUM_WINDOW_BYTES, pacing.LEAST_BUDGET_BYTES),
        (60_000, pacing.USUAL_LEAST_WINDOW_BYTES, pacing.USUAL_LEAST_WINDOW_BYTES),
    ],
)
def test_window_becomes_smallest_only_where_the_path_carries_little(size, least_window, least_budget):
    p = Pacing(round_trip=0.08)
    p.sent(1, size, 100.0)
    p.acknowledged(1, 100.6)
    for number in range(2, 5):
        p.sent(number, 1100, 100.0 + number / 2)
        p.acknowledged(number, 100.45 + number / 2)
    assert p.window == least_window
    assert p.budget_bytes == least_budget


def test_blocked_share_counts_what_was_due_and_wanted():
    p = Pacing()
    p.sent(1, pacing.FIRST_WINDOW_BYTES, 100.0)
    assert not p.may_send(100.1, urgent=False, is_wanted=False)
    assert p.blocked_share(100.3) == 0
    assert not p.may_send(100.3, urgent=False)
    assert p.blocked_share(100.4) == pytest.approx(0.2)
    p.acknowledged(1, 100.5)
    assert p.may_send(100.55, urgent=False)
    assert p.blocked_share(100.6) == pytest.approx(0.5)
    assert p.blocked_share(102.0) == 0


_STEPS = st.lists(
    st.tuples(
        st.sampled_from(["send", "urgent", "acknowledge", "future", "some", "hide"]),
        st.integers(1, 5 << 20),
        st.floats(0, 3),
        st.floats(0, 10),
    ),
    max_size=80,
)


@given(_STEPS)
def test_whatever_a_client_acknowledges_all_is_bounded_and_nothing_gets_stuck(steps):
    p, now, sequence = Pacing(), 0.0, 0
    for step, size, seconds, drawn in steps:
        now += seconds
        if step in ("send", "urgent"):
            if p.may_send(now, urgent=step == "urgent"):
                sequence += 1
                size = min(size, p.budget_bytes)
                p.sent(sequence, size, now)
                assert p.in_flight <= 2 * p.window + pacing.ECHO_RESERVE_BYTES
        elif step == "hide":
            p.interrupted()
        else:
            p.acknowledged(
                {"acknowledge": sequence, "future": sequence + 9, "some": sequence // 2}[step], now, drawn
            )
        assert pacing.MINIMUM_WINDOW_BYTES <= p.window <= pacing.MAXIMUM_WINDOW_BYTES
        assert pacing.LEAST_BUDGET_BYTES <= p.budget_bytes <= pacing.MAXIMUM_WINDOW_BYTES
        assert p.in_flight >= 0 and 0 <= p.blocked_share(now) <= 1 and p.queueing(now) >= 0
    p.acknowledged(sequence, now)
    assert p.in_flight == 0
    assert p.may_send(now, urgent=False)
