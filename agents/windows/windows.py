"""The session's windows: how many top levels somebody could see, and the title of the active one.

Windows tells of most changes; those that it does not tell of are found by looking now and then. The shell's desktop is
a window as well: where a whole desktop is published there is something to see from the first moment.
"""

from __future__ import annotations

import asyncio
import ctypes
from collections.abc import Callable

from agents.windows.libraries import dwmapi, user32
from agents.windows.message_window import MessageWindow
from agents.windows.structures import (
    DWMWA_CLOAKED,
    DWORD,
    GW_OWNER,
    GWL_EXSTYLE,
    WCHAR,
    WNDENUMPROC,
    WS_EX_NOACTIVATE,
    WS_EX_TOOLWINDOW,
)
from agents.worker.throttle import Throttle
from agents.worker.window_titles import MAXIMUM_TITLE_BYTES, clean_title

_LOOK_SECONDS = 0.05
_FIRST_LOOK_SECONDS = 0.005
"""Until the first window, which somebody waits for."""
_AGAIN_SECONDS = 1.0
_FIRST_AGAIN_SECONDS = 0.1
_NOT_WINDOWS = frozenset({"Shell_TrayWnd", "Shell_SecondaryTrayWnd", "WorkerW"})


class Windows:
    """`on_changed` is called when `count` or `title` changed."""

    def __init__(
        self,
        window: MessageWindow,
        on_changed: Callable[[], None],
        counts: Callable[[int], bool] = lambda window: True,
    ) -> None:
        """`counts`: whether a window is looked at at all."""
        self._on_changed = on_changed
        self._counts = counts
        self._looking = Throttle(self._look, _FIRST_LOOK_SECONDS)
        self._timer: asyncio.TimerHandle | None = None
        self._is_visible = WNDENUMPROC(self._take)
        self._found = 0
        self.count = 0
        self.title = ""
        window.on("windows", self._looking.ask)
        self._sees_news()

    def close(self) -> None:
        self._looking.cancel()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look(self) -> None:
        if self._sees_news():
            self._on_changed()

    def _sees_news(self) -> bool:
        before = self.count, self.title
        self._found = 0
        user32().EnumWindows(self._is_visible, 0)
        self.count = self._found
        if self.count:
            self._looking.seconds = _LOOK_SECONDS
        self.title = self._active_title()
        if self._timer is not None:
            self._timer.cancel()
        seconds = _AGAIN_SECONDS if self.count else _FIRST_AGAIN_SECONDS
        self._timer = asyncio.get_running_loop().call_later(seconds, self._look)
        return (self.count, self.title) != before

    def _take(self, window: int, _: int) -> int:
        self._found += is_top_level(window) and self._counts(window)
        return 1

    def _active_title(self) -> str:
        window = user32().GetForegroundWindow()
        return window_title(window) if window and is_top_level(window) and self._counts(window) else ""


def is_top_level(window: int) -> bool:
    """Whether people would call it a window: seen, of its own, and no tool of another."""
    library = user32()
    if not library.IsWindowVisible(window) or library.GetWindow(window, GW_OWNER):
        return False
    style = library.GetWindowLongW(window, GWL_EXSTYLE)
    if style & (WS_EX_TOOLWINDOW | WS_EX_NOACTIVATE) and class_name(window) != "Progman":
        return False
    return class_name(window) not in _NOT_WINDOWS and not is_cloaked(window)


def class_name(window: int) -> str:
    text = (WCHAR * 256)()
    length = user32().GetClassNameW(window, text, len(text))
    return _decoded(text, length)


def window_title(window: int) -> str:
    text = (WCHAR * (MAXIMUM_TITLE_BYTES + 1))()
    return clean_title(_decoded(text, user32().GetWindowTextW(window, text, len(text))))


def is_cloaked(window: int) -> bool:
    """Of an application that sleeps, or on another virtual desktop."""
    value = DWORD()
    result = dwmapi().DwmGetWindowAttribute(window, DWMWA_CLOAKED, ctypes.byref(value), ctypes.sizeof(value))
    return result == 0 and value.value != 0


def _decoded(text: ctypes.Array[WCHAR], length: int) -> str:
    return bytes(text)[: 2 * max(0, length)].decode("utf-16-le", errors="replace")
