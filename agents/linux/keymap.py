"""What a browser says of a key, in X's words: physical codes, named keys, modifiers, the keypad, shortcuts. Pure.

A browser gives the physical `code` and the text that the user's own layout made of it. X wants a keycode, whose
meaning lies in the session's layout: layout.py.
"""

from __future__ import annotations

from collections.abc import Sequence

import xcffib.keysymdef as names
import xcffib.xf86keysym as media

from portcullis.protocol.messages import ALT, ALT_GRAPH, CONTROL, META, SHIFT

# X's keycodes are evdev's plus 8.
_EVDEV_ROWS: tuple[tuple[int, Sequence[str]], ...] = (
    (1, ("Escape", *(f"Digit{d}" for d in "1234567890"), "Minus", "Equal", "Backspace", "Tab")),
    (16, (*(f"Key{c}" for c in "QWERTYUIOP"), "BracketLeft", "BracketRight", "Enter", "ControlLeft")),
    (30, (*(f"Key{c}" for c in "ASDFGHJKL"), "Semicolon", "Quote", "Backquote", "ShiftLeft", "Backslash")),
    (44, (*(f"Key{c}" for c in "ZXCVBNM"), "Comma", "Period", "Slash", "ShiftRight", "NumpadMultiply")),
    (56, ("AltLeft", "Space", "CapsLock", *(f"F{n}" for n in range(1, 11)), "NumLock", "ScrollLock")),
    (71, ("Numpad7", "Numpad8", "Numpad9", "NumpadSubtract", "Numpad4", "Numpad5", "Numpad6", "NumpadAdd")),
    (79, ("Numpad1", "Numpad2", "Numpad3", "Numpad0", "NumpadDecimal")),
    (85, ("Lang5", "IntlBackslash", "F11", "F12", "IntlRo")),
    (90, ("Lang3", "Lang4", "Convert", "KanaMode", "NonConvert")),
    (96, ("NumpadEnter", "ControlRight", "NumpadDivide", "PrintScreen", "AltRight")),
    (102, ("Home", "ArrowUp", "PageUp", "ArrowLeft", "ArrowRight", "End", "ArrowDown", "PageDown")),
    (110, ("Insert", "Delete")),
    (113, ("AudioVolumeMute", "AudioVolumeDown", "AudioVolumeUp", "Power", "NumpadEqual")),
    (119, ("Pause",)),
    (121, ("NumpadComma", "Lang1", "Lang2", "IntlYen", "MetaLeft", "MetaRight", "ContextMenu")),
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
    "HiraganaKatakana": names.XK_Hiragana_Katakana,
    "Hiragana": names.XK_Hiragana,
    "Katakana": names.XK_Katakana,
    "ZenkakuHankaku": names.XK_Zenkaku_Hankaku,
    "Zenkaku": names.XK_Zenkaku,
    "Hankaku": names.XK_Hankaku,
    "KanjiMode": names.XK_Kanji,
    "Romaji": names.XK_Romaji,
    "Alphanumeric": names.XK_Eisu_toggle,
    "Eisu": names.XK_Eisu_toggle,
    "HangulMode": names.XK_Hangul,
    "HanjaMode": names.XK_Hangul_Hanja,
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

MODIFIER_KEYSYMS: dict[int, tuple[int, int]] = {
    SHIFT: (names.XK_Shift_L, names.XK_Shift_R),
    CONTROL: (names.XK_Control_L, names.XK_Control_R),
    ALT: (names.XK_Alt_L, names.XK_Alt_R),
    META: (names.XK_Super_L, names.XK_Super_R),
    ALT_GRAPH: (names.XK_ISO_Level3_Shift, names.XK_ISO_Level3_Shift),
}
KEYPAD: dict[int, str] = {
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
