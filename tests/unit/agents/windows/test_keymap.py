"""The browser's keys in Windows' words."""

import pytest

from agents.linux.keymap import NAMED as LINUX_NAMED
from agents.linux.keymap import PHYSICAL as LINUX_PHYSICAL
from agents.windows.keymap import CHORDS, NAMED, PHYSICAL, TYPING_CODES, Stroke, keypad, modifier
from portcullis.protocol.messages import CONTROL, META, SHIFT

# On Windows the key for half and full width is Backquote, and the code that USB's tables have for Lang5 is F24's.
NO_SCAN_CODE = {"AudioVolumeMute", "AudioVolumeDown", "AudioVolumeUp", "Power", "Lang5"}


@pytest.mark.parametrize(
    ("code", "place"),
    [
        ("Escape", (0x01, False)),
        ("KeyQ", (0x10, False)),
        ("Enter", (0x1C, False)),
        ("NumpadEnter", (0x1C, True)),
        ("ControlRight", (0x1D, True)),
        ("Backquote", (0x29, False)),
        ("Slash", (0x35, False)),
        ("NumpadDivide", (0x35, True)),
        ("AltRight", (0x38, True)),
        ("Space", (0x39, False)),
        ("F10", (0x44, False)),
        ("NumLock", (0x45, True)),
        ("ArrowUp", (0x48, True)),
        ("Numpad8", (0x48, False)),
        ("Delete", (0x53, True)),
        ("NumpadDecimal", (0x53, False)),
        ("IntlBackslash", (0x56, False)),
        ("F12", (0x58, False)),
        ("MetaLeft", (0x5B, True)),
        ("IntlRo", (0x73, False)),
        ("IntlYen", (0x7D, False)),
        ("Lang1", (0x72, False)),
        ("Lang3", (0x78, False)),
    ],
)
def test_physical_key_has_its_scan_code_of_set_1(code, place):
    assert PHYSICAL[code] == place


def test_no_two_keys_have_one_scan_code():
    assert len(set(PHYSICAL.values())) == len(PHYSICAL)


def test_whatever_is_a_key_on_linux_is_one_here():
    assert set(LINUX_PHYSICAL) - NO_SCAN_CODE <= set(PHYSICAL)
    assert set(LINUX_NAMED) <= set(NAMED) | set(CHORDS)
    assert set(TYPING_CODES) <= set(PHYSICAL)


@pytest.mark.parametrize(
    ("code", "text", "stroke"),
    [
        ("Numpad7", "7", Stroke(0x67, 0x47)),
        ("Numpad7", "Home", Stroke(0x24, 0x47)),
        ("Numpad5", "Clear", Stroke(0x0C, 0x4C)),
        ("NumpadEnter", "Enter", Stroke(0x0D, 0x1C, True)),
        ("NumpadDivide", "/", Stroke(0x6F, 0x35, True)),
        ("NumpadAdd", "+", Stroke(0x6B, 0x4E)),
        ("Digit7", "7", None),
        ("Home", "Home", None),
        ("Numpad7", "8", None),
        ("Numpad7", "", None),
        ("NumpadNonsense", "7", None),
    ],
)
def test_keypad_gives_what_the_browser_says_it_gives(code, text, stroke):
    assert keypad(code, text) == stroke


def test_the_right_modifier_is_another_key():
    assert modifier(SHIFT, "ShiftRight") != modifier(SHIFT, "ShiftLeft") == modifier(SHIFT)
    assert modifier(CONTROL, "ControlRight").is_extended
    assert modifier(META).virtual_key == 0x5B
