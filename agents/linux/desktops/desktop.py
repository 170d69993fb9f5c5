"""The worker's desktop on a display that is somebody's own: seen and used as it is, and left as it was.

Nothing is resized (the viewer's page scales), no keyboard map is loaded, the pointer stays visible. While the person
types or points, and while a question stands on their screen, what comes from afar is not done.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import xcffib.randr as randr
import xcffib.xfixes as xfixes

from agents.linux.capture import DamageWatch
from agents.linux.clipboard import Clipboard
from agents.linux.cursor import CursorWatch
from agents.linux.desktops.capture import ScreenReader
from agents.linux.desktops.connection import QUESTION, NoDisplay, check_server
from agents.linux.desktops.injection import GuestInjector
from agents.linux.desktops.person import Person
from agents.linux.windows import Windows
from agents.linux.x11 import XConnection
from agents.worker.damage import Box, Pixels
from agents.worker.desktop import CursorImage, DesktopListener, DesktopLost
from portcullis.clock import Clock
from portcullis.protocol.messages import Input, ReleaseAll
from portcullis.protocol.worker_channel import Prepare

_PR_SET_DUMPABLE = 4
_LOOK_SECONDS = 0.05
"""So long a look at the person's devices counts: a mouse tells of itself 125 times a second."""


class GuestDesktop:
    """Made by `attach_desktop`. Implements `agents.worker.desktop.Desktop`."""

    def __init__(
        self, x: XConnection, reader: ScreenReader, view_only: bool, listener: DesktopListener, clock: Clock
    ) -> None:
        self._x = x
        self._reader = reader
        self._view_only = view_only
        self._listener = listener
        self._clock = clock
        self._size = _size(x)
        self._injector = GuestInjector(x, lambda: self._size, clock)
        self._person = Person(x)
        self._person_looked_at = float("-inf")
        self._person_is_there = False
        self._clipboard = Clipboard(x, listener.copied)
        self._cursor = CursorWatch(x, listener.cursor_changed, is_hidden=False)
        self._windows = Windows(x, listener.windows_changed)
        self._damage = DamageWatch(x, listener.damaged)
        self._watch_size()
        self._watch_questions()

    @property
    def size(self) -> tuple[int, int]:
        return self._size

    @property
    def maximum(self) -> tuple[int, int]:
        """The person's monitors are as they are."""
        return self._size

    @property
    def cursor(self) -> CursorImage:
        return self._cursor.current

    @property
    def windows(self) -> int:
        """At least one: what is shown is the screen, not what happens to be on it."""
        return max(1, self._windows.count)

    @property
    def title(self) -> str:
        return self._windows.title

    @property
    def covered(self) -> str:
        """A lock screen is seen, and can be opened, by whoever may be connected then."""
        return ""

    @property
    def capture(self) -> str:
        return ""

    def take_damage(self) -> list[Box]:
        clipped = (box.clipped(*self._size) for box in self._damage.take())
        return [box for box in clipped if box is not None]

    def read(self, box: Box, into: Pixels) -> None:
        self._reader.read(box, into)

    def view(self, box: Box) -> Pixels:
        return self._reader.view(box)

    def still(self) -> AbstractContextManager[None]:
        """A person's display is not held up: each read is of one moment by itself."""
        return nullcontext()

    def arrange(self, monitors: Sequence[Box]) -> None:
        """They are the person's: the viewer's page scales."""

    def apply(self, message: Input) -> Iterator[float]:
        if self._view_only:
            return
        if not isinstance(message, ReleaseAll) and (self._is_asking or self._yields()):
            message = ReleaseAll(message.sequence)
        yield from self._injector.apply(message)

    def offer(self, text: str) -> None:
        if not self._view_only:
            self._clipboard.offer(text)

    async def suit(self, prepare: Prepare) -> None:
        """It suits the person."""

    def close(self) -> None:
        for _ in self._injector.apply(ReleaseAll(0)):
            pass  # the keyboard is left at once
        self._x.sync()
        self._clipboard.close()
        self._windows.close()
        self._cursor.close()
        self._reader.close()
        self._x.close()

    def _yields(self) -> bool:
        now = self._clock.monotonic()
        if now - self._person_looked_at > _LOOK_SECONDS:
            self._person_looked_at = now
            self._person_is_there = self._person.is_there
        return self._person_is_there

    def _watch_size(self) -> None:
        extension = self._x.extension(randr.key)
        self._x.reply(extension.QueryVersion(1, 5))
        extension.SelectInput(self._x.root, randr.NotifyMask.ScreenChange)
        self._x.on(randr.ScreenChangeNotifyEvent, lambda _: self._follow_size())
        self._follow_size()

    def _follow_size(self) -> None:
        size = _size(self._x)
        if size != self._size:
            self._size = size
            self._reader.resize(*size)
            self._listener.resized(*size)

    def _watch_questions(self) -> None:
        """Whoever is connected already does not answer for the person."""
        selection = self._x.atom(QUESTION)
        mask = xfixes.SelectionEventMask
        events = mask.SetSelectionOwner | mask.SelectionWindowDestroy | mask.SelectionClientClose
        self._x.extension(xfixes.key).SelectSelectionInput(self._x.root, selection, events)
        self._x.on(xfixes.SelectionNotifyEvent, lambda event: self._selected(event, selection))
        self._is_asking = self._x.reply(self._x.core.GetSelectionOwner(selection)).owner != 0

    def _selected(self, event: Any, selection: int) -> None:
        if event.selection == selection:
            self._is_asking = event.owner != 0


def _size(x: XConnection) -> tuple[int, int]:
    geometry = x.reply(x.core.GetGeometry(x.root))
    return geometry.width, geometry.height


def close_to_others() -> None:
    """This process has the account of the person's programs: none of them looks into it, nor changes what grants
    allow."""
    ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


def attach_desktop(prepare: Prepare, listener: DesktopListener, clock: Clock) -> GuestDesktop:
    """Raises DesktopLost when the display cannot be used."""
    x = XConnection(prepare.display, prepare.xauthority)
    opened = [x]
    try:
        check_server(x.xcb)
        opened.append(XConnection(prepare.display, prepare.xauthority))
        reader = ScreenReader(opened[1], *_size(x))
        desktop = GuestDesktop(x, reader, prepare.view_only, listener, clock)
        x.start(listener.desktop_lost)
    except BaseException as exc:
        for each in opened:
            each.close()
        if isinstance(exc, NoDisplay):
            raise DesktopLost(str(exc)) from exc
        raise
    return desktop
