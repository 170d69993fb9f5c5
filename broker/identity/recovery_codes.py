"""Recovery codes: what stands in for the verification code when the phone is gone. Pure.

Ten of 120 bit, so that a plain SHA-256 is enough to keep them by. They are written in groups that can be read
out; case, spaces and dashes do not count when they come back.
"""

from __future__ import annotations

import hashlib
import re
import secrets

COUNT = 10
ALPHABET = "abcdefghijkmnpqrstuvwxyz23456789"  # 32 signs, none that looks like another
_GROUPS, _GROUP_LENGTH = 4, 6
_CODE = re.compile(f"[{ALPHABET}]{{{_GROUPS * _GROUP_LENGTH}}}", re.ASCII)
_SEPARATORS = re.compile(r"[\s-]+", re.ASCII)


def new_codes() -> list[str]:
    return [
        "-".join("".join(secrets.choice(ALPHABET) for _ in range(_GROUP_LENGTH)) for _ in range(_GROUPS))
        for _ in range(COUNT)
    ]


def hash_of(code: str) -> str | None:
    """What is kept of a code; None for a text that can be none."""
    plain = _SEPARATORS.sub("", code).lower()
    return hashlib.sha256(plain.encode()).hexdigest() if _CODE.fullmatch(plain) else None
