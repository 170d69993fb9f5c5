"""The second factor at sign-in: a verification code, or a recovery code in its place.

It is examined on the account's attempts as they are, and what comes out is written together with them: of two
brokers that see the same code, one wins, and none evaluates more verification codes than the lockout allows.
"""

from __future__ import annotations

from dataclasses import dataclass

from broker.grid.scopes import Condition, Scope, SealedOperation
from broker.identity import lockout, recovery_codes, totp
from broker.identity.lockout import Attempts
from broker.repositories.recovery_codes import code_use
from portcullis.errors import Refused
from portcullis.model.user import User


@dataclass(frozen=True, slots=True)
class Proof:
    """A right code. `attempts` is what the account's record holds once it is accepted."""

    attempts: Attempts
    operations: tuple[SealedOperation, ...] = ()
    conditions: tuple[Condition, ...] = ()
    recovery_codes_left: int | None = None


@dataclass(frozen=True, slots=True)
class WrongCode:
    """`attempts` is to be written before anybody hears of it; None: there is nothing to write."""

    attempts: Attempts | None = None


async def examine(store: Scope, user: User, code: str, attempts: Attempts, now: float) -> Proof | WrongCode:
    """Raises Refused("factor_off") for a verification code after too many wrong ones; GridUnavailable."""
    if totp.has_shape(code):
        return _examine_totp(user, code, attempts, now)
    code_hash = recovery_codes.hash_of(code)
    use = code_hash and await code_use(store, user.id, code_hash)
    if not use:
        return WrongCode()
    operations, condition, left = use
    return Proof(lockout.accepted_in_place(attempts), operations, (condition,), left)


def _examine_totp(user: User, code: str, attempts: Attempts, now: float) -> Proof | WrongCode:
    if attempts.factor_off:
        raise Refused("factor_off")
    step = totp.accepted_step(user.totp_secret, code, now, attempts.last_step) if user.totp_secret else None
    if step is None:
        return WrongCode(lockout.wrong_code(attempts))
    return Proof(lockout.accepted(attempts, step))
