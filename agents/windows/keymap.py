"""What a browser says of a key, in Windows' words: scan codes by physical place, virtual keys by name. Pure.

Every stroke carries both, for applications look at either. The extended flag tells the arrows from the keypad's, and
the right Control and Alt from the left ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from portcullis.protocol.messages import ALT, CONTROL, META, SHIFT


@dataclass(frozen=True, slots=True)
class Stroke:
    """What is pressed and released."""

    virtual_key: int
    scan: int
    is_extended: bool = False


VK_BACK, VK_TAB, VK_CLEAR, VK_RETURN = 0x08, 0x09, 0x0C, 0x0D
VK_SHIFT, VK_CONTROL, VK_MENU, VK_CAPITAL = 0x10, 0x11, 0x12, 0x14
VK_LCONTROL, VK_RMENU = 0xA2, 0xA5
VK_NUMLOCK, VK_DECIMAL = 0x90, 0x6E

# Scan codes of set 1.
_ROWS: tuple[tuple[int, Sequence[str]], ...] = (
    (0x01, ("Escape", *(f"Digit{d}" for d in "1234567890"), "Minus", "Equal", "Backspace", "Tab")),
    (0x10, (*(f"Key{c}" for c in "QWERTYUIOP"), "BracketLeft", "BracketRight", "Enter", "ControlLeft")),
    (0x1E, (*(f"Key{c}" for c in "ASDFGHJKL"), "Semicolon", "Quote", "Backquote", "ShiftLeft", "Backslash")),
    (0x2C, (*(f"Key{c}" for c in "ZXCVBNM"), "Comma", "Period", "Slash", "ShiftRight", "NumpadMultiply")),
    (0x38, ("AltLeft", "Space", "CapsLock", *(f"F{n}" for n in range(1, 11)), "Pause", "ScrollLock")),
    (0x47, ("Numpad7", "Numpad8", "Numpad9", "NumpadSubtract", "Numpad4", "Numpad5", "Numpad6", "NumpadAdd")),
    (0x4F, ("Numpad1", "Numpad2", "Numpad3", "Numpad0", "NumpadDecimal")),
    (0x56, ("IntlBackslash", "F11", "F12")),
    (0x59, ("NumpadEqual",)),
    (0x64, tuple(f"F{n}" for n in range(13, 24))),
    (0x70, ("KanaMode", "Lang2", "Lang1", "IntlRo")),
    (0x76, ("F24", "Lang4", "Lang3", "Convert")),
    (0x7B, ("NonConvert",)),
    (0x7D, ("IntlYen", "NumpadComma")),
)
_EXTENDED_ROWS: tuple[tuple[int, Sequence[str]], ...] = (
    (0x1C, ("NumpadEnter", "ControlRight")),
    (0x35, ("NumpadDivide",)),
    (0x37, ("PrintScreen", "AltRight")),
    (0x45, ("NumLock",)),
    (0x47, ("Home", "ArrowUp", "PageUp")),
    (0x4B, ("ArrowLeft",)),
    (0x4D, ("ArrowRight",)),
    (0x4F, ("End", "ArrowDown", "PageDown", "Insert", "Delete")),
    (0x5B, ("MetaLeft", "MetaRight", "ContextMenu")),
)
PHYSICAL: dict[str, tuple[int, bool]] = {
    code: (first + offset, is_extended)
    for rows, is_extended in ((_ROWS, False), (_EXTENDED_ROWS, True))
    for first, row in rows
    for offset, code in enumerate(row)
}
"""Code -> scan code, and whether it is an extended one."""

TYPING_CODES: tuple[str, ...] = (
    *(f"Key{c}" for c in "ABCDEFGHIJKLMNOPQRSTUVWXYZ"),
    *(f"Digit{d}" for d in "1234567890"),
    *("Minus", "Equal", "BracketLeft", "BracketRight", "Semicolon", "Quote", "Backquote", "Backslash"),
    *("Comma", "Period", "Slash", "Space", "IntlBackslash", "IntlRo", "IntlYen"),
)
"""The keys whose meaning is the layout's."""

_PLACED = {
    "Enter": (VK_RETURN, "Enter"),
    "Tab": (VK_TAB, "Tab"),
    "Backspace": (VK_BACK, "Backspace"),
    "Delete": (0x2E, "Delete"),
    "Insert": (0x2D, "Insert"),
    "Escape": (0x1B, "Escape"),
    "Home": (0x24, "Home"),
    "End": (0x23, "End"),
    "PageUp": (0x21, "PageUp"),
    "PageDown": (0x22, "PageDown"),
    "ArrowLeft": (0x25, "ArrowLeft"),
    "ArrowUp": (0x26, "ArrowUp"),
    "ArrowRight": (0x27, "ArrowRight"),
    "ArrowDown": (0x28, "ArrowDown"),
    "ContextMenu": (0x5D, "ContextMenu"),
    "PrintScreen": (0x2C, "PrintScreen"),
    "Pause": (0x13, "Pause"),
    "Clear": (VK_CLEAR, "Numpad5"),
    "Convert": (0x1C, "Convert"),
    "NonConvert": (0x1D, "NonConvert"),
    "KanaMode": (0x15, "KanaMode"),
    "HiraganaKatakana": (0xF2, "KanaMode"),
    "HangulMode": (0x15, "Lang1"),
    "HanjaMode": (0x19, "Lang2"),
    "Katakana": (0xF1, "Lang3"),
    "Hiragana": (0xF2, "Lang4"),
    **{f"F{n}": (0x6F + n, f"F{n}") for n in range(1, 25)},
}
_PLACELESS = {
    "Help": 0x2F,
    "KanjiMode": 0x19,
    "ZenkakuHankaku": 0x19,
    "Alphanumeric": 0xF0,
    "Eisu": 0xF0,
    "Hankaku": 0xF3,
    "Zenkaku": 0xF4,
    "Romaji": 0xF5,
    "AudioVolumeMute": 0xAD,
    "AudioVolumeDown": 0xAE,
    "AudioVolumeUp": 0xAF,
    "MediaTrackNext": 0xB0,
    "MediaTrackPrevious": 0xB1,
    "MediaStop": 0xB2,
    "MediaPlayPause": 0xB3,
    "BrowserBack": 0xA6,
    "BrowserForward": 0xA7,
}
NAMED: dict[str, Stroke] = {
    **{name: Stroke(key, *PHYSICAL[code]) for name, (key, code) in _PLACED.items()},
    **{name: Stroke(key, 0, True) for name, key in _PLACELESS.items()},
}
CHORDS: dict[str, str] = {"Copy": "c", "Cut": "x", "Paste": "v", "Undo": "z", "Redo": "y", "Find": "f"}
"""Keys that Windows has not, and the letter that means the same with Control."""

MODIFIERS: dict[int, tuple[Stroke, Stroke]] = {
    SHIFT: (Stroke(0xA0, 0x2A), Stroke(0xA1, 0x36)),
    CONTROL: (Stroke(VK_LCONTROL, 0x1D), Stroke(0xA3, 0x1D, True)),
    ALT: (Stroke(0xA4, 0x38), Stroke(VK_RMENU, 0x38, True)),
    META: (Stroke(0x5B, 0x5B, True), Stroke(0x5C, 0x5C, True)),
}
"""The left and the right key of each."""
ALT_GRAPH_STROKES = (MODIFIERS[CONTROL][0], MODIFIERS[ALT][1])
"""Windows has no AltGr but these two together."""
CAPS_LOCK_STROKE = Stroke(VK_CAPITAL, 0x3A)
NUM_LOCK_STROKE = Stroke(VK_NUMLOCK, 0x45, True)
UNASSIGNED = Stroke(0xE8, 0)
"""Means nothing to any application. Between press and release of Alt or the Windows key it keeps the menu closed."""

_KEYPAD_NAMES = {
    "Insert": 0x2D, "End": 0x23, "ArrowDown": 0x28, "PageDown": 0x22, "ArrowLeft": 0x25, "Clear": VK_CLEAR,
    "ArrowRight": 0x27, "Home": 0x24, "ArrowUp": 0x26, "PageUp": 0x21, "Delete": 0x2E,
}  # fmt: skip
_KEYPAD_SIGNS = {"*": 0x6A, "+": 0x6B, "-": 0x6D, "/": 0x6F}


def keypad(code: str, text: str) -> Stroke | None:
    """The keypad's own key that gives this; None when the code is another key, or the text another text.

    What the key gives is the browser's to say.
    """
    if not code.startswith("Numpad") or code not in PHYSICAL:
        return None
    scan, is_extended = PHYSICAL[code]
    if text == "Enter":
        return Stroke(VK_RETURN, scan, is_extended)
    if text in _KEYPAD_NAMES:
        return Stroke(_KEYPAD_NAMES[text], scan, False)
    if text in _KEYPAD_SIGNS:
        return Stroke(_KEYPAD_SIGNS[text], scan, is_extended)
    if len(text) == 1 and text in "0123456789" and code[6:] == text:
        return Stroke(0x60 + int(text), scan, False)
    return None


def is_keypad_digit(code: str, text: str) -> bool:
    """Which needs NumLock: keyboards of Macs have none, and give digits all the same."""
    return code.startswith("Numpad") and len(text) == 1 and text in "0123456789.,"


def modifier(bit: int, code: str = "") -> Stroke:
    """Of SHIFT, CONTROL, ALT and META."""
    left, right = MODIFIERS[bit]
    return right if code.endswith("Right") else left
