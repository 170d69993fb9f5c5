"""Where characters lie in a map of keys, groups and levels."""

import pytest

from agents.linux.keymap import NAMED, PHYSICAL
from agents.linux.layout import LEVEL_FIVE, Group, KeyType, Layout, Place
from portcullis.protocol.messages import ALT_GRAPH, CAPS_LOCK, NUM_LOCK, SHIFT

_SHIFT, _LOCK, _NUM, _LEVEL3, _LEVEL5 = 1, 2, 0x10, 0x80, 0x20
ONE_LEVEL = KeyType(0, {})
TWO_LEVEL = KeyType(_SHIFT, {_SHIFT: 1})
ALPHABETIC = KeyType(_SHIFT | _LOCK, {_SHIFT: 1, _LOCK: 1})
KEYPAD = KeyType(_SHIFT | _NUM, {_SHIFT: 1, _NUM: 1})
FOUR_LEVEL = KeyType(_SHIFT | _LEVEL3, {_SHIFT: 1, _LEVEL3: 2, _SHIFT | _LEVEL3: 3})
EIGHT_LEVEL = KeyType(
    _SHIFT | _LEVEL3 | _LEVEL5,
    {_SHIFT: 1, _LEVEL3: 2, _SHIFT | _LEVEL3: 3, _LEVEL5: 4, _SHIFT | _LEVEL5: 5, _LEVEL3 | _LEVEL5: 6},
)
REAL = {50: _SHIFT, 62: _SHIFT, 66: _LOCK, 77: _NUM, 92: _LEVEL3, 94: _LEVEL5}
KEYS = {
    10: [Group(FOUR_LEVEL, (0x31, 0x21, 0xB9, 0xA1))],  # 1 ! ¹ ¡
    24: [Group(FOUR_LEVEL, (0x71, 0x51, 0x40, 0x7D9))],  # q Q @ Ω
    25: [Group(EIGHT_LEVEL, (0x77, 0x57, 0, 0, 0x1002190, 0x1002191, 0x1002192))],  # w W - - ← ↑ →
    38: [Group(ALPHABETIC, (0x61, 0x41)), Group(ALPHABETIC, (0x6C6, 0x6E6))],  # a A, ф Ф
    31: [Group(ALPHABETIC, (0x69, 0x49)), Group(TWO_LEVEL, (0x6DB, 0x6FB))],  # i, and ш Ш that knows no Lock
    49: [Group(TWO_LEVEL, (0xFE52, 0xB0))],  # dead_circumflex °
    36: [Group(ONE_LEVEL, (0xFF0D,))],
    50: [Group(ONE_LEVEL, (0xFFE1,))],
    62: [Group(ONE_LEVEL, (0xFFE2,))],
    66: [Group(ONE_LEVEL, (0xFFE5,))],
    77: [Group(ONE_LEVEL, (0xFF7F,))],
    79: [Group(KEYPAD, (0xFF95, 0xFFB7))],  # KP_Home KP_7
    86: [Group(ONE_LEVEL, (0xFFAB,))],  # KP_Add
    92: [Group(ONE_LEVEL, (0xFE03,))],  # ISO_Level3_Shift
    94: [Group(ONE_LEVEL, (0xFE11,))],  # ISO_Level5_Shift
    160: [Group(ONE_LEVEL, (0x1008FF11,))],  # AudioLowerVolume, which has a name
    190: [Group(ONE_LEVEL, (0x1008FF41,))],  # Launch1, which has none
}
LAYOUT = Layout(KEYS, REAL)


@pytest.mark.parametrize(
    ("character", "place"),
    [
        ("1", Place(10)),
        ("@", Place(24, ALT_GRAPH)),
        ("Ω", Place(24, SHIFT | ALT_GRAPH)),
        ("←", Place(25, LEVEL_FIVE)),
        ("→", Place(25, ALT_GRAPH | LEVEL_FIVE)),
        ("a", Place(38, 0, 0)),
        ("Ф", Place(38, SHIFT, 1)),
        ("°", Place(49, SHIFT)),
    ],
)
def test_character_lies_where_the_map_has_it(character, place):
    assert place in LAYOUT.places(character)


def test_dead_keys_and_the_keypad_give_no_character_of_their_own():
    assert LAYOUT.places("^") == []
    assert LAYOUT.places("7") == []


@pytest.mark.parametrize("missing", [92, 94])
def test_levels_are_out_of_reach_without_their_key(missing):
    layout = Layout({keycode: groups for keycode, groups in KEYS.items() if keycode != missing}, REAL)
    assert bool(layout.places("@")) == (missing != 92)
    assert bool(layout.places("←")) == (missing != 94)
    assert layout.places("→") == []


def test_caps_lock_turns_letters_round_and_leaves_signs():
    assert LAYOUT.places("A", CAPS_LOCK) == [Place(38, 0, 0)]
    assert LAYOUT.places("a", CAPS_LOCK) == [Place(38, SHIFT, 0)]
    assert Place(10) in LAYOUT.places("1", CAPS_LOCK)


def test_letter_whose_key_knows_no_caps_lock_is_a_capital_all_the_same():
    assert LAYOUT.places("Ш", CAPS_LOCK) == [Place(31, 0, 1), Place(31, SHIFT, 1)]
    assert LAYOUT.places("ш", CAPS_LOCK) == []


def test_named_key_is_the_physical_one_where_that_has_the_meaning():
    assert LAYOUT.keycode(NAMED["Enter"], "Enter") == 36
    assert LAYOUT.keycode(NAMED["Enter"], "NumpadEnter") == 36
    assert LAYOUT.keycode(NAMED["Home"], "Home") is None


def test_right_modifier_is_used_where_there_is_one():
    assert LAYOUT.modifier(SHIFT, "ShiftRight") == 62
    assert LAYOUT.modifier(SHIFT, "ShiftLeft") == 50
    assert LAYOUT.modifier(SHIFT) == 50
    assert LAYOUT.modifier(ALT_GRAPH, "AltRight") == 92
    assert LAYOUT.modifier(LEVEL_FIVE) == 94


def test_shift_of_a_level_is_known_by_its_place():
    assert LAYOUT.modifier_at("IntlBackslash") == LEVEL_FIVE
    assert LAYOUT.modifier_at("Enter") is None
    assert LAYOUT.modifier_at("Nonsense") is None


@pytest.mark.parametrize(
    ("code", "text", "shift", "num_lock", "key"),
    [
        ("Numpad7", "7", False, True, (79, True)),
        ("Numpad7", "7", False, False, (79, True)),
        ("Numpad7", "Home", False, True, (79, False)),
        ("Numpad7", "7", True, False, (79, False)),
        ("NumpadAdd", "+", False, True, (86, True)),
        ("NumpadAdd", "-", False, False, None),
        ("Digit7", "7", False, False, None),
        ("NumpadNonsense", "7", False, False, None),
    ],
)
def test_keypad_key_is_found_with_what_num_lock_must_be(code, text, shift, num_lock, key):
    assert LAYOUT.keypad(code, text, shift, num_lock) == key


def test_num_lock_has_the_modifier_of_its_key():
    assert LAYOUT.num_lock_mask == _NUM
    assert LAYOUT.places("1", NUM_LOCK) == LAYOUT.places("1")


def test_spare_keys_are_neither_physical_nor_named():
    spare = LAYOUT.spare_keycodes(8, 255)
    assert 190 in spare
    assert 160 not in spare
    assert not set(spare) & {keycode for code, keycode in PHYSICAL.items() if not code.startswith("Lang")}
    assert spare[-1] == 190


def test_keys_of_asian_keyboards_are_spare_where_they_mean_nothing():
    hangul = PHYSICAL["Lang1"]
    assert hangul in LAYOUT.spare_keycodes(8, 255)
    korean = Layout({**KEYS, hangul: [Group(ONE_LEVEL, (0xFF31,))]}, REAL)
    assert hangul not in korean.spare_keycodes(8, 255)


@pytest.mark.parametrize(
    ("code", "modifiers", "character"),
    [
        ("KeyQ", ALT_GRAPH, "@"),
        ("KeyW", ALT_GRAPH, "w"),  # nothing on its third level
        ("KeyW", SHIFT | ALT_GRAPH, "W"),
        ("KeyW", LEVEL_FIVE, "←"),
        ("KeyA", SHIFT, "A"),  # of the first group
        ("Numpad7", 0, None),
        ("Enter", 0, None),
        ("Nowhere", 0, None),
    ],
)
def test_place_gives_what_the_user_s_layout_has_there(code, modifiers, character):
    assert LAYOUT.character_at(code, modifiers) == character
