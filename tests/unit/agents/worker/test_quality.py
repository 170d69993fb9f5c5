"""Quality: what is given up, in which order, and that it comes back."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from agents.worker.quality import LEAST, Effort, Quality


def walk(quality, start, seconds, blocked, queueing):
    """The efforts of the steps."""
    found = []
    for tenth in range(1, round(seconds * 10) + 1):
        quality.update(start + tenth / 10, blocked, queueing)
        found.append(quality.effort)
    return found


def test_free_path_keeps_everything():
    quality = Quality()
    assert walk(quality, 0, 5, 0, 0)[-1] == Effort(True, 1.0, 60)


def test_what_is_given_up_comes_in_the_order_in_which_it_is_missed_least():
    efforts = walk(Quality(), 0, 10, 0.5, 0)
    first = {
        "refinement": next(i for i, e in enumerate(efforts) if not e.refines),
        "sharpness": next(i for i, e in enumerate(efforts) if e.video_quality < 0.9),
        "rate": next(i for i, e in enumerate(efforts) if e.frames_per_second < 60),
    }
    assert sorted(first, key=first.get) == ["refinement", "sharpness", "rate"]
    assert efforts[-1] == Effort(False, 0.0, 12)
    assert all(one.video_quality >= other.video_quality for one, other in itertools.pairwise(efforts))


def test_everything_comes_back_within_seconds_once_the_path_is_clear():
    quality = Quality()
    walk(quality, 0, 10, 1.0, 0.5)
    assert walk(quality, 10, 12, 0, 0)[-1] == Effort(True, 1.0, 60)


def test_much_too_much_is_given_up_faster():
    gently, hard = Quality(), Quality()
    walk(gently, 0, 1, 0.3, 0)
    walk(hard, 0, 1, 0.9, 0)
    assert hard.level < gently.level / 2


def test_next_step_down_waits_until_the_last_one_can_show():
    quality = Quality()
    for tenth in range(11):
        quality.update(tenth / 10, 0.5, 0.2, round_trip=0.6)
    assert quality.level == 0.7 * 0.7


def test_level_that_was_too_much_is_approached_in_small_steps():
    quality = Quality()
    walk(quality, 0, 1, 0.5, 0)
    low = quality.level
    walk(quality, 1, 1, 0, 0.02)
    slow = quality.level / low
    other = Quality()
    walk(other, 0, 4, 0.9, 0)
    low = other.level
    other._limit = 1.0  # known to be far away
    walk(other, 4, 1, 0, 0.02)
    assert 1 < slow < 1.1 < other.level / low


def test_idle_time_counts_as_free():
    quality = Quality()
    walk(quality, 0, 5, 0.9, 0.3)
    quality.update(60, 0, 0)
    assert quality.level == 1.0


@given(
    st.lists(st.tuples(st.floats(0, 2), st.floats(0, 1), st.floats(0, 100), st.floats(0, 100)), max_size=200)
)
def test_level_and_effort_stay_within_bounds_and_always_recover(steps):
    quality, now = Quality(), 0.0
    for seconds, blocked, queueing, round_trip in steps:
        now += seconds
        assert LEAST <= quality.update(now, blocked, queueing, round_trip) <= 1
        effort = quality.effort
        assert 0 <= effort.video_quality <= 1 and effort.frames_per_second in (60, 30, 20, 12)
    walk(quality, now, 15, 0, 0)
    assert quality.level == 1.0
