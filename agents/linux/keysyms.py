"""Keysyms and characters: which stands for which, Unicode's and those that are older. Pure."""

from __future__ import annotations

import unicodedata

import xcffib.keysymdef as names

_UNICODE_KEYSYMS = 0x01000000


def character_of(keysym: int) -> str | None:
    """The character that a keysym stands for; None for dead keys, functions and the rest."""
    if 0x20 <= keysym <= 0x7E or 0xA0 <= keysym <= 0xFF:
        return chr(keysym)
    if _UNICODE_KEYSYMS + 0x100 <= keysym <= _UNICODE_KEYSYMS + 0x10FFFF:
        return chr(keysym - _UNICODE_KEYSYMS)
    return _LEGACY_CHARACTERS.get(keysym)


def keysym_of(character: str) -> int | None:
    """The keysym that gives this character on a lent key; None for a control character."""
    if character in _CONTROL_KEYSYMS:
        return _CONTROL_KEYSYMS[character]
    if unicodedata.category(character) in ("Cc", "Cs", "Cn"):
        return None
    point = ord(character)
    return point if point <= 0xFF else _UNICODE_KEYSYMS + point


_CONTROL_KEYSYMS = {
    "\n": names.XK_Return,
    "\r": names.XK_Return,
    "\t": names.XK_Tab,
    "\b": names.XK_BackSpace,
}


def _legacy_characters() -> dict[int, str]:
    """Keysyms older than Unicode follow the code pages of their time (X11/keysymdef.h)."""
    table: dict[int, str] = {names.XK_EuroSign: "€"}
    for base, encoding, first, last in (
        (0x100, "iso8859-2", 0xA1, 0xFF),
        (0x200, "iso8859-3", 0xA1, 0xFE),
        (0x300, "iso8859-4", 0xA2, 0xFE),
        (0x500, "iso8859-6", 0xAC, 0xF2),
        (0x600, "koi8-u", 0xC0, 0xFF),
        (0xC00, "iso8859-8", 0xE0, 0xFA),
        (0xD00, "tis-620", 0xA1, 0xFB),
    ):
        for byte in range(first, last + 1):
            character = bytes((byte,)).decode(encoding, errors="ignore")
            if character:
                table[base + byte] = character
    table.update(
        zip(
            (*range(0x6A1, 0x6B0), 0x6B0, *range(0x6B1, 0x6C0)),
            "ђѓёєѕіїјљњћќґўџ№ЂЃЁЄЅІЇЈЉЊЋЌҐЎЏ",
            strict=True,
        )
    )
    table.update(zip(range(0x7C1, 0x7DA), "ΑΒΓΔΕΖΗΘΙΚΛΜΝΞΟΠΡΣ\0ΤΥΦΧΨΩ", strict=True))
    table.update(zip(range(0x7E1, 0x7FA), "αβγδεζηθικλμνξοπρσςτυφχψω", strict=True))
    table.update(zip((*range(0x7A1, 0x7A6), 0x7A7, 0x7A8, 0x7A9, 0x7AB), "ΆΈΉΊΪΌΎΫΏ", strict=True))
    table.update(zip((*range(0x7B1, 0x7BC),), "άέήίϊΐόύϋΰώ", strict=True))
    table.update(zip(range(0x13BC, 0x13BF), "ŒœŸ", strict=True))
    del table[0x7D3]
    return table


_LEGACY_CHARACTERS = _legacy_characters()
