"""Claiming a guess in the grid before it is evaluated: the thin shell around `lockout`."""

from __future__ import annotations

from dataclasses import dataclass

from broker.grid.scopes import Record
from broker.identity import lockout
from broker.identity.lockout import Attempts
from broker.repositories.attempts import AttemptLedger
from portcullis.clock import Clock
from portcullis.errors import Refused, Unavailable

_TRIES = 20  # of a transaction that others outran


@dataclass(frozen=True, slots=True)
class Claim:
    """One guess that may be evaluated; already counted as failed."""

    ledger: AttemptLedger
    before: Attempts
    counted: Attempts


def attempts_of(record: Record | None) -> Attempts:
    return Attempts.from_json(record.value) if record else Attempts()


async def claim(ledger: AttemptLedger, clock: Clock) -> Claim:
    """Raises Refused("sign_in_blocked") with `retry_after_seconds`."""
    async with ledger.turn:
        for _ in range(_TRIES):
            record = await ledger.read()
            before = attempts_of(record)
            now = clock.now()
            if wait := lockout.wait_seconds(before, now):
                raise blocked(wait)
            counted = lockout.claimed(before, now)
            if await ledger.replace(record, counted.to_json()):
                return Claim(ledger, before, counted)
    raise Unavailable()


async def forgive(given: Claim) -> None:
    """Give the guess back: it was none."""
    async with given.ledger.turn:
        for _ in range(_TRIES):
            record = await given.ledger.read()
            current = attempts_of(record)
            forgiven = lockout.forgiven(current, given.counted, given.before)
            if await given.ledger.replace(record, forgiven.to_json()):
                return
    raise Unavailable()


def blocked(wait_seconds: float) -> Refused:
    return Refused("sign_in_blocked", retry_after_seconds=max(1, round(wait_seconds)))
