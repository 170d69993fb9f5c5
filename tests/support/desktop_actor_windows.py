"""The actor on Windows (desktop_actor.py): `python -m tests.support.desktop_actor_windows`."""

from __future__ import annotations

import json
import sys
import threading
import time
from typing import Any

import pywintypes
import win32api
import win32clipboard
import win32con
import win32gui

from tests.support.desktop_actor import tell

_BUTTONS = {
    win32con.WM_LBUTTONDOWN: (1, True),
    win32con.WM_LBUTTONUP: (1, False),
    win32con.WM_RBUTTONDOWN: (2, True),
    win32con.WM_RBUTTONUP: (2, False),
    win32con.WM_MBUTTONDOWN: (4, True),
    win32con.WM_MBUTTONUP: (4, False),
}
_WM_MOUSEHWHEEL = 0x020E
ATTEMPTS = 100
_ORDER = win32con.WM_APP
_CLASS = "Portcullis test actor"


class Stage:
    def __init__(self) -> None:
        kind = win32gui.WNDCLASS()
        kind.lpszClassName = _CLASS
        kind.lpfnWndProc = self.happened
        kind.hCursor = win32gui.LoadCursor(0, win32con.IDC_IBEAM)
        kind.hInstance = win32api.GetModuleHandle(None)
        win32gui.RegisterClass(kind)
        self.windows: dict[int, int] = {}
        self.colours: dict[int, int] = {}

    def open(
        self, id: int, x: int, y: int, width: int, height: int, colour: int, title: str = "", managed=False
    ):
        style = win32con.WS_OVERLAPPEDWINDOW if managed else win32con.WS_POPUP
        more = 0 if managed else win32con.WS_EX_TOPMOST
        instance = win32api.GetModuleHandle(None)
        window = win32gui.CreateWindowEx(
            more, _CLASS, title, style, x, y, width, height, 0, 0, instance, None
        )
        self.windows[id] = window
        self.colours[window] = colour
        win32gui.ShowWindow(window, win32con.SW_SHOWNORMAL if managed else win32con.SW_SHOWNOACTIVATE)
        if managed:
            win32gui.SetForegroundWindow(window)
        win32gui.UpdateWindow(window)

    def colour(self, id: int, colour: int) -> None:
        self.colours[self.windows[id]] = colour
        win32gui.InvalidateRect(self.windows[id], None, True)
        win32gui.UpdateWindow(self.windows[id])

    def title(self, id: int, title: str) -> None:
        win32gui.SetWindowText(self.windows[id], title)

    def close(self, id: int) -> None:
        if id in self.windows:
            win32gui.DestroyWindow(self.windows.pop(id))

    def copy(self, text: str) -> None:
        _open_clipboard()
        try:
            win32clipboard.EmptyClipboard()
            win32clipboard.SetClipboardText(text.replace("\n", "\r\n"), win32con.CF_UNICODETEXT)
        finally:
            win32clipboard.CloseClipboard()

    def happened(self, window: int, message: int, wparam: int, lparam: int) -> int:
        if message in _BUTTONS:
            button, is_down = _BUTTONS[message]
            tell({"button": button, "down": is_down})
        elif message == win32con.WM_MOUSEWHEEL:
            tell({"wheel": (0, -_turn(wparam))})
        elif message == _WM_MOUSEHWHEEL:
            tell({"wheel": (_turn(wparam), 0)})
        elif message == win32con.WM_ERASEBKGND:
            colour = self.colours.get(window, 0)
            red, green, blue = colour >> 16, colour >> 8 & 0xFF, colour & 0xFF
            brush = win32gui.CreateSolidBrush(win32api.RGB(red, green, blue))
            win32gui.FillRect(wparam, win32gui.GetClientRect(window), brush)
            win32gui.DeleteObject(brush)
            return 1
        return win32gui.DefWindowProc(window, message, wparam, lparam)


def _open_clipboard() -> None:
    """Whoever reads it holds it for a moment, and programs wait for that."""
    for attempt in range(1, ATTEMPTS + 1):
        try:
            win32clipboard.OpenClipboard(None)
        except pywintypes.error:
            if attempt == ATTEMPTS:
                raise
            time.sleep(0.02)
        else:
            return


def _turn(wparam: int) -> int:
    turn = wparam >> 16 & 0xFFFF
    return turn - 0x10000 if turn >= 0x8000 else turn


def main(stage: Stage | None = None) -> None:
    stage = stage or Stage()
    thread = win32api.GetCurrentThreadId()
    orders: list[dict[str, Any]] = []

    def read() -> None:
        for line in sys.stdin.buffer:
            orders.append(json.loads(line))
            win32api.PostThreadMessage(thread, _ORDER, 0, 0)
        win32api.PostThreadMessage(thread, win32con.WM_QUIT, 0, 0)

    win32gui.PeekMessage(None, 0, 0, 0)  # there is a queue from here on
    threading.Thread(target=read, daemon=True).start()
    while True:
        status, message = win32gui.GetMessage(None, 0, 0)
        if status <= 0:
            return
        if message[1] == _ORDER and orders:
            order = orders.pop(0)
            getattr(stage, order.pop("do"))(**order)
            tell({"done": True})
            continue
        win32gui.TranslateMessage(message)
        win32gui.DispatchMessage(message)


if __name__ == "__main__":
    main()
