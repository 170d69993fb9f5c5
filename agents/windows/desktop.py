"""The desktop of a Windows session: composes message window, screen, injection, clipboard, cursor and windows.

The session was there before, and goes on: its display's size and its keys are given back when this is closed.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager

from agents.windows.clipboard import Clipboard
from agents.windows.cursor import CursorWatch
from agents.windows.injection import Injector
from agents.windows.keyboard import WindowsKeyboard, is_swapped
from agents.windows.message_window import MessageWindow
from agents.windows.screen import Display, see_real_pixels, virtual_screen
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

    def __init__(self, messages: MessageWindow, listener: DesktopListener) -> None:
        self._messages = messages
        self._listener = listener
        self._is_lost = False
        self._display = Display()
        self._cursor = CursorWatch(listener.cursor_changed)
        self._screen = ScreenWatch(listener, on_look=self._cursor.look)
        keyboard = WindowsKeyboard()
        keyboard.layout()  # now, and not when somebody waits for the first letter
        self._injector = Injector(keyboard, send, virtual_screen, is_swapped)
        self._clipboard = Clipboard(messages, listener.copied)
        self._windows = Windows(messages, listener.windows_changed)
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
        yield from self._injector.apply(message)
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


async def open_desktop(prepare: Prepare, listener: DesktopListener, clock: Clock) -> WindowsDesktop:
    """Of the session that this process runs in. Raises DesktopLost when it cannot be used."""
    see_real_pixels()
    messages = MessageWindow()
    await messages.start()
    desktop = WindowsDesktop(messages, listener)
    try:
        await desktop.start()
        await desktop.suit(prepare)
    except BaseException:
        desktop.close()
        raise
    log.info("the desktop is captured by %s", desktop.capture or "nothing yet: it is covered")
    return desktop
