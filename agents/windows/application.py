"""The windows of the session's application: those of the processes in its job, and those that they own.

Whose a window is, where it lies among the others, whether it has the keyboard, and bringing it there. Any thread.
"""

from __future__ import annotations

import ctypes
import logging
import struct
from collections.abc import Iterator

from agents.windows.libraries import dwmapi, gdi32, kernel32, last_error, user32
from agents.windows.scene import Shown
from agents.windows.screen import virtual_screen
from agents.windows.strokes import MouseEvent, send
from agents.windows.structures import (
    DWMWA_EXTENDED_FRAME_BOUNDS,
    DWORD,
    GA_ROOT,
    GA_ROOTOWNER,
    GWL_EXSTYLE,
    GWL_STYLE,
    JOB_BASIC_PROCESS_ID_LIST,
    JOB_OBJECT_QUERY,
    LWA_ALPHA,
    SW_RESTORE,
    WNDENUMPROC,
    WS_EX_LAYERED,
    WS_EX_NOACTIVATE,
    WS_EX_TOOLWINDOW,
    WS_MINIMIZE,
    WS_VISIBLE,
    GuiThread,
    Point,
    ProcessIds,
    Rect,
)
from agents.windows.windows import class_name, is_cloaked
from agents.worker.damage import Box
from agents.worker.desktop import DesktopLost

log = logging.getLogger(__name__)

_MOST_PIECES = 256
"""Of a window that is no rectangle; one of more is taken for its whole rectangle's first so many."""
_REGION_HEADER, _REGION_BOX = struct.Struct("<8I"), struct.Struct("<4i")
_DRAGGING = frozenset({"CLIPBRDWNDCLASS", "WineDragDropTracker32"})
"""Windows of OLE that have the mouse while something is dragged from one program to another."""


class Application:
    def __init__(self, job: str) -> None:
        """`job`: the name of its job object. Raises DesktopLost."""
        self._kernel32, self._user32 = kernel32(), user32()
        self._job = self._kernel32.OpenJobObjectW(JOB_OBJECT_QUERY, False, job)
        if not self._job:
            raise DesktopLost(f"the application's job cannot be opened: error {last_error()}")
        self._pids: frozenset[int] = frozenset()
        self._last_focus = 0

    def close(self) -> None:
        self._kernel32.CloseHandle(self._job)
        self._job = None
        self._pids = frozenset()

    # --- Whose a window is

    def owns(self, window: int) -> bool:
        return self._is_of(window, self._pids) or self._is_of(window, self._look())

    def is_at(self, x: int, y: int) -> bool:
        """Whether what is clicked at this place of the picture is the application's."""
        screen = virtual_screen()
        window = self._user32.WindowFromPoint(Point(screen.x + x, screen.y + y))
        return bool(window) and self.owns(self._user32.GetAncestor(window, GA_ROOT) or window)

    def has_focus(self) -> bool:
        """Whether what is typed goes to the application."""
        window = self._user32.GetForegroundWindow()
        if not window or not self.owns(window):
            return False
        self._last_focus = window
        # One that was just brought to the foreground has yet to activate a window: until then keys are lost.
        return bool(self._foreground().active)

    def has_capture(self) -> bool:
        """Whether a button that is released, wherever that is, is released for the application alone: nothing of it is
        being dropped on whatever lies there."""
        window = self._foreground().capture
        return bool(window) and class_name(window) not in _DRAGGING and self.owns(window)

    def _foreground(self) -> GuiThread:
        told = GuiThread(size=ctypes.sizeof(GuiThread))
        self._user32.GetGUIThreadInfo(0, ctypes.byref(told))
        return told

    def _look(self) -> frozenset[int]:
        """The processes, as they are now."""
        found = ProcessIds()
        size = ctypes.sizeof(found)
        self._kernel32.QueryInformationJobObject(
            self._job, JOB_BASIC_PROCESS_ID_LIST, ctypes.byref(found), size, None
        )
        self._pids = frozenset(found.ids[: found.listed])
        return self._pids

    def _is_of(self, window: int, pids: frozenset[int]) -> bool:
        if self._process_of(window) in pids:
            return True
        owner = self._user32.GetAncestor(window, GA_ROOTOWNER)
        return bool(owner) and owner != window and self._process_of(owner) in pids

    def _process_of(self, window: int) -> int:
        pid = DWORD()
        self._user32.GetWindowThreadProcessId(window, ctypes.byref(pid))
        return pid.value

    # --- Where windows lie

    def stack(self, screen: Box) -> list[Shown]:
        """What is on the screen, the topmost first: all of the application's, which may be captured whatever lies over
        them, and of others what can be seen. Boxes are counted from the screen's corner."""
        pids = self._look()
        picture = Box(0, 0, screen.width, screen.height)
        rest = [picture]
        found = []
        for window in self._top_levels():
            is_ours = self._is_of(window, pids)
            if not rest and not is_ours:
                continue  # each further question about a window costs, and there are many
            whole = self._frame(window).moved(-screen.x, -screen.y)
            frame = whole.shared(picture)
            if frame is None or self._is_glass(window):
                continue
            boxes = self._pieces(window, screen, frame) if is_ours else (frame,)
            found.append(Shown(window, is_ours, boxes, (whole.x, whole.y)))
            for box in boxes:
                rest = [piece for part in rest for piece in part.without(box)]
        return found

    def _top_levels(self) -> Iterator[int]:
        """Those that are drawn, the topmost first."""
        found: list[int] = []

        def note(window: int, _: int) -> int:
            found.append(window)
            return 1

        library = self._user32
        library.EnumWindows(WNDENUMPROC(note), 0)
        for window in found:
            style = library.GetWindowLongW(window, GWL_STYLE)
            if style & WS_VISIBLE and not style & WS_MINIMIZE and not is_cloaked(window):
                yield window

    def _frame(self, window: int) -> Box:
        """Without the borders, some pixels wide, that take the mouse and show what is below; and its shadow."""
        rect = Rect()
        result = dwmapi().DwmGetWindowAttribute(
            window, DWMWA_EXTENDED_FRAME_BOUNDS, ctypes.byref(rect), ctypes.sizeof(rect)
        )
        if result:
            self._user32.GetWindowRect(window, ctypes.byref(rect))
        return Box(rect.left, rect.top, rect.right - rect.left, rect.bottom - rect.top)

    def _is_glass(self, window: int) -> bool:
        """Whether it is there without being seen."""
        if not self._user32.GetWindowLongW(window, GWL_EXSTYLE) & WS_EX_LAYERED:
            return False
        key, alpha, flags = DWORD(), ctypes.c_uint8(), DWORD()
        told = self._user32.GetLayeredWindowAttributes(
            window, ctypes.byref(key), ctypes.byref(alpha), ctypes.byref(flags)
        )
        return bool(told) and bool(flags.value & LWA_ALPHA) and alpha.value == 0

    def _pieces(self, window: int, screen: Box, frame: Box) -> tuple[Box, ...]:
        """Of the frame what the window's region has: beside that, what is below is seen."""
        region = gdi32().CreateRectRgn(0, 0, 0, 0)
        try:
            if not self._user32.GetWindowRgn(window, region):
                return (frame,)
            rect = Rect()
            self._user32.GetWindowRect(window, ctypes.byref(rect))
            x, y = rect.left - screen.x, rect.top - screen.y
            inside = (box.moved(x, y).shared(frame) for box in _boxes_of(region))
            return tuple(filter(None, inside))
        finally:
            gdi32().DeleteObject(region)

    # --- Bringing it forward

    def come_forward(self, at: tuple[int, int] | None = None) -> None:
        """Its windows that were minimised are there again, and one has the focus: that at this place of the
        picture, if there is one, else the one that had it last."""
        for window in self._minimised():
            self._user32.ShowWindowAsync(window, SW_RESTORE)
        target = self._to_activate(at)
        if target:
            # Windows lets a program choose the foreground if the last input was its own.
            send((MouseEvent(0),))
            self._user32.SetForegroundWindow(target)

    def _minimised(self) -> list[int]:
        found: list[int] = []
        pids = self._look()

        def note(window: int, _: int) -> int:
            style = self._user32.GetWindowLongW(window, GWL_STYLE)
            if style & WS_VISIBLE and style & WS_MINIMIZE and self._is_of(window, pids):
                found.append(window)
            return 1

        self._user32.EnumWindows(WNDENUMPROC(note), 0)
        return found

    def _to_activate(self, at: tuple[int, int] | None) -> int:
        fitting = [window for window in self._top_levels() if self._may_be_activated(window)]
        if at is not None:
            screen = virtual_screen()
            point = Box(screen.x + at[0], screen.y + at[1], 1, 1)
            for window in fitting:
                if self._frame(window).shared(point) is not None:
                    return window
        if self._last_focus in fitting:
            return self._last_focus
        style = self._user32.GetWindowLongW
        plain = [window for window in fitting if not style(window, GWL_EXSTYLE) & WS_EX_TOOLWINDOW]
        return next(iter(plain or fitting or self._minimised()), 0)

    def _may_be_activated(self, window: int) -> bool:
        library = self._user32
        if not library.IsWindowEnabled(window) or not self._is_of(window, self._pids):
            return False
        return not library.GetWindowLongW(window, GWL_EXSTYLE) & WS_EX_NOACTIVATE


def _boxes_of(region: int) -> Iterator[Box]:
    size = gdi32().GetRegionData(region, 0, None)
    data = ctypes.create_string_buffer(max(size, _REGION_HEADER.size))
    gdi32().GetRegionData(region, size, data)
    count = min(_REGION_HEADER.unpack_from(data)[2], _MOST_PIECES)
    for number in range(count):
        left, top, right, bottom = _REGION_BOX.unpack_from(
            data, _REGION_HEADER.size + number * _REGION_BOX.size
        )
        yield Box(left, top, right - left, bottom - top)
