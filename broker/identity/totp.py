"""Time-based codes (RFC 6238: SHA-1, 6 digits, 30 s). Pure: the accepted step is kept by the caller.

pyotp does the arithmetic alone: it accepts a code twice, and digits of any script. What a code must be, how
far clocks may differ and that a step counts once is decided here.
"""

from __future__ import annotations

import hmac
import re

import pyotp

STEP_SECONDS = 30
TOLERATED_STEPS = 1
_SECRET_BASE32_LENGTH = 32  # 160 bit
_CODE = re.compile(r"[0-9]{6}", re.ASCII)


def new_secret() -> str:
    return pyotp.random_base32(_SECRET_BASE32_LENGTH)


def step_at(now: float) -> int:
    return int(now // STEP_SECONDS)


def code_at(secret: str, step: int) -> str:
    return str(pyotp.TOTP(secret).generate_otp(step))


def accepted_step(secret: str, code: str, now: float, last_step: int) -> int | None:
    """The step whose code this is, or None.

    Accepted is a code of exactly six ASCII digits, of the current step or one beside it, whose step is
    later than `last_step`, the one accepted last.
    """
    if not _CODE.fullmatch(code):
        return None
    current = step_at(now)
    found: int | None = None
    for step in range(max(0, current - TOLERATED_STEPS), current + TOLERATED_STEPS + 1):
        if hmac.compare_digest(code_at(secret, step), code) and step > last_step:
            found = step
    return found


def consecutive_step(secret: str, first: str, second: str, now: float) -> int | None:
    """The step of `second`, if these are the codes of two steps in turn, typed just now; else None.

    Whoever types the second at the very end of its time had the first accepted almost two steps ago.
    """
    if not _CODE.fullmatch(first) or not _CODE.fullmatch(second):
        return None
    current = step_at(now)
    for step in range(max(1, current - TOLERATED_STEPS), current + TOLERATED_STEPS + 1):
        matches = hmac.compare_digest(code_at(secret, step - 1), first)
        if hmac.compare_digest(code_at(secret, step), second) and matches:
            return step
    return None


def has_shape(code: str) -> bool:
    return _CODE.fullmatch(code) is not None


def provisioning_uri(secret: str, user_name: str, issuer: str) -> str:
    """`otpauth://…`, as authenticator applications scan it."""
    return str(pyotp.TOTP(secret).provisioning_uri(name=user_name, issuer_name=issuer))
