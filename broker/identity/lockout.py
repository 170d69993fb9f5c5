"""Lockout of one account: how many guesses may be evaluated, and how long to wait. Pure functions of
values.

A guess is counted *before* it is evaluated (`claimed`) and given back when it was right (`forgiven`,
`accepted`): guesses made at the same moment through several brokers cannot all slip under the limit. Five
are free; each one after that waits twice as long, from 30 s up to 15 minutes. Failures are forgotten after
a quiet hour.

Wrong verification codes after a right password are counted apart and not forgotten: six digits cannot bear
endless guessing. After 100 of them without a right one between, the codes are off until the factor is reset.
A stranger without the password cannot bring that about.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

FREE_FAILURES = 5
FIRST_DELAY_SECONDS = 30
LONGEST_DELAY_SECONDS = 15 * 60
FORGOTTEN_AFTER_SECONDS = 60 * 60
MAXIMUM_WRONG_CODES = 100
NOTICED_FAILURES = 10
"""In a row: more than anybody mistypes. The owner is told at the next sign-in."""


@dataclass(frozen=True, slots=True)
class Attempts:
    """What an account's record holds. `last_step` is the TOTP step that was accepted last."""

    failures: int = 0
    blocked_until: float = 0.0
    last_failure: float = 0.0
    last_step: int = 0
    wrong_codes: int = 0
    most_failures: int = 0
    """Of the rows of failures since the last sign-in; the present row stands in `failures`."""

    @property
    def tried(self) -> int:
        """How often in a row somebody failed at most, since the owner signed in."""
        return max(self.most_failures, self.failures)

    @property
    def factor_off(self) -> bool:
        return self.wrong_codes >= MAXIMUM_WRONG_CODES

    def to_json(self) -> dict[str, Any]:
        return {
            "failures": self.failures,
            "blocked_until": self.blocked_until,
            "last_failure": self.last_failure,
            "last_step": self.last_step,
            "wrong_codes": self.wrong_codes,
            "most_failures": self.most_failures,
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Attempts:
        return cls(**{name: data[name] for name in cls.__dataclass_fields__ if name in data})


def delay_after(failures: int) -> float:
    """Seconds to wait after so many failures."""
    if failures < FREE_FAILURES:
        return 0.0
    doublings = min(failures - FREE_FAILURES, 16)
    return float(min(FIRST_DELAY_SECONDS * 2**doublings, LONGEST_DELAY_SECONDS))


def wait_seconds(attempts: Attempts, now: float) -> float:
    """How long the account is still blocked; never longer than the longest delay, whatever the clock did."""
    return min(max(0.0, attempts.blocked_until - now), float(LONGEST_DELAY_SECONDS))


def claimed(attempts: Attempts, now: float) -> Attempts:
    """After one more guess was let through, as if it had failed already."""
    quiet = now - attempts.last_failure > FORGOTTEN_AFTER_SECONDS
    failures = 1 if quiet else attempts.failures + 1
    delay = delay_after(failures)
    return replace(
        attempts,
        failures=failures,
        blocked_until=now + delay if delay else 0.0,
        last_failure=now,
        most_failures=attempts.tried if quiet else attempts.most_failures,
    )


def forgiven(current: Attempts, claim: Attempts, before: Attempts) -> Attempts:
    """After the guess of `claim` turned out no failure (right password, code not asked for yet).

    It gives back this guess alone, never those of others: who knows the password must not get a fresh count
    of codes.
    """
    if current == claim:
        return before
    return replace(current, failures=max(0, current.failures - 1))


def accepted(attempts: Attempts, step: int) -> Attempts:
    """After a complete sign-in with the code of `step`."""
    return Attempts(last_step=max(step, attempts.last_step))


def accepted_in_place(attempts: Attempts) -> Attempts:
    """After a complete sign-in with a recovery code, which says nothing about the verification codes."""
    return Attempts(last_step=attempts.last_step, wrong_codes=attempts.wrong_codes)


def wrong_code(attempts: Attempts) -> Attempts:
    """After a wrong verification code for a right password; the guess itself is claimed already."""
    return replace(attempts, wrong_codes=attempts.wrong_codes + 1)
