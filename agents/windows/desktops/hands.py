"""What the person does, and what is held down from afar: Windows tells both of every key and button (low-level hooks).

The hooks are the attendant's: its one thread does little else, so that nobody waits for it. Windows takes a hook away
without a word once it has answered late: `renew` sets them again. Only when something was typed is kept, and never
what.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from agents.windows.libraries import kernel32, last_error, user32
from agents.windows.strokes import Event, KeyEvent, MouseEvent, send
from agents.windows.structures import (
    HOOKPROC,
    LLKHF_EXTENDED,
    LLKHF_INJECTED,
    LLKHF_LOWER_IL_INJECTED,
    LLKHF_UP,
    LLMHF_INJECTED,
    LLMHF_LOWER_IL_INJECTED,
    MOUSEEVENTF_LEFTUP,
    MOUSEEVENTF_MIDDLEUP,
    MOUSEEVENTF_RIGHTUP,
    MOUSEEVENTF_XUP,
    WH_KEYBOARD_LL,
    WH_MOUSE_LL,
    KeyboardHook,
    MouseHook,
)

log = logging.getLogger(__name__)

_VK_PACKET = 0xE7
"""A character without a key: it goes up at once."""
_KEY_MADE = LLKHF_INJECTED | LLKHF_LOWER_IL_INJECTED
_MOUSE_MADE = LLMHF_INJECTED | LLMHF_LOWER_IL_INJECTED
_DOWN = {
    0x0201: MOUSEEVENTF_LEFTUP,
    0x0204: MOUSEEVENTF_RIGHTUP,
    0x0207: MOUSEEVENTF_MIDDLEUP,
    0x020B: MOUSEEVENTF_XUP,
}
"""Message -> what lets go of it."""
_UP = {0x0202: 0x0201, 0x0205: 0x0204, 0x0208: 0x0207, 0x020C: 0x020B}


class Held:
    """Keys and buttons that are down because of a worker. Pure."""

    def __init__(self, mark: int) -> None:
        self._mark = mark
        self._keys: dict[int, KeyEvent] = {}
        self._buttons: dict[tuple[int, int], MouseEvent] = {}

    def key(self, virtual_key: int, scan: int, flags: int, extra: int) -> None:
        self._keys.pop(virtual_key, None)  # also where the person pressed the same: then it is theirs
        if extra == self._mark and not flags & LLKHF_UP and virtual_key != _VK_PACKET:
            is_extended = bool(flags & LLKHF_EXTENDED)
            self._keys[virtual_key] = KeyEvent(virtual_key, scan, is_extended, is_up=True)

    def button(self, message: int, data: int, extra: int) -> None:
        which = data >> 16
        down = _UP.get(message, message)
        self._buttons.pop((down, which), None)
        if extra == self._mark and message in _DOWN:
            self._buttons[down, which] = MouseEvent(_DOWN[message], data=which)

    def releases(self) -> list[Event]:
        """What lets go of all of it."""
        return [*self._keys.values(), *self._buttons.values()]


class Hands:
    """On one thread, which has to wait for messages all the time."""

    def __init__(self, mark: int, on_person: Callable[[int], None]) -> None:
        """`on_person`: of what a person did, with the time of it (GetTickCount)."""
        self._held = Held(mark)
        self._on_person = on_person
        # As long as Windows may call them, something must hold them.
        self._calls = ((WH_KEYBOARD_LL, HOOKPROC(self._key)), (WH_MOUSE_LL, HOOKPROC(self._mouse)))
        self._hooks: list[int] = []

    def renew(self) -> None:
        before, self._hooks = self._hooks, []
        instance = kernel32().GetModuleHandleW(None)
        for kind, call in self._calls:
            if hook := user32().SetWindowsHookExW(kind, call, instance, 0):
                self._hooks.append(hook)
            else:
                log.warning("Windows does not tell what the person does: error %d", last_error())
        for hook in before:
            user32().UnhookWindowsHookEx(hook)

    def close(self) -> None:
        """Nothing stays down that a worker pressed."""
        for hook in self._hooks:
            user32().UnhookWindowsHookEx(hook)
        if releases := self._held.releases():
            send(releases)

    def _key(self, code: int, message: int, address: int) -> int:
        if code >= 0:
            told = KeyboardHook.from_address(address)
            self._held.key(told.virtual_key, told.scan, told.flags, told.extra)
            if not told.flags & _KEY_MADE:
                self._on_person(told.time)
        return int(user32().CallNextHookEx(None, code, message, address))

    def _mouse(self, code: int, message: int, address: int) -> int:
        if code >= 0:
            told = MouseHook.from_address(address)
            self._held.button(message, told.data, told.extra)
            if not told.flags & _MOUSE_MADE:
                self._on_person(told.time)
        return int(user32().CallNextHookEx(None, code, message, address))
