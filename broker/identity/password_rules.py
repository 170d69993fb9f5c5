"""Which password a person may choose (NIST SP 800-63B, 3.1.1.2). Pure.

At least 8 characters, as it is never the only factor; no rule about kinds of characters. Refused is what a
million guesses would find: common passwords, keyboard walks, repetitions (zxcvbn estimates that), and what
leans on the names of user, organisation or product.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from zxcvbn import zxcvbn

from portcullis.errors import InvalidInput

MINIMUM_CHARACTERS = 8
MINIMUM_GUESSES = 10**6
_JUDGED_CHARACTERS = 64  # the estimate takes time by the square of the length
_SHORTEST_NAME = 3
_PRODUCT = "portcullis"


def check_password(password: str, names: Sequence[str]) -> None:
    """`names` are those of the user and of the organisation. Takes up to 50 ms.

    Raises InvalidInput: password_short, password_guessable.
    """
    if len(password) < MINIMUM_CHARACTERS:
        expected = f"at least {MINIMUM_CHARACTERS} characters"
        raise InvalidInput("password", expected, code="password_short")
    if _leans_on_names(password, names) or _guesses(password, names) < MINIMUM_GUESSES:
        raise InvalidInput("password", "a password that is not easy to guess", code="password_guessable")


def _leans_on_names(password: str, names: Sequence[str]) -> bool:
    """Without the names too little is left to be a password."""
    rest = password.casefold()
    for name in sorted(_parts(names), key=len, reverse=True):
        rest = rest.replace(name, "")
    return rest != password.casefold() and len(rest) < MINIMUM_CHARACTERS


def _parts(names: Sequence[str]) -> set[str]:
    """`ann.lee@example.org` is also `ann`, `lee`, `example` and `org`."""
    found = {_PRODUCT}
    for name in names:
        found.update((name.casefold(), *re.split(r"[\W_]+", name.casefold())))
    return {part for part in found if len(part) >= _SHORTEST_NAME}


def _guesses(password: str, names: Sequence[str]) -> float:
    judged = password[:_JUDGED_CHARACTERS]
    return float(zxcvbn(judged, user_inputs=sorted(_parts(names)))["guesses"])
