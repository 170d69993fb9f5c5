"""The desktop of a Windows session: composes message window, screen, injection, clipboard, cursor and windows.

Of an application that is published by itself (`Application`) its own windows are seen, and reached by input, alone.
The session was there before, and goes on: its display's size and its keys are given back when this is closed.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from functools import partial

from agents.windows.application import Application
from agents.windows.application_capture import ways
from agents.windows.capture import BACKENDS, open_backend
from agents.windows.clipboard import Clipboard
from agents.windows.cursor import CursorWatch
from agents.windows.injection import Injector
from agents.windows.keyboard import WindowsKeyboard, is_swapped
from agents.windows.message_window import MessageWindow
from agents.windows.reach import Reach
from agents.windows.real_pixels import see_real_pixels
from agents.windows.screen import Display, virtual_screen
from agents.windows.screen_watch import ScreenWatch
from agents.windows.strokes import send
from agents.windows.windows import Windows
from agents.worker.damage import Box, Pixels
from agents.worker.desktop import CursorImage, DesktopListener, DesktopLost
from portcullis.clock import Clock
from portcullis.protocol.messages import Input
from portcullis.protocol.worker_channel import Prepare

log = logging.getLogger(__name__)

_PASTE_SECONDS = 0.002
_MOST_PASTE_WAITS = 300


class WindowsDesktop:
    """Made by `open_desktop`."""

    def __init__(
        self, messages: MessageWindow, listener: DesktopListener, application: Application | None = None
    ) -> None:
        """`application`: whose windows alone are shown; None: the whole screen is."""
        self._application = application
        self._reach = None if application is None else Reach(application)
        self._messages = messages
        self._listener = listener
        self._is_lost = False
        self._has_shown = False
        self._display = Display()
        self._cursor = CursorWatch(listener.cursor_changed)
        backends = BACKENDS if application is None else ways(application.stack)
        opener = partial(open_backend, backends=backends)
        self._screen = ScreenWatch(listener, on_look=self._cursor.look, open_backend=opener)
        keyboard = WindowsKeyboard()
        keyboard.layout()  # now, and not when somebody waits for the first letter
        self._injector = Injector(keyboard, send, virtual_screen, is_swapped)
        self._clipboard = Clipboard(messages, listener.copied)
        if application is None:
            self._windows = Windows(messages, listener.windows_changed)
        else:
            self._windows = Windows(messages, self._windows_changed, application.owns)
        messages.on("drawn", self._screen.hint)
        messages.on("session", self._screen.hint)
        messages.on("display", self._screen.hint)
        messages.on("ended", self._lost)

    async def start(self) -> None:
        await self._screen.start()

    @property
    def size(self) -> tuple[int, int]:
        return self._screen.picture.size

    @property
    def maximum(self) -> tuple[int, int]:
        return self._display.largest()

    @property
    def cursor(self) -> CursorImage:
        return self._cursor.current

    @property
    def windows(self) -> int:
        return self._windows.count

    @property
    def title(self) -> str:
        return self._windows.title

    @property
    def covered(self) -> str:
        return self._screen.covered

    @property
    def capture(self) -> str:
        return self._screen.backend_name

    def take_damage(self) -> list[Box]:
        self._check()
        return self._screen.take_damage()

    def read(self, box: Box, into: Pixels) -> None:
        self._screen.picture.read(box, into)

    def view(self, box: Box) -> Pixels:
        return self._screen.picture.view(box)

    def still(self) -> AbstractContextManager[None]:
        return _Held(self._screen)

    def arrange(self, monitors: Sequence[Box]) -> None:
        self._check()
        width, height = around(monitors)
        before = virtual_screen()
        self._display.resize(width, height)
        if virtual_screen() != before:
            self._screen.look()

    def apply(self, message: Input) -> Iterator[float]:
        self._check()
        for _ in range(_MOST_PASTE_WAITS):
            if self._clipboard.is_there:
                break
            yield _PASTE_SECONDS  # the message may be what pastes it
        if self._reach is None:
            yield from self._injector.apply(message)
        else:
            for each in self._reach.admit(message):
                if isinstance(each, float):
                    yield each
                else:
                    yield from self._injector.apply(each)
        self._screen.hurry()

    def offer(self, text: str) -> None:
        self._check()
        self._clipboard.offer(text)

    async def suit(self, prepare: Prepare) -> None:
        """The keyboard layout stays the session's own: what lies on none of its keys is typed all the same."""
        self.arrange([Box(0, 0, prepare.width, prepare.height)])

    def close(self) -> None:
        self._clipboard.close()
        self._cursor.close()
        self._windows.close()
        self._injector.release_all()
        self._screen.close()
        self._display.restore()
        self._messages.close()
        if self._application is not None:
            self._application.close()

    def _windows_changed(self) -> None:
        application = self._application
        if application is not None and not self._has_shown and self._windows.count:
            # A program that was started in the background opens its first window behind the others.
            self._has_shown = True
            if not application.has_focus():
                application.come_forward()
        self._listener.windows_changed()

    def _lost(self) -> None:
        self._is_lost = True
        log.info("the Windows session ends")
        self._listener.desktop_lost()

    def _check(self) -> None:
        if self._is_lost:
            raise DesktopLost("the Windows session has ended")


class _Held:
    """The picture that was the screen's when this was entered does not change within."""

    def __init__(self, screen: ScreenWatch) -> None:
        self._lock = screen.picture.still

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        self._lock.release()


def around(monitors: Sequence[Box]) -> tuple[int, int]:
    """The size of the box around them."""
    right = max(box.x + box.width for box in monitors) - min(box.x for box in monitors)
    return right, max(box.y + box.height for box in monitors) - min(box.y for box in monitors)


async def open_desktop(
    prepare: Prepare,
    listener: DesktopListener,
    clock: Clock,
    made: Callable[[MessageWindow, DesktopListener], WindowsDesktop] | None = None,
) -> WindowsDesktop:
    """Of the session that this process runs in. `made`: another kind of it. Raises DesktopLost when it cannot be
    used."""
    see_real_pixels()
    if made is None and prepare.application_job:
        made = partial(WindowsDesktop, application=Application(prepare.application_job))
    messages = MessageWindow()
    await messages.start()
    desktop = (made or WindowsDesktop)(messages, listener)
    try:
        await desktop.start()
        await desktop.suit(prepare)
    except BaseException:
        desktop.close()
        raise
    log.info("the desktop is captured by %s", desktop.capture or "nothing yet: it is covered")
    return desktop
