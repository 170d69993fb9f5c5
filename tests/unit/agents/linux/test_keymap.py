"""Where characters lie in a layout, and how spare keys are lent."""

import pytest

from agents.linux.keymap import (
    NAMED,
    PHYSICAL,
    Layout,
    Place,
    SpareKeys,
    character_of,
    keysym_of,
    shortcut_letter,
)
from portcullis.protocol.messages import ALT_GRAPH, SHIFT

ROWS = {
    10: (0x31, 0x21, 0, 0, 0xB9, 0xA1),  # 1 ! ¹ ¡
    24: (0x71, 0x51, 0, 0, 0x40, 0x7D9),  # q Q @ Ω
    38: (0x61, 0x41),
    50: (0xFFE1,),
    62: (0xFFE2,),
    79: (0xFF95, 0xFFB7),  # KP_Home KP_7
    86: (0xFFAB, 0xFFAB),  # KP_Add
    92: (0xFE03,),  # ISO_Level3_Shift
    36: (0xFF0D,),
    49: (0xFE52, 0xB0),  # dead_circumflex °
    160: (0x1008FF11,),  # AudioLowerVolume, which has a name
    190: (0x1008FF41,),  # Launch1, which has none
}
LAYOUT = Layout(8, [ROWS.get(keycode, ()) for keycode in range(8, 256)])


@pytest.mark.parametrize(
    ("character", "place"),
    [
        ("a", Place(38, False, False)),
        ("A", Place(38, True, False)),
        ("@", Place(24, False, True)),
        ("Ω", Place(24, True, True)),
        ("°", Place(49, True, False)),
    ],
)
def test_character_lies_where_the_layout_has_it(character, place):
    assert LAYOUT.places(character) == [place]


def test_dead_keys_and_the_keypad_give_no_character_of_their_own():
    assert LAYOUT.places("^") == []
    assert LAYOUT.places("7") == []


def test_alt_graph_levels_are_out_of_reach_without_its_key():
    rows = [() if keycode == 92 else ROWS.get(keycode, ()) for keycode in range(8, 256)]
    assert Layout(8, rows).places("@") == []


def test_caps_lock_changes_letters_alone():
    assert LAYOUT.is_alphabetic(38)
    assert not LAYOUT.is_alphabetic(10)
    assert not LAYOUT.is_alphabetic(49)


def test_named_key_is_the_physical_one_where_that_has_the_meaning():
    assert LAYOUT.keycode(NAMED["Enter"], "Enter") == 36
    assert LAYOUT.keycode(NAMED["Enter"], "NumpadEnter") == 36
    assert LAYOUT.keycode(NAMED["Home"], "Home") is None


def test_right_modifier_is_used_where_there_is_one():
    assert LAYOUT.modifier(SHIFT, "ShiftRight") == 62
    assert LAYOUT.modifier(SHIFT, "ShiftLeft") == 50
    assert LAYOUT.modifier(SHIFT) == 50
    assert LAYOUT.modifier(ALT_GRAPH, "AltRight") == 92


@pytest.mark.parametrize(
    ("code", "text", "key"),
    [
        ("Numpad7", "7", (79, True)),
        ("Numpad7", "Home", (79, False)),
        ("NumpadAdd", "+", (86, None)),
        ("NumpadAdd", "-", None),
        ("Digit7", "7", None),
        ("NumpadNonsense", "7", None),
    ],
)
def test_keypad_key_is_found_with_its_level(code, text, key):
    assert LAYOUT.keypad(code, text) == key


def test_spare_keys_are_neither_physical_nor_named():
    spare = LAYOUT.spare_keycodes
    assert 190 in spare
    assert 160 not in spare
    assert not set(spare) & set(PHYSICAL.values())
    assert spare.index(190) == len(spare) - 1


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


@pytest.mark.parametrize(
    ("text", "code", "letter"),
    [
        ("с", "KeyC", "c"),
        ("C", "KeyC", "c"),
        ("q", "KeyA", "q"),
        ("ö", "Semicolon", "ö"),
        ("!", "Digit1", "!"),
    ],
)
def test_shortcut_means_the_letter_that_applications_know(text, code, letter):
    assert shortcut_letter(text, code) == letter


def test_lent_key_is_kept_for_its_character():
    spares = SpareKeys([200, 201])
    assert spares.lent(1, 0.0) is None
    keycode = spares.lend(1, 0.0, held=())
    assert spares.lent(1, 1.0) == keycode


def test_longest_unused_key_is_lent_anew_and_a_held_one_never():
    spares = SpareKeys([200, 201, 202])
    keycodes = [spares.lend(keysym, float(keysym), held=()) for keysym in (1, 2, 3)]
    spares.lent(1, 4.0)
    assert spares.lend(4, 10.0, held=(keycodes[1],)) == keycodes[2]
    assert spares.lent(3, 10.0) is None
    assert spares.lend(5, 10.0, held=keycodes) is None


def test_key_that_was_just_used_has_to_settle_first():
    spares = SpareKeys([200])
    assert spares.wait_seconds(0.0, held=()) == 0
    spares.lend(1, 0.0, held=())
    assert spares.wait_seconds(0.1, held=()) == pytest.approx(0.4)
    assert spares.wait_seconds(0.6, held=()) == 0
    assert spares.wait_seconds(0.6, held=(200,)) > 0
