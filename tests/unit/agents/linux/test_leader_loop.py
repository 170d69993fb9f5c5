import os

import pytest

from agents.linux.leader import loop as leader_loop


class Time:
    def __init__(self):
        self.now = 100.0

    def monotonic(self):
        return self.now


@pytest.fixture
def time(monkeypatch):
    made = Time()
    monkeypatch.setattr(leader_loop, "time", made)
    return made


@pytest.fixture
def loop(monkeypatch):
    """Without the signal handlers that belong to a process of its own."""
    read_end, write_end = os.pipe()
    monkeypatch.setattr(leader_loop, "_signal_pipe", lambda: read_end)
    yield leader_loop.Loop()
    os.close(read_end)
    os.close(write_end)


def turn(loop, time, seconds):
    time.now += seconds
    loop.at("end of this turn", 0, lambda: None)
    loop.turn(lambda handle: handle())


def test_deadline_that_is_set_anew_starts_anew(loop, time):
    called = []
    loop.at("x", 1, lambda: called.append("first"))
    turn(loop, time, 0.9)
    loop.at("x", 1, lambda: called.append("second"))
    turn(loop, time, 0.9)
    assert called == []
    turn(loop, time, 0.2)
    assert called == ["second"]


def test_deadline_within_a_time_is_not_put_off_by_asking_again(loop, time):
    called = []
    for _ in range(10):
        loop.within("x", 1, lambda: called.append(time.now))
        turn(loop, time, 0.25)
        if called:
            break
    assert called == [101.0]


def test_deadline_within_a_shorter_time_takes_the_place_of_a_longer_one(loop, time):
    called = []
    loop.within("x", 3, lambda: called.append("long"))
    loop.within("x", 1, lambda: called.append("short"))
    turn(loop, time, 1)
    assert called == ["short"]


def test_cleared_deadline_is_never_called(loop, time):
    called = []
    loop.at("x", 1, lambda: called.append("x"))
    loop.clear("x")
    turn(loop, time, 2)
    assert called == []
