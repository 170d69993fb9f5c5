"""Which keyboard layouts a display has: the user's, and beside one of another script a Latin one. Pure.

Both are groups of one map, so that neither Latin letters and shortcuts nor the user's own script need lent keys, each
of which makes every application read the map anew.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_NAME = re.compile(r"([a-z]{2,12})(?:\(([A-Za-z0-9_-]{1,32})\))?")
LATIN = "us"
# Layouts of other scripts, and the languages whose people use them beside a Latin one.
_OTHERS = {
    "af": "fa-AF", "am": "hy", "ara": "ar", "bd": "bn", "bg": "bg", "bt": "dz", "by": "be", "et": "am", "ge": "ka",
    "gr": "el", "il": "he", "in": "hi", "iq": "ar-IQ", "ir": "fa", "kg": "ky", "kh": "km", "kz": "kk", "la": "lo",
    "lk": "si", "ma": "ar-MA", "mk": "mk", "mm": "my", "mn": "mn", "mv": "dv", "np": "ne", "pk": "ur", "rs": "sr",
    "ru": "ru", "sy": "ar-SY", "th": "th", "tj": "tg", "ua": "uk",
}  # fmt: skip
_OF_LANGUAGE = {language: layout for layout, language in _OTHERS.items()}


@dataclass(frozen=True, slots=True)
class Named:
    layout: str
    variant: str = ""

    def __str__(self) -> str:
        return f"{self.layout}({self.variant})" if self.variant else self.layout


def parse(name: str) -> Named | None:
    match = _NAME.fullmatch(name)
    return None if match is None else Named(match[1], match[2] or "")


def groups_of(layout: Named, locale: str) -> tuple[Named, ...]:
    """The user's layout first."""
    if layout.layout in _OTHERS and not layout.variant.startswith("latin"):
        return layout, Named(LATIN)
    language = locale.replace("_", "-")
    other = _OF_LANGUAGE.get(language) or _OF_LANGUAGE.get(language.split("-")[0])
    return (layout,) if other is None else (layout, Named(other))


def attempts(name: str, locale: str) -> list[tuple[Named, ...]]:
    """Maps to try in turn: an older host may lack a variant, or the whole layout."""
    named = parse(name)
    if named is None:
        return [(Named(LATIN),)]
    wanted = groups_of(named, locale), groups_of(Named(named.layout), locale), (Named(LATIN),)
    return list(dict.fromkeys(wanted))
