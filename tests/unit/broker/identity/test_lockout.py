"""The lockout rules, as tables and as properties of any history of guesses."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.identity import lockout
from broker.identity.lockout import Attempts

NOW = 1_700_000_000.0


@pytest.mark.parametrize(
    ("failures", "seconds"),
    [(0, 0), (4, 0), (5, 30), (6, 60), (7, 120), (8, 240), (9, 480), (10, 900), (11, 900), (10**6, 900)],
)
def test_the_delay_doubles_after_five_failures_up_to_its_longest(failures: int, seconds: float) -> None:
    assert lockout.delay_after(failures) == seconds


def test_five_guesses_pass_and_the_sixth_waits() -> None:
    attempts = Attempts()
    for _ in range(5):
        assert lockout.wait_seconds(attempts, NOW) == 0
        attempts = lockout.claimed(attempts, NOW)
    assert lockout.wait_seconds(attempts, NOW) == 30
    assert lockout.wait_seconds(attempts, NOW + 30) == 0


def test_a_quiet_hour_forgets_failures_but_never_the_last_step() -> None:
    attempts = Attempts(failures=9, blocked_until=NOW + 480, last_failure=NOW, last_step=77)
    later = lockout.claimed(attempts, NOW + 3601)
    assert (later.failures, later.blocked_until, later.last_step) == (1, 0, 77)


def test_a_clock_that_was_set_back_blocks_no_longer_than_the_longest_delay() -> None:
    attempts = Attempts(failures=5, blocked_until=NOW + 10**8)
    assert lockout.wait_seconds(attempts, NOW) == lockout.LONGEST_DELAY_SECONDS


def test_a_forgiven_guess_leaves_the_account_as_it_was() -> None:
    before = Attempts(failures=6, blocked_until=NOW - 1, last_failure=NOW - 100, last_step=5)
    claim = lockout.claimed(before, NOW)
    assert lockout.forgiven(claim, claim, before) == before


def test_forgiving_gives_back_one_guess_and_no_other_ones() -> None:
    first = lockout.claimed(Attempts(), NOW)
    second = lockout.claimed(first, NOW)
    assert lockout.forgiven(second, first, Attempts()).failures == 1


def test_a_complete_sign_in_clears_failures_and_keeps_the_newest_step() -> None:
    assert lockout.accepted(Attempts(failures=4, last_step=9), 8) == Attempts(last_step=9)
    assert lockout.accepted(Attempts(failures=4, last_step=9), 10) == Attempts(last_step=10)


@given(st.lists(st.floats(min_value=0, max_value=60), max_size=400))
def test_no_pace_of_guessing_gets_more_than_a_few_evaluated_an_hour(pauses: list[float]) -> None:
    attempts, now, evaluated = Attempts(), NOW, 0
    for pause in pauses:
        now += pause
        if now - NOW > 3600:
            break
        if not lockout.wait_seconds(attempts, now):
            attempts = lockout.claimed(attempts, now)
            evaluated += 1
    assert evaluated <= 13  # 5 free, then 30 s, 1, 2, 4, 8 minutes and 15 each


@given(
    st.builds(
        Attempts,
        failures=st.integers(0, 10**6),
        blocked_until=st.floats(0, 4e9),
        last_failure=st.floats(0, 4e9),
        last_step=st.integers(0, 10**9),
    )
)
def test_attempts_survive_their_record(attempts: Attempts) -> None:
    assert Attempts.from_json({**attempts.to_json(), "of a later version": 1}) == attempts


def test_wrong_codes_are_not_forgotten_by_a_quiet_hour_or_a_recovery_code() -> None:
    attempts = lockout.wrong_code(Attempts(failures=5, last_failure=NOW, last_step=7))
    later = lockout.claimed(attempts, NOW + 3601)
    assert (later.failures, later.wrong_codes) == (1, 1)
    assert lockout.accepted_in_place(later) == Attempts(last_step=7, wrong_codes=1)


def test_a_right_code_forgets_wrong_ones() -> None:
    assert lockout.accepted(Attempts(wrong_codes=99), 8) == Attempts(last_step=8)


@pytest.mark.parametrize(("wrong", "off"), [(0, False), (99, False), (100, True), (101, True)])
def test_a_hundred_wrong_codes_switch_the_factor_off(wrong: int, off: bool) -> None:
    assert Attempts(wrong_codes=wrong).factor_off is off
