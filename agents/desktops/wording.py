"""What the helper says on somebody's screen. Pure.

Names are of people who may choose them: they are shown without what could forge a line or turn its direction.
"""

from __future__ import annotations

import itertools
import unicodedata
from dataclasses import dataclass

_HIDDEN = ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")
_LONGEST_NAME, _LONGEST_IN_SIGN = 64, 24
"""In letters of a usual width. A sign has one line: what the person can do must not be pushed out of it."""


@dataclass(frozen=True, slots=True)
class Question:
    title: str
    text: str
    allow: str = "Allow"
    refuse: str = "Refuse"

    def counting(self, seconds: int) -> str:
        return f"Refused in {seconds} s"


def question(user: str, application: str, site: str, *, view_only: bool) -> Question:
    """`site`: the tenant that they are of, empty where there is no name for it."""
    name = shown(user)
    does = "see" if view_only else "see and use"
    of = f" of {shown(site)}" if site else ""
    more = (
        "They will see all that is on it."
        if view_only
        else "They will see all that is on it, type and click. You can end it at any time."
    )
    return Question(
        f"{name} asks for your screen",
        f"{name}{of} wants to {does} this screen ({shown(application)}). {more}",
    )


def sign(user: str, *, view_only: bool) -> str:
    name = shown(user, _LONGEST_IN_SIGN)
    return f"{name} can see this screen" if view_only else f"{name} can see and use this screen"


END = "End"


def shown(name: str, longest: int = _LONGEST_NAME) -> str:
    kept = "".join(each for each in name if unicodedata.category(each) not in _HIDDEN)
    plain = " ".join(kept.split()) or "Somebody"
    if sum(map(_columns, plain)) <= longest:
        return plain
    ends = itertools.accumulate(map(_columns, plain))
    return "".join(each for each, end in zip(plain, ends, strict=True) if end < longest) + "…"


def _columns(character: str) -> int:
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
