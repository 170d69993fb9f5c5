"""The attendant's windows: the question, and the sign that stands as long as somebody may be connected.

They are above all others and never have the keyboard: whoever is typing when a question comes up answers nothing by it.
A click counts where Windows says that hardware made it: what a program sends, or has made (SendInput), answers nothing.
A message box of the system's (WTSSendMessage) would take the keyboard, and Return, which somebody just typed, for Yes.
"""

from __future__ import annotations

import ctypes
from abc import ABC, abstractmethod
from dataclasses import replace

from agents.desktops.shapes import (
    ALLOW,
    COUNTING,
    DIALOG,
    END,
    REFUSE,
    SIGN,
    SIGN_MARK,
    SIGN_TEXT,
    TEXT,
    TITLE,
    Area,
    Choice,
    Clicks,
)
from agents.desktops.wording import END as END_WORD
from agents.desktops.wording import Question
from agents.windows.desktops.words import PERSON, QUESTION_CLASS, SIGN_CLASS
from agents.windows.libraries import user32
from agents.windows.structures import (
    IMO_HARDWARE,
    IMO_SYSTEM,
    WM_CLOSE,
    WM_DISPLAYCHANGE,
    WM_ENDSESSION,
    WS_EX_NOACTIVATE,
    WS_EX_TOOLWINDOW,
    WS_POPUP,
    MessageSource,
)

_INK, _PAPER, _MUTED = (26, 31, 41), (255, 255, 255), (97, 107, 122)
_EDGE, _QUIET, _ACCENT = (199, 204, 214), (240, 242, 245), (28, 92, 191)
_ALERT, _ON_ALERT = (184, 28, 28), (255, 255, 255)
_FACE = "Segoe UI"
_BASE_DPI = 96
_WS_EX_TOPMOST = 0x8
_WM_PAINT, _WM_ERASEBKGND, _WM_MOUSEACTIVATE = 0x000F, 0x0014, 0x0021
_WM_LBUTTONDOWN, _WM_LBUTTONUP = 0x0201, 0x0202
_MA_NOACTIVATE = 3
_SHOWN_ON_TOP = 0x0001 | 0x0010 | 0x0040  # SWP_NOSIZE, SWP_NOACTIVATE, SWP_SHOWWINDOW
_TOPMOST = -1
_ARROW = 32512
_WRAPPED, _CENTRED, _ONE_LINE = 0x10 | 0x800 | 0x8000, 0x1 | 0x4 | 0x20 | 0x800 | 0x8000, 0x4 | 0x20 | 0x800
"""Formats of DrawText; in none of them `&` stands for an underline."""
_TITLE_ROOM = replace(TITLE, height=TITLE.height * 2)
_NULL_PEN = 8
_MONITOR_PRIMARY, _MONITOR_NEAREST = 1, 2


class Overlay(ABC):
    """`choice` is what was chosen last, `is_over` whether the Windows session ends."""

    size = DIALOG
    class_name = QUESTION_CLASS
    on_close: Choice = "refuse"
    """What it means when a program closes the window."""

    def __init__(self, title: str, clicks: Clicks) -> None:
        import win32api
        import win32gui

        self.choice: Choice | None = None
        self.is_over = False
        self._clicks = clicks
        self._scale = _scale()
        self._width, self._height = (round(side * self._scale) for side in self.size)
        kind = win32gui.WNDCLASS()
        kind.hInstance = instance = win32api.GetModuleHandle(None)
        kind.lpszClassName = self.class_name
        kind.hCursor = win32gui.LoadCursor(0, _ARROW)
        kind.lpfnWndProc = self._received
        self._class = win32gui.RegisterClass(kind)
        style = WS_EX_NOACTIVATE | WS_EX_TOOLWINDOW | _WS_EX_TOPMOST
        x, y = self._corner = self._place()
        self.handle: int = win32gui.CreateWindowEx(
            *(style, self._class, f"Portcullis: {title}", WS_POPUP, x, y, self._width, self._height),
            *(0, 0, instance, None),
        )
        self.raise_()

    def raise_(self) -> None:
        """Shown, in its place, above others that want to be."""
        import win32gui

        x, y = self._corner
        win32gui.SetWindowPos(self.handle, _TOPMOST, x, y, 0, 0, _SHOWN_ON_TOP)

    def close(self) -> None:
        import pywintypes
        import win32api
        import win32gui

        try:
            win32gui.DestroyWindow(self.handle)
            win32gui.UnregisterClass(self._class, win32api.GetModuleHandle(None))
        except pywintypes.error:
            return  # it has gone with the session

    @abstractmethod
    def paint(self, canvas: _Canvas) -> None:
        """All of it."""

    @abstractmethod
    def _place(self) -> tuple[int, int]:
        """Of its upper left corner."""

    def redraw(self, area: Area | None = None) -> None:
        import win32gui

        win32gui.InvalidateRect(self.handle, area.pixels(self._scale) if area is not None else None, False)

    def _received(self, window: int, kind: int, wparam: int, lparam: int) -> int:
        import win32gui

        if kind == _WM_PAINT:
            self._paint()
        elif kind == _WM_MOUSEACTIVATE:
            return _MA_NOACTIVATE
        elif kind in (_WM_LBUTTONDOWN, _WM_LBUTTONUP):
            self._clicked(kind, lparam)
        elif kind == WM_CLOSE:
            self.choice = self.on_close
        elif kind == WM_DISPLAYCHANGE:
            self._corner = self._place()
            self.raise_()
        elif kind == WM_ENDSESSION and wparam:
            self.is_over = True
        elif kind != _WM_ERASEBKGND:
            return int(win32gui.DefWindowProc(window, kind, wparam, lparam))
        return 0 if kind != _WM_ERASEBKGND else 1

    def _clicked(self, kind: int, lparam: int) -> None:
        if not _is_made_by_hand():
            return
        x, y = (ctypes.c_int16(part).value / self._scale for part in (lparam & 0xFFFF, lparam >> 16 & 0xFFFF))
        if kind == _WM_LBUTTONDOWN:
            self._clicks.pressed(x, y)
        else:
            self.choice = self._clicks.released(x, y) or self.choice

    def _paint(self) -> None:
        import win32gui

        context, paint = win32gui.BeginPaint(self.handle)
        try:
            self.paint(_Canvas(context, self._scale))
        finally:
            win32gui.EndPaint(self.handle, paint)


class Dialog(Overlay):
    """Its choice is "allow" or "refuse"."""

    def __init__(self, question: Question, seconds: int) -> None:
        self._question = question
        self._seconds = seconds
        super().__init__(question.title, Clicks({"refuse": REFUSE}))

    def count_down(self, seconds: int, *, is_guarded: bool) -> None:
        """`is_guarded`: *Allow* does not count yet."""
        was_guarded = "allow" not in self._clicks.choices
        self._clicks.choices = {"refuse": REFUSE} if is_guarded else {"refuse": REFUSE, "allow": ALLOW}
        if is_guarded != was_guarded:
            self.redraw(ALLOW)
        if seconds != self._seconds:
            self._seconds = seconds
            self.redraw(COUNTING)

    def paint(self, canvas: _Canvas) -> None:
        width, height = self.size
        canvas.box(Area(0, 0, width, height), _PAPER, edge=_EDGE)
        canvas.box(Area(0, 0, width, 4), _ACCENT)
        used = canvas.text(self._question.title, _TITLE_ROOM, _INK, 15, is_bold=True, how=_WRAPPED)
        text = replace(TEXT, y=TITLE.y + used + 10)
        canvas.text(self._question.text, text, _INK, 13, how=_WRAPPED)
        canvas.text(self._question.counting(self._seconds), COUNTING, _MUTED, 12, how=_ONE_LINE)
        canvas.box(REFUSE, _ACCENT, radius=10)
        canvas.text(self._question.refuse, REFUSE, _PAPER, 13, is_bold=True)
        canvas.box(ALLOW, _QUIET, edge=_EDGE, radius=10)
        ink = _INK if "allow" in self._clicks.choices else _EDGE
        canvas.text(self._question.allow, ALLOW, ink, 13, is_bold=True)

    def _place(self) -> tuple[int, int]:
        """A third of the way down, where people look: on the monitor that the pointer is on."""
        import win32api

        left, top, right, bottom = _monitor(win32api.GetCursorPos(), _MONITOR_NEAREST)
        return left + max(0, right - left - self._width) // 2, top + max(0, bottom - top - self._height) // 3


class Sign(Overlay):
    """Its choice is "end"."""

    size = SIGN
    class_name = SIGN_CLASS
    on_close: Choice = "end"

    def __init__(self, text: str, number: int = 0) -> None:
        """`number`: of this sign, from above: others may be connected too."""
        self._text = text
        self._number = number
        super().__init__(text, Clicks({"end": END}))

    def person_did(self, ticks: int) -> None:
        """For the workers of this session."""
        user32().SetPropW(self.handle, PERSON, ticks or 1)

    def paint(self, canvas: _Canvas) -> None:
        canvas.box(Area(0, 0, *self.size), _ALERT)
        canvas.box(SIGN_MARK, _ON_ALERT, radius=8)
        canvas.text(self._text, SIGN_TEXT, _ON_ALERT, 13)
        canvas.box(END, _ON_ALERT, radius=8)
        canvas.text(END_WORD, END, _ALERT, 13, is_bold=True)

    def _place(self) -> tuple[int, int]:
        left, top, right, _ = _monitor((0, 0), _MONITOR_PRIMARY)
        return left + max(0, right - left - self._width) // 2, top + self._number * self._height


class _Canvas:
    def __init__(self, context: int, scale: float) -> None:
        self._context = context
        self._scale = scale

    def box(
        self,
        area: Area,
        colour: tuple[int, int, int],
        *,
        edge: tuple[int, int, int] | None = None,
        radius: int = 0,
    ) -> None:
        import win32gui

        pen = (
            win32gui.GetStockObject(_NULL_PEN)
            if edge is None
            else win32gui.CreatePen(0, round(self._scale), _rgb(edge))
        )
        brush = win32gui.CreateSolidBrush(_rgb(colour))
        before = win32gui.SelectObject(self._context, pen), win32gui.SelectObject(self._context, brush)
        left, top, right, bottom = area.pixels(self._scale)
        more = 1 if edge is None else 0  # without a pen the last row and column are left out
        curve = round(radius * self._scale)
        win32gui.RoundRect(self._context, left, top, right + more, bottom + more, curve, curve)
        for each in before:
            win32gui.SelectObject(self._context, each)
        win32gui.DeleteObject(brush)
        if edge is not None:
            win32gui.DeleteObject(pen)

    def text(
        self,
        text: str,
        area: Area,
        colour: tuple[int, int, int],
        size: int,
        *,
        is_bold: bool = False,
        how: int = _CENTRED,
    ) -> float:
        """Answers the height that it took."""
        import win32gui

        form = win32gui.LOGFONT()
        form.lfHeight = -round(size * self._scale)
        form.lfWeight = 700 if is_bold else 400
        form.lfFaceName = _FACE
        font = win32gui.CreateFontIndirect(form)
        before = win32gui.SelectObject(self._context, font)
        win32gui.SetBkMode(self._context, 1)
        win32gui.SetTextColor(self._context, _rgb(colour))
        height, _ = win32gui.DrawText(self._context, text, -1, area.pixels(self._scale), how)
        win32gui.SelectObject(self._context, before)
        win32gui.DeleteObject(font)
        return int(height) / self._scale


def _is_made_by_hand() -> bool:
    """Of the message that this thread is at: by a device, or by what the system takes for one (an accessibility
    program that is signed as such)."""
    source = MessageSource()
    known = user32().GetCurrentInputMessageSource(ctypes.byref(source))
    return bool(known) and source.origin in (IMO_HARDWARE, IMO_SYSTEM)


def _monitor(point: tuple[int, int], which: int) -> tuple[int, int, int, int]:
    import win32api

    left, top, right, bottom = win32api.GetMonitorInfo(win32api.MonitorFromPoint(point, which))["Monitor"]
    return left, top, right, bottom


def _scale() -> float:
    """As the person set it for the first monitor."""
    return min(3.0, max(1.0, int(user32().GetDpiForSystem()) / _BASE_DPI))


def _rgb(colour: tuple[int, int, int]) -> int:
    red, green, blue = colour
    return red | green << 8 | blue << 16
