"""The helper's windows: the question, and the sign that stands as long as somebody may be connected.

No window manager rules them, and they never have the keyboard: whoever is typing when a question comes up answers
nothing by it. A click counts when button 1 went down and up on the same choice, on events of the server's own (what
another client sends is marked as sent), and for *Allow* not in the first moment, when a hand may just have been on its
way elsewhere.
"""

from __future__ import annotations

import contextlib
from abc import ABC, abstractmethod
from dataclasses import replace
from typing import Any

import xcffib
import xcffib.randr as randr
import xcffib.xproto as xproto

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
from agents.linux.desktops.connection import atom, text_property
from agents.linux.desktops.drawing import Canvas

_SENT = 0x80
_STRIP_BYTES = 192 << 10
"""Of a picture, in one request: what every server takes."""
_BASE_DPI = 96
_INK, _PAPER, _MUTED = (0.10, 0.12, 0.16), (1.0, 1.0, 1.0), (0.38, 0.42, 0.48)
_EDGE, _QUIET, _ACCENT = (0.78, 0.80, 0.84), (0.94, 0.95, 0.96), (0.11, 0.36, 0.75)
_ALERT, _ON_ALERT = (0.72, 0.11, 0.11), (1.0, 1.0, 1.0)
_TITLE_FONT, _TEXT_FONT = "Sans Bold 15px", "Sans 13px"
_BUTTON_FONT = "Sans Bold 13px"
_MOST_RAISES_A_SECOND = 5


class Overlay(ABC):
    """A window above all others, of a picture that its kinds draw."""

    size = DIALOG

    def __init__(self, connection: Any, name: str, clicks: Clicks) -> None:
        self._x = connection
        self._clicks = clicks
        self._screen = connection.get_setup().roots[connection.pref_screen]
        self._scale = _scale(connection, self._screen.root)
        self._window: int = connection.generate_id()
        self._gc: int = connection.generate_id()
        self._width, self._height = (round(side * self._scale) for side in self.size)
        kind, mask = xproto.WindowClass.InputOutput, xproto.CW
        events = xproto.EventMask
        self._x.core.CreateWindow(
            self._screen.root_depth,
            self._window,
            self._screen.root,
            *(*self._place(), self._width, self._height, 0),
            kind,
            self._screen.root_visual,
            mask.BackPixel | mask.OverrideRedirect | mask.EventMask,
            [
                0xFFFFFF,
                1,
                events.Exposure | events.ButtonPress | events.ButtonRelease | events.VisibilityChange,
            ],
        )
        self._x.core.CreateGC(self._gc, self._window, 0, [])
        self._name(name)
        self._raises = 0
        self.draw()

    def show(self) -> None:
        self._x.core.MapWindow(self._window)
        self.draw()
        self._x.flush()

    def close(self) -> None:
        with contextlib.suppress(xcffib.ConnectionException):
            self._x.core.DestroyWindow(self._window)
            self._x.flush()

    def tick(self) -> None:
        """Once a second."""
        self._raises = 0
        self._raise()

    def screen_changed(self) -> None:
        x, y = self._place()
        self._x.core.ConfigureWindow(self._window, xproto.ConfigWindow.X | xproto.ConfigWindow.Y, [x, y])
        self.tick()

    def handle(self, event: Any) -> Choice | None:
        """The choice that an event made, if any."""
        if getattr(event, "window", None) == self._window:
            if isinstance(event, xproto.ExposeEvent):
                self.draw()
            elif (
                isinstance(event, xproto.VisibilityNotifyEvent)
                and event.state != xproto.Visibility.Unobscured
            ):
                self._raise()
        elif getattr(event, "event", None) == self._window and not event.response_type & _SENT:
            return self._button(event)
        return None

    @abstractmethod
    def paint(self, canvas: Canvas) -> None:
        """All of it."""

    def draw(self) -> None:
        with Canvas(*self.size, self._scale) as canvas:
            self.paint(canvas)
            pixels, width, height = canvas.pixels, canvas.width, canvas.height
        rows = max(1, _STRIP_BYTES // (width * 4))
        for top in range(0, height, rows):
            part = pixels[top * width * 4 : (top + rows) * width * 4]
            form, depth = xproto.ImageFormat.ZPixmap, self._screen.root_depth
            count = min(rows, height - top)
            self._x.core.PutImage(
                form, self._window, self._gc, width, count, 0, top, 0, depth, len(part), part
            )
        self._x.flush()

    def _button(self, event: Any) -> Choice | None:
        x, y = event.event_x / self._scale, event.event_y / self._scale
        if event.detail != 1:
            return None
        if isinstance(event, xproto.ButtonPressEvent):
            self._clicks.pressed(x, y)
            return None
        return self._clicks.released(x, y)

    def _raise(self) -> None:
        """Two that both want to be on top would else raise each other without end."""
        self._raises += 1
        if self._raises <= _MOST_RAISES_A_SECOND:
            self._x.core.ConfigureWindow(
                self._window, xproto.ConfigWindow.StackMode, [xproto.StackMode.Above]
            )
            self._x.flush()

    @abstractmethod
    def _place(self) -> tuple[int, int]:
        """Of its upper left corner."""

    def _monitor(self, *, with_pointer: bool) -> tuple[int, int, int, int]:
        """Where people look: the monitor that the pointer is on, or the first one."""
        whole = self._x.core.GetGeometry(self._screen.root).reply()
        monitors = [(0, 0, whole.width, whole.height)]
        with contextlib.suppress(xcffib.XcffibException):
            extension = self._x(randr.key)
            extension.QueryVersion(1, 5).reply()
            found = extension.GetMonitors(self._screen.root, True).reply().monitors
            ordered = sorted(found, key=lambda each: not each.primary)
            monitors = [(each.x, each.y, each.width, each.height) for each in ordered] or monitors
        pointer = self._x.core.QueryPointer(self._screen.root).reply()
        under = [each for each in monitors if Area(*each).holds(pointer.root_x, pointer.root_y)]
        return (under or monitors)[0] if with_pointer else monitors[0]

    def _name(self, name: str) -> None:
        data = name.encode()
        for property_, kind in (
            (xproto.Atom.WM_NAME, xproto.Atom.STRING),
            (atom(self._x, "_NET_WM_NAME"), atom(self._x, "UTF8_STRING")),
        ):
            self._x.core.ChangeProperty(
                xproto.PropMode.Replace, self._window, property_, kind, 8, len(data), data
            )


class Dialog(Overlay):
    """`handle` answers "allow" or "refuse"."""

    def __init__(self, connection: Any, question: Question, seconds: int) -> None:
        self._question = question
        self._seconds = seconds
        super().__init__(connection, f"Portcullis: {question.title}", Clicks({"refuse": REFUSE}))

    @property
    def is_guarded(self) -> bool:
        """*Allow* does not count yet."""
        return "allow" not in self._clicks.choices

    def count_down(self, seconds: int, *, is_guarded: bool) -> None:
        if (seconds, is_guarded) != (self._seconds, self.is_guarded):
            self._seconds = seconds
            self._clicks.choices = {"refuse": REFUSE} if is_guarded else {"refuse": REFUSE, "allow": ALLOW}
            self.draw()

    def paint(self, canvas: Canvas) -> None:
        width, height = self.size
        canvas.fill(_PAPER)
        canvas.box(Area(0.5, 0.5, width - 1, height - 1), _EDGE, line=1.0)
        canvas.box(Area(0, 0, width, 4), _ACCENT)
        _, used = canvas.text(self._question.title, TITLE, _TITLE_FONT, _INK)
        canvas.text(self._question.text, replace(TEXT, y=TITLE.y + used + 10), _TEXT_FONT, _INK)
        left = self._question.counting(self._seconds)
        canvas.text(left, replace(COUNTING, y=COUNTING.y + 10), "Sans 12px", _MUTED)
        canvas.box(REFUSE, _ACCENT, radius=5)
        canvas.text(self._question.refuse, REFUSE, _BUTTON_FONT, _PAPER, is_centred=True)
        canvas.box(ALLOW, _QUIET, radius=5)
        canvas.box(ALLOW, _EDGE, radius=5, line=1.0)
        ink = _EDGE if self.is_guarded else _INK
        canvas.text(self._question.allow, ALLOW, _BUTTON_FONT, ink, is_centred=True)

    def _place(self) -> tuple[int, int]:
        x, y, width, height = self._monitor(with_pointer=True)
        return x + max(0, (width - self._width) // 2), y + max(0, (height - self._height) // 3)


class Sign(Overlay):
    """`handle` answers "end"."""

    size = SIGN

    def __init__(self, connection: Any, text: str, number: int = 0) -> None:
        """`number`: of this sign, from above: others may be connected too."""
        self._text = text
        self._number = number
        super().__init__(connection, f"Portcullis: {text}", Clicks({"end": END}))

    def paint(self, canvas: Canvas) -> None:
        canvas.fill(_ALERT)
        canvas.box(SIGN_MARK, _ON_ALERT, radius=4)
        canvas.text(self._text, SIGN_TEXT, _TEXT_FONT, _ON_ALERT, is_centred=True)
        canvas.box(END, _ON_ALERT, radius=4)
        canvas.text(END_WORD, END, _BUTTON_FONT, _ALERT, is_centred=True)

    def _place(self) -> tuple[int, int]:
        x, y, width, _ = self._monitor(with_pointer=False)
        return x + max(0, (width - self._width) // 2), y + self._number * self._height


def _scale(connection: Any, root: int) -> float:
    """As the person's toolkits draw: Xft.dpi of the display's resources."""
    for line in text_property(connection, root, xproto.Atom.RESOURCE_MANAGER).splitlines():
        name, _, value = line.partition(":")
        if name.strip() == "Xft.dpi":
            with contextlib.suppress(ValueError):
                return min(3.0, max(1.0, round(float(value) / _BASE_DPI * 4) / 4))
    return 1.0
