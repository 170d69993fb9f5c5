"""What Windows knows of its keyboard: the layout of whoever has the focus, and the locks.

A layout is read once, by asking for each key what it gives on each level: half a thousand questions, 2 ms.
"""

from __future__ import annotations

import ctypes

from agents.windows.keymap import (
    PHYSICAL,
    TYPING_CODES,
    VK_CAPITAL,
    VK_CONTROL,
    VK_LCONTROL,
    VK_MENU,
    VK_NUMLOCK,
    VK_RMENU,
    VK_SHIFT,
    Stroke,
)
from agents.windows.layout import Layout
from agents.windows.libraries import user32
from agents.windows.structures import (
    MAPVK_VSC_TO_VK_EX,
    SM_SWAPBUTTON,
    TO_UNICODE_LEAVES_STATE,
    WCHAR,
)
from portcullis.protocol.messages import ALT_GRAPH, CAPS_LOCK, NUM_LOCK, SHIFT

_DOWN, _TOGGLED = 0x80, 0x01
_MOST_LAYOUTS = 8


class WindowsKeyboard:
    """`injection.Keyboard`."""

    def __init__(self) -> None:
        self._user32 = user32()
        self._layouts: dict[int, Layout] = {}

    def layout(self) -> Layout:
        handle = self._handle()
        known = self._layouts.get(handle)
        if known is None:
            if len(self._layouts) >= _MOST_LAYOUTS:
                self._layouts.clear()
            known = self._layouts[handle] = self._read(handle)
        return known

    def locks(self) -> int:
        state = self._user32.GetKeyState
        return (CAPS_LOCK if state(VK_CAPITAL) & _TOGGLED else 0) | (
            NUM_LOCK if state(VK_NUMLOCK) & _TOGGLED else 0
        )

    def stroke_at(self, scan: int, is_extended: bool) -> Stroke | None:
        return self._stroke(scan, is_extended, self._handle())

    def _handle(self) -> int:
        window = self._user32.GetForegroundWindow()
        thread = self._user32.GetWindowThreadProcessId(window, None) if window else 0
        return int(self._user32.GetKeyboardLayout(thread) or 0)

    def _read(self, handle: int) -> Layout:
        strokes = {code: self._stroke(*PHYSICAL[code], handle) for code in TYPING_CODES}
        keys = {code: stroke for code, stroke in strokes.items() if stroke is not None}
        return Layout(
            keys, lambda stroke, modifiers, has_caps: self._says(stroke, modifiers, has_caps, handle)
        )

    def _stroke(self, scan: int, is_extended: bool, handle: int) -> Stroke | None:
        known = (0xE000 if is_extended else 0) | scan
        key = self._user32.MapVirtualKeyExW(known, MAPVK_VSC_TO_VK_EX, handle)
        return Stroke(key, scan, is_extended) if key else None

    def _says(self, stroke: Stroke, modifiers: int, has_caps: bool, handle: int) -> str | None:
        state = (ctypes.c_uint8 * 256)()
        if modifiers & SHIFT:
            state[VK_SHIFT] = _DOWN
        if modifiers & ALT_GRAPH:
            for key in (VK_CONTROL, VK_LCONTROL, VK_MENU, VK_RMENU):
                state[key] = _DOWN
        if has_caps:
            state[VK_CAPITAL] = _TOGGLED
        text = (WCHAR * 8)()
        ask = self._user32.ToUnicodeEx
        arguments = (stroke.virtual_key, stroke.scan, state, text, len(text), TO_UNICODE_LEAVES_STATE, handle)
        count = ask(*arguments)
        if count < 0:
            ask(*arguments)  # an older Windows has pressed the dead key: the second time takes it back
            return None
        if count == 0:
            return None
        return bytes(text)[: 2 * count].decode("utf-16-le", errors="replace")


def is_swapped() -> bool:
    """Whether the left hand has the mouse."""
    return bool(user32().GetSystemMetrics(SM_SWAPBUTTON))
