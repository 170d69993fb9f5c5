"""As long as more than half of the clocks are right, every wrong one is found and no right one is."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.peers.clock_guard import FRESH_SECONDS, KEPT_SECONDS, ClockGuard
from broker.peers.clocks import Offset, consensus, told, verdicts
from portcullis.errors import Unavailable
from tests.support.clock import ManualClock

HOUR = 3600.0


class SetClock(ManualClock):
    def set_by(self, seconds: float) -> None:
        """The wall clock is set, and no time passes."""
        self._now += seconds


def hear(guard: ClockGuard, clock: SetClock, *apart: float, taking: float = 0.0) -> None:
    """A round: others are ahead of the true time (that of `clock` when it began) by so much."""
    asked_at, true = clock.monotonic(), 1_763_676_000.0 + clock.monotonic() - 1000.0
    clock.advance(taking)
    for number, seconds in enumerate(apart):
        guard.heard(f"10.0.0.{number}:8444", true + seconds, asked_at)
    guard.looked()


@given(
    honest=st.lists(st.tuples(st.floats(-2, 2), st.floats(0, 2)), min_size=2, max_size=6),
    lies=st.lists(st.tuples(st.floats(60, 1e6), st.sampled_from([-1, 1]), st.floats(0, 2)), max_size=5),
)
def test_with_most_clocks_right_every_wrong_one_is_found_and_no_right_one_is(
    honest: list[tuple[float, float]], lies: list[tuple[float, int, float]]
) -> None:
    """Each is known as well as its answer was quick."""
    lies = lies[: len(honest) - 1]
    offsets = {f"h{n}": Offset(at, at + trip) for n, (at, trip) in enumerate(honest)}
    offsets |= {f"l{n}": Offset(sign * by, sign * by + trip) for n, (by, sign, trip) in enumerate(lies)}
    found = {name: verdict for name, (verdict, _) in verdicts(offsets).items()}
    assert all(found[f"l{n}"] == "wrong" for n in range(len(lies)))
    assert all(found[f"h{n}"] != "wrong" for n in range(len(honest)))


def test_two_that_differ_are_both_suspect_and_go_on() -> None:
    clock = SetClock()
    guard = ClockGuard(clock)
    hear(guard, clock, HOUR)
    assert not guard.is_wrong and guard.now() == clock.now()
    assert {verdict for verdict, _ in guard.verdicts("me").values()} == {"unsure"}


def test_others_that_differ_from_each_other_accuse_nobody() -> None:
    assert consensus([Offset(-HOUR, -HOUR), Offset(HOUR, HOUR)], 3) is None


def test_half_of_the_brokers_is_no_majority() -> None:
    assert consensus([Offset(HOUR, HOUR), Offset(HOUR, HOUR), Offset(0, 0)], 4) is None


@pytest.mark.parametrize("by", [-86400, -HOUR, -31, 31, HOUR, 86400])
async def test_a_wrong_clock_is_noticed_as_soon_as_it_is_set_and_the_others_time_told(by: float) -> None:
    clock = SetClock()
    guard = ClockGuard(clock)
    hear(guard, clock, 0, 0)
    await guard.check()
    right = guard.now()
    clock.set_by(by)  # nobody is asked since
    with pytest.raises(Unavailable, match="clock_wrong"):
        await guard.check()
    assert guard.now() == right and guard.trouble() == f"the clock is {told(by)} the other brokers'"
    assert guard.verdicts("me")["me"] == ("wrong", by)
    clock.set_by(-by)
    await guard.check()
    assert guard.trouble() is None


def test_a_slow_answer_accuses_nobody_of_what_may_be_its_delay() -> None:
    clock = SetClock()
    guard = ClockGuard(clock)
    clock.set_by(29)
    hear(guard, clock, 0, 0, taking=2)
    assert not guard.is_wrong
    clock.set_by(4)
    assert guard.is_wrong


def test_brokers_of_a_version_that_does_not_say_its_time_have_no_voice() -> None:
    clock = SetClock()
    guard = ClockGuard(clock)
    clock.set_by(HOUR)
    guard.looked()
    assert not guard.is_wrong and guard.verdicts("me") == {"me": ("", 0.0)}


def test_what_the_others_agreed_on_holds_for_a_while_when_they_fall_silent() -> None:
    clock = SetClock()
    guard = ClockGuard(clock)
    hear(guard, clock, 0, 0)
    clock.set_by(-HOUR)
    clock.advance(FRESH_SECONDS)
    guard.looked()
    assert guard.is_wrong
    clock.advance(KEPT_SECONDS)
    guard.looked()
    assert not guard.is_wrong  # alone it is the only one that can serve


def test_others_that_agree_no_more_accuse_nobody_any_more() -> None:
    clock = SetClock()
    guard = ClockGuard(clock)
    hear(guard, clock, HOUR, HOUR)
    assert guard.is_wrong
    hear(guard, clock, 0, HOUR)
    assert not guard.is_wrong


def test_a_broker_that_came_back_has_one_voice() -> None:
    clock = SetClock()
    guard = ClockGuard(clock)
    for _ in range(2):
        guard.heard("10.0.0.1:8444", clock.now() + HOUR, clock.monotonic())
    guard.looked()
    assert not guard.is_wrong


def test_browsers_are_told_a_time_that_goes_back_only_for_a_majority() -> None:
    clock = SetClock()
    guard = ClockGuard(clock)
    clock.set_by(HOUR)
    before = guard.held.now()
    clock.set_by(-HOUR)
    assert guard.held.now() == before
    hear(guard, clock, 0, 0)
    assert guard.held.now() == clock.now() == before - HOUR


async def test_nothing_is_decided_before_the_others_were_asked() -> None:
    """The check of a broker that has just begun waits for the first round."""

    clock = SetClock()
    guard = ClockGuard(clock)
    clock.set_by(-HOUR)
    checking = asyncio.ensure_future(guard.check())
    await asyncio.sleep(0)
    assert not checking.done()
    hear(guard, clock, 0, 0)
    with pytest.raises(Unavailable, match="clock_wrong"):
        await checking


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (40, "40 s ahead of"),
        (-40, "40 s behind"),
        (3600, "60 min ahead of"),
        (-86400, "24 h behind"),
        (1e6, "12 days ahead of"),
    ],
)
def test_offsets_read_as_people_say_them(seconds: float, words: str) -> None:
    assert told(seconds) == words
