"""From what a browser says of a key to what X knows of it. Pure tables and a picture of the loaded layout.

A browser gives the physical `code` and the text that the user's own layout made of it. X wants a keycode, whose
meaning lies in the session's layout. `Layout` answers where a character or a named key lies there; `SpareKeys` lends
an unused keycode to a character that lies nowhere.
"""

from __future__ import annotations

import string
import unicodedata
from collections import OrderedDict
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import xcffib.keysymdef as names
import xcffib.xf86keysym as media

from portcullis.protocol.messages import ALT, ALT_GRAPH, CONTROL, META, SHIFT

_UNICODE_KEYSYMS = 0x01000000
_MEDIA_KEYSYMS = 0x10080000
_SETTLE_SECONDS = 0.5
"""Applications read a changed map when they see its event; a key lent anew earlier could be read as the newer one."""

# X's keycodes are evdev's plus 8.
_EVDEV_ROWS: tuple[tuple[int, Sequence[str]], ...] = (
    (1, ("Escape", *(f"Digit{d}" for d in "1234567890"), "Minus", "Equal", "Backspace", "Tab")),
    (16, (*(f"Key{c}" for c in "QWERTYUIOP"), "BracketLeft", "BracketRight", "Enter", "ControlLeft")),
    (30, (*(f"Key{c}" for c in "ASDFGHJKL"), "Semicolon", "Quote", "Backquote", "ShiftLeft", "Backslash")),
    (44, (*(f"Key{c}" for c in "ZXCVBNM"), "Comma", "Period", "Slash", "ShiftRight", "NumpadMultiply")),
    (56, ("AltLeft", "Space", "CapsLock", *(f"F{n}" for n in range(1, 11)), "NumLock", "ScrollLock")),
    (71, ("Numpad7", "Numpad8", "Numpad9", "NumpadSubtract", "Numpad4", "Numpad5", "Numpad6", "NumpadAdd")),
    (79, ("Numpad1", "Numpad2", "Numpad3", "Numpad0", "NumpadDecimal")),
    (86, ("IntlBackslash", "F11", "F12", "IntlRo")),
    (92, ("Convert", "KanaMode", "NonConvert")),
    (96, ("NumpadEnter", "ControlRight", "NumpadDivide", "PrintScreen", "AltRight")),
    (102, ("Home", "ArrowUp", "PageUp", "ArrowLeft", "ArrowRight", "End", "ArrowDown", "PageDown")),
    (110, ("Insert", "Delete")),
    (113, ("AudioVolumeMute", "AudioVolumeDown", "AudioVolumeUp", "Power", "NumpadEqual")),
    (119, ("Pause",)),
    (121, ("NumpadComma",)),
    (124, ("IntlYen", "MetaLeft", "MetaRight", "ContextMenu")),
    (183, tuple(f"F{n}" for n in range(13, 25))),
)
PHYSICAL: dict[str, int] = {
    code: first + 8 + offset for first, row in _EVDEV_ROWS for offset, code in enumerate(row)
}

NAMED: dict[str, int] = {
    "Enter": names.XK_Return,
    "Tab": names.XK_Tab,
    "Backspace": names.XK_BackSpace,
    "Delete": names.XK_Delete,
    "Insert": names.XK_Insert,
    "Escape": names.XK_Escape,
    "Home": names.XK_Home,
    "End": names.XK_End,
    "PageUp": names.XK_Page_Up,
    "PageDown": names.XK_Page_Down,
    "ArrowLeft": names.XK_Left,
    "ArrowUp": names.XK_Up,
    "ArrowRight": names.XK_Right,
    "ArrowDown": names.XK_Down,
    "ContextMenu": names.XK_Menu,
    "PrintScreen": names.XK_Print,
    "Pause": names.XK_Pause,
    "Clear": names.XK_Clear,
    "Help": names.XK_Help,
    "Undo": names.XK_Undo,
    "Redo": names.XK_Redo,
    "Find": names.XK_Find,
    "Convert": names.XK_Henkan_Mode,
    "NonConvert": names.XK_Muhenkan,
    "KanaMode": names.XK_Hiragana_Katakana,
    "AudioVolumeMute": media.XF86XK_AudioMute,
    "AudioVolumeDown": media.XF86XK_AudioLowerVolume,
    "AudioVolumeUp": media.XF86XK_AudioRaiseVolume,
    "MediaPlayPause": media.XF86XK_AudioPlay,
    "MediaStop": media.XF86XK_AudioStop,
    "MediaTrackNext": media.XF86XK_AudioNext,
    "MediaTrackPrevious": media.XF86XK_AudioPrev,
    "BrowserBack": media.XF86XK_Back,
    "BrowserForward": media.XF86XK_Forward,
    "Copy": media.XF86XK_Copy,
    "Cut": media.XF86XK_Cut,
    "Paste": media.XF86XK_Paste,
    **{f"F{n}": getattr(names, f"XK_F{n}") for n in range(1, 25)},
}

MODIFIER_NAMES: dict[str, int] = {
    "Shift": SHIFT,
    "Control": CONTROL,
    "Alt": ALT,
    "Meta": META,
    "AltGraph": ALT_GRAPH,
}
_MODIFIER_KEYSYMS: dict[int, tuple[int, int]] = {
    SHIFT: (names.XK_Shift_L, names.XK_Shift_R),
    CONTROL: (names.XK_Control_L, names.XK_Control_R),
    ALT: (names.XK_Alt_L, names.XK_Alt_R),
    META: (names.XK_Super_L, names.XK_Super_R),
    ALT_GRAPH: (names.XK_ISO_Level3_Shift, names.XK_ISO_Level3_Shift),
}
_KEYPAD: dict[int, str] = {
    names.XK_KP_Enter: "Enter",
    names.XK_KP_Home: "Home",
    names.XK_KP_Left: "ArrowLeft",
    names.XK_KP_Up: "ArrowUp",
    names.XK_KP_Right: "ArrowRight",
    names.XK_KP_Down: "ArrowDown",
    names.XK_KP_Page_Up: "PageUp",
    names.XK_KP_Page_Down: "PageDown",
    names.XK_KP_End: "End",
    names.XK_KP_Begin: "Clear",
    names.XK_KP_Insert: "Insert",
    names.XK_KP_Delete: "Delete",
    **{names.XK_KP_Multiply + offset: character for offset, character in enumerate("*+,-./0123456789")},
    names.XK_KP_Equal: "=",
}
LOCK_NAMES = frozenset({"CapsLock", "NumLock", "ScrollLock"})

# Columns of the core map that a layout of one group fills, and the modifiers that reach them.
_COLUMNS: tuple[tuple[int, bool, bool], ...] = (
    (0, False, False),
    (1, True, False),
    (4, False, True),
    (5, True, True),
)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a character lies: a keycode, and whether Shift and AltGraph must be held for it."""

    keycode: int
    shift: bool
    alt_graph: bool


class Layout:
    """The keyboard map of the server. `rows` holds the keysyms of each keycode from `first` on."""

    def __init__(self, first: int, rows: Sequence[Sequence[int]]) -> None:
        self._characters: dict[str, list[Place]] = {}
        self._keys: dict[int, list[int]] = {}
        self._alphabetic: set[int] = set()
        self._rows = {keycode: tuple(row) for keycode, row in enumerate(rows, first)}
        for keycode, row in enumerate(rows, first):
            self._add(keycode, row)
        self.has_alt_graph = names.XK_ISO_Level3_Shift in self._keys
        self.spare_keycodes = _spare_keycodes(first, rows)

    def places(self, character: str) -> list[Place]:
        """Where the character lies; empty if nowhere that can be reached."""
        places = self._characters.get(character, [])
        return [place for place in places if self.has_alt_graph or not place.alt_graph]

    def keycode(self, keysym: int, code: str) -> int | None:
        """The keycode of a named key: the one at the physical place if it has that meaning, else any."""
        keycodes = self._keys.get(keysym, [])
        physical = PHYSICAL.get(code)
        return physical if physical in keycodes else next(iter(keycodes), None)

    def modifier(self, bit: int, code: str = "") -> int | None:
        left, right = _MODIFIER_KEYSYMS[bit]
        preferred = self.keycode(right if code.endswith("Right") else left, code)
        return preferred if preferred is not None else self.keycode(left, "")

    def keypad(self, code: str, text: str) -> tuple[int, bool | None] | None:
        """A key of the keypad that gives this: its keycode, and whether it must be on its second level.

        That is NumLock or Shift, not both; None where both levels give the same.
        """
        keycode = PHYSICAL.get(code) if code.startswith("Numpad") else None
        row = self._rows.get(keycode, ()) if keycode is not None else ()
        levels = [level for level, keysym in enumerate(row[:2]) if _KEYPAD.get(keysym) == text]
        if keycode is None or not levels:
            return None
        return keycode, None if len(levels) == 2 else levels[0] == 1

    def is_alphabetic(self, keycode: int) -> bool:
        """Whether CapsLock changes what the key gives."""
        return keycode in self._alphabetic

    def _add(self, keycode: int, row: Sequence[int]) -> None:
        for column, shift, alt_graph in _COLUMNS:
            keysym = row[column] if column < len(row) else 0
            character = character_of(keysym)
            place = Place(keycode, shift, alt_graph)
            if character is not None and not _is_on_keypad(keysym):
                self._characters.setdefault(character, []).append(place)
        if row and row[0]:
            self._keys.setdefault(row[0], []).append(keycode)
        low, high = (character_of(keysym) for keysym in (*row[:2], 0, 0)[:2])
        if low is not None and high is not None and low != high and low.upper() == high:
            self._alphabetic.add(keycode)


class SpareKeys:
    """Lends unused keycodes to keysyms, the longest unused first, never one that is held."""

    def __init__(self, keycodes: Sequence[int]) -> None:
        self._free = list(reversed(keycodes))
        self._lent: OrderedDict[int, tuple[int, float]] = OrderedDict()

    def lent(self, keysym: int, now: float) -> int | None:
        """The keycode that has this keysym already."""
        if keysym not in self._lent:
            return None
        keycode = self._lent[keysym][0]
        self._lent[keysym] = (keycode, now)
        self._lent.move_to_end(keysym)
        return keycode

    def wait_seconds(self, now: float, held: Collection[int]) -> float:
        """How long until `lend` may be called."""
        if self._free:
            return 0.0
        oldest = self._oldest(held)
        return _SETTLE_SECONDS if oldest is None else max(0.0, self._lent[oldest][1] + _SETTLE_SECONDS - now)

    def lend(self, keysym: int, now: float, held: Collection[int]) -> int | None:
        """A keycode to be mapped to this keysym; None while all are held."""
        if self._free:
            keycode = self._free.pop()
        elif (oldest := self._oldest(held)) is not None:
            keycode = self._lent.pop(oldest)[0]
        else:
            return None
        self._lent[keysym] = (keycode, now)
        return keycode

    def _oldest(self, held: Collection[int]) -> int | None:
        return next((keysym for keysym, (keycode, _) in self._lent.items() if keycode not in held), None)


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


def shortcut_letter(text: str, code: str) -> str:
    """The character whose key a shortcut means: Ctrl+С on a Russian keyboard is Ctrl+C for applications."""
    if not text.isascii() and code[:3] == "Key" and code[3:] in string.ascii_uppercase and len(code) == 4:
        return code[3].lower()
    return text.lower() if text in string.ascii_letters else text


_CONTROL_KEYSYMS = {
    "\n": names.XK_Return,
    "\r": names.XK_Return,
    "\t": names.XK_Tab,
    "\b": names.XK_BackSpace,
}


def _is_on_keypad(keysym: int) -> bool:
    return 0xFF80 <= keysym <= 0xFFBD


def _spare_keycodes(first: int, rows: Sequence[Sequence[int]]) -> list[int]:
    """Those without meaning first; then media keys that no browser names."""
    named = set(NAMED.values())
    physical = set(PHYSICAL.values())
    empty = [keycode for keycode, row in enumerate(rows, first) if not any(row)]
    media_keys = [
        keycode
        for keycode, row in enumerate(rows, first)
        if keycode not in physical and any(row) and all(_is_idle_media(keysym, named) for keysym in row)
    ]
    return [keycode for keycode in empty + media_keys if keycode not in physical]


def _is_idle_media(keysym: int, named: Collection[int]) -> bool:
    return keysym == 0 or (keysym >= _MEDIA_KEYSYMS and keysym not in named)


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
