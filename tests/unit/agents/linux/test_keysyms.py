"""Which keysym stands for which character."""

import pytest

from agents.linux.keysyms import character_of, keysym_of
from tests.support.xkb import keysym_to_utf32


@pytest.mark.parametrize(
    ("keysym", "character"),
    [(0x61, "a"), (0xDF, "ß"), (0x20AC, "€"), (0x6C1, "а"), (0x6A3, "ё"), (0x7F3, "ς"), (0x1B1, "ą"), (0x1006F22, "漢"),
     (0x101F600, "😀"), (0xFE52, None), (0xFF0D, None), (0, None), (0x1008FF11, None)],
)  # fmt: skip
def test_keysym_s_character(keysym, character):
    assert character_of(keysym) == character


@pytest.mark.parametrize(
    ("character", "keysym"),
    [
        ("a", 0x61),
        ("é", 0xE9),
        ("漢", 0x1006F22),
        ("\n", 0xFF0D),
        ("\t", 0xFF09),
        ("\x00", None),
        ("\x1b", None),
    ],
)
def test_character_s_keysym(character, keysym):
    assert keysym_of(character) == keysym


def test_every_keysym_of_a_character_is_known_as_libxkbcommon_knows_it():
    wrong = {}
    for keysym in range(0x100, 0xFE00):
        point = keysym_to_utf32(keysym)
        if character_of(keysym) != (chr(point) if point >= 0x20 else None):
            wrong[hex(keysym)] = character_of(keysym), chr(point)
    assert wrong == {"0xad5": (None, "‰")}  # GTK knows none for it
