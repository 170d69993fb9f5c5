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


def meaning_of(keysym: int) -> str | None:
    """`character_of`, or the character that not every program knows the keysym to stand for."""
    return "‰" if keysym == _PER_MILLE else character_of(keysym)


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


_PER_MILLE = 0xAD5
"""GTK and Chromium know no character for it; Unicode's own keysym for ‰ they know."""
# Signs, arrows, kana, jamo and what else no code page orders: the first keysym, and the characters from there on.
_RUNS: tuple[tuple[int, str], ...] = (
    (0x47E, "‾"),
    (0x4A1, "。「」、・ヲァィゥェォャュョッーアイウエオカキクケコサシスセソタチツテトナニヌネ"),
    (0x4C9, "ノハヒフヘホマミムメモヤユヨラリルレロワン゛゜"),
    (0x7AE, "΅―"),
    (0x8A1, "⎷┌─⌠⌡│⎡⎣⎤⎦⎛⎝⎞⎠⎨⎬"),
    (0x8BC, "≤≠≥∫∴∝∞\0\0∇\0\0∼≃\0\0\0⇔⇒≡"),
    (0x8D6, "√\0\0\0⊂⊃∩∪∧∨"),
    (0x8EF, "∂"),
    (0x8F6, "ƒ"),
    (0x8FB, "←↑→↓"),
    (0x9E0, "◆▒␉␌␍␊\0\0␤␋┘┐┌└┼⎺⎻─⎼⎽├┤┴┬│"),
    (0xAA1, "\u2003\u2002\u2004\u2005\u2007\u2008\u2009\u200a—–\0␣\0…‥⅓⅔⅕⅖⅗⅘⅙⅚℅\0\0‒⟨.⟩"),
    (0xAC3, "⅛⅜⅝⅞\0\0™☓\0◁▷○▯‘’“”℞‰′″\0✝\0▬◀▶●▮◦▫▭△▽☆•▪▲▼☜"),
    (0xAEB, "☞♣♦♥\0✠†‡✓✗♯♭♂♀☎⌕℗‸‚„"),
    (0xBA3, "<\0\0>\0∨∧"),
    (0xBC0, "¯\0⊤∩⌊\0_\0\0\0∘\0⎕\0⊥○\0\0\0⌈\0\0∪\0⊃\0⊂\0⊣"),
    (0xBFC, "⊢"),
    (0xCDF, "‗"),
    (0xDDE, "\u0e3e"),
    (0xEA1, "ㄱㄲㄳㄴㄵㄶㄷㄸㄹㄺㄻㄼㄽㄾㄿㅀㅁㅂㅃㅄㅅㅆㅇㅈㅉㅊㅋㅌㅍㅎㅏㅐㅑㅒㅓㅔㅕㅖㅗㅘ"),
    (
        0xEC9,
        "ㅙㅚㅛㅜㅝㅞㅟㅠㅡㅢㅣ\u11a8\u11a9\u11aa\u11ab\u11ac\u11ad\u11ae\u11af\u11b0\u11b1\u11b2\u11b3\u11b4\u11b5\u11b6\u11b7\u11b8\u11b9\u11ba\u11bb\u11bc\u11bd\u11be\u11bf\u11c0\u11c1\u11c2ㅭㅱ",
    ),
    (0xEF1, "ㅸㅿㆁㆄㆆㆍㆎ\u11eb\u11f0\u11f9"),
    (0xEFF, "₩"),
)


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
        (0xD00, "tis-620", 0xA1, 0xED),
        (0xD00, "tis-620", 0xF0, 0xF9),
    ):
        for byte in range(first, last + 1):
            character = bytes((byte,)).decode(encoding, errors="ignore")
            # A later set has no keysym for what an earlier one has.
            if character and character > "\xff" and character not in table.values():
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
    for first, characters in _RUNS:
        table.update((first + number, each) for number, each in enumerate(characters) if each != "\0")
    del table[_PER_MILLE]
    return table


_LEGACY_CHARACTERS = _legacy_characters()
