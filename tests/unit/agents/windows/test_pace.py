"""How often the screen is looked at."""

import math

from agents.windows.pace import Pace


def looks(pace, cost, until, changes=lambda now: False, started=0.0):
    """The times of the looks."""
    now, times = started, []
    while (now := max(now, pace.due_at(now))) < until:
        times.append(now)
        pace.looked(now, now + cost, changes(now))
        now += cost
    return times


def test_idle_screen_costs_a_twentieth_of_a_processor_at_most():
    pace = Pace()
    looks(pace, 0.01, 5.0)
    assert len(looks(pace, 0.01, 15.0, started=5.0)) * 0.01 <= 0.5 + 0.01


def test_expensive_screen_is_still_looked_at_each_second():
    pace = Pace()
    looks(pace, 0.5, 20.0)
    assert len(looks(pace, 0.5, 30.0, started=20.0)) >= 9


def test_cheap_looks_are_soon_enough_for_a_film_that_begins():
    pace = Pace()
    looks(pace, 0.0001, 5.0)
    assert pace.due_at(5.0) <= 5.05


def test_changing_screen_is_looked_at_as_often_as_frames_are_shown():
    pace = Pace()
    now = 0.0
    count = 0
    while now < 1.0:
        pace.looked(now, now + 0.005, True)
        pace.taken()
        count += 1
        now = pace.due_at(now)
    assert 55 <= count <= 61


def test_change_after_a_long_rest_is_followed_at_once():
    pace = Pace()
    looks(pace, 0.01, 10.0)
    pace.hinted()
    assert pace.due_at(10.0) <= 10.02


def test_answer_to_input_is_awaited_in_short_steps():
    pace = Pace()
    looks(pace, 0.002, 10.0)
    pace.hurried(10.0)
    assert len(looks(pace, 0.002, 10.1, started=10.0)) >= 20


def test_nothing_is_looked_at_while_nobody_takes_what_was_found():
    pace = Pace()
    times = looks(pace, 0.005, 100.0, lambda now: True)
    assert times[-1] <= 0.6
    assert pace.is_asleep(50.0)
    assert pace.due_at(50.0) == math.inf
    pace.taken()
    assert pace.due_at(50.0) <= 50.0
