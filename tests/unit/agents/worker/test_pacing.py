"""Pacing: what the simulated links of streaming.md 5 must give, and what never happens."""

import heapq

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.worker import pacing
from agents.worker.pacing import Pacing


def test_first_frame_may_leave_at_once():
    assert Pacing().may_send_at(100.0, urgent=False) == 100.0


def test_frames_keep_their_distance_and_an_urgent_one_keeps_less():
    p = Pacing()
    p.sent(1, 1000, 100.0)
    p.acknowledged(1, 100.001)
    assert p.may_send_at(100.001, urgent=False) == pytest.approx(100.0 + 1 / 60)
    assert p.may_send_at(100.001, urgent=True) == pytest.approx(100.004)


def test_full_window_waits_for_an_acknowledgement():
    p = Pacing()
    p.sent(1, pacing.FIRST_WINDOW_BYTES, 100.0)
    assert p.may_send_at(105.0, urgent=True) is None
    p.acknowledged(1, 105.0)
    assert p.may_send_at(105.0, urgent=True) == 105.0


def test_many_small_frames_are_bounded_in_number():
    p = Pacing()
    for sequence in range(1, pacing.MAXIMUM_FRAMES_IN_FLIGHT + 1):
        assert p.may_send_at(100.0 + sequence * 0.02, urgent=False) is not None
        p.sent(sequence, 34, 100.0 + sequence * 0.02)
    assert p.may_send_at(100.7, urgent=False) is None


def test_stalled_client_gets_nothing_until_it_acknowledges():
    p = Pacing()
    p.sent(1, 34, 100.0)
    assert p.may_send_at(100.5, urgent=False) is not None
    assert p.may_send_at(101.5, urgent=False) is None
    p.acknowledged(1, 130.0)
    assert p.may_send_at(130.0, urgent=False) == 130.0


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


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 5 << 20), st.floats(0, 3)), max_size=60))
def test_window_and_budget_stay_within_their_bounds(steps):
    p, now, sequence = Pacing(), 0.0, 0
    for acknowledged, size, seconds in steps:
        now += seconds
        if p.may_send_at(now, urgent=False) is not None:
            sequence += 1
            p.sent(sequence, size, now)
        p.acknowledged(acknowledged, now)
        assert pacing.MINIMUM_WINDOW_BYTES <= p.window <= pacing.MAXIMUM_WINDOW_BYTES
        assert pacing.MINIMUM_WINDOW_BYTES <= p.budget_bytes <= pacing.MAXIMUM_WINDOW_BYTES
        assert p.in_flight >= 0


def simulate(rate_bytes, round_trip, seconds=30.0, wanted=200_000):
    """A deep first-in first-out link and content that always changes: ages of frames when drawn, and their number."""
    p, now, link_free, sequence = Pacing(), 0.0, 0.0, 0
    ages, arrivals = [], []
    while now < seconds:
        at = p.may_send_at(now, urgent=False)
        if at is not None and at <= now:
            sequence += 1
            size = min(wanted, p.budget_bytes)
            p.sent(sequence, size, now)
            link_free = max(now, link_free) + size / rate_bytes
            heapq.heappush(arrivals, (link_free + round_trip, sequence, link_free + round_trip / 2 - now))
            continue
        following = [time for time in (at, arrivals[0][0] if arrivals else None) if time is not None]
        now = max(now + 1e-6, min(following))
        while arrivals and arrivals[0][0] <= now:
            _, done, age = heapq.heappop(arrivals)
            ages.append(age)
            p.acknowledged(done, now)
    return sorted(ages), len(ages) / seconds


@pytest.mark.parametrize(
    ("megabits", "round_trip", "age_p95", "frames_per_second"),
    [
        (1000, 0.0005, 0.01, 55),
        (100, 0.002, 0.05, 40),
        (20, 0.2, 0.3, 8),
        (10, 0.03, 0.3, 6),
        (2, 0.08, 0.4, 2.5),
    ],
)
def test_frames_stay_young_and_keep_coming_on_any_link(megabits, round_trip, age_p95, frames_per_second):
    ages, rate = simulate(megabits * 125_000, round_trip)
    assert ages[int(len(ages) * 0.95)] < age_p95
    assert rate > frames_per_second
