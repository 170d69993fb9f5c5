"""The desktop of an X session: composes connection, screen, capture, input, clipboard, cursor and windows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from agents.linux.capture import DamageWatch, Framebuffer
from agents.linux.clipboard import Clipboard
from agents.linux.cursor import CursorWatch
from agents.linux.injection import Injector
from agents.linux.screen import Screen, load_layout
from agents.linux.stillness import Stillness
from agents.linux.windows import Windows
from agents.linux.x11 import XConnection
from agents.worker.damage import Box, Pixels
from agents.worker.desktop import CursorImage, Desktop, DesktopListener
from portcullis.clock import Clock
from portcullis.protocol.messages import Input
from portcullis.protocol.worker_channel import Prepare


class XDesktop:
    """Made by `open_desktop`."""

    def __init__(
        self,
        x: XConnection,
        framebuffer: Framebuffer,
        prepare: Prepare,
        listener: DesktopListener,
        clock: Clock,
    ) -> None:
        self._x = x
        self._clock = clock
        self._keyboard = prepare.layout, prepare.locale
        self._reads_keys_late = prepare.reads_keys_late
        self._framebuffer = framebuffer
        self._screen = Screen(x, framebuffer, listener.resized)
        self._screen.suit(prepare.width, prepare.height, prepare.device_pixel_ratio)
        self._injector = self._new_injector()
        self._clipboard = Clipboard(x, listener.copied)
        self._cursor = CursorWatch(x, listener.cursor_changed)
        self._windows = Windows(x, listener.windows_changed)
        self._damage = DamageWatch(x, listener.damaged)
        self.still = Stillness(XConnection(x.display, prepare.xauthority))

    @property
    def size(self) -> tuple[int, int]:
        return self._screen.size

    @property
    def maximum(self) -> tuple[int, int]:
        return self._screen.maximum

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
        return ""  # the display is the session's own: nothing locks it

    @property
    def capture(self) -> str:
        return ""

    def take_damage(self) -> list[Box]:
        return self._damage.take()

    def read(self, box: Box, into: Pixels) -> None:
        self._framebuffer.read(box, into)

    def view(self, box: Box) -> Pixels:
        return self._framebuffer.view(box)

    def arrange(self, monitors: Sequence[Box]) -> None:
        self._screen.arrange(monitors)

    def apply(self, message: Input) -> Iterator[float]:
        return self._injector.apply(message)

    def offer(self, text: str) -> None:
        self._clipboard.offer(text)
        self._injector.offered()

    async def suit(self, prepare: Prepare) -> None:
        self._x.use_authority(prepare.xauthority)
        self._screen.suit(prepare.width, prepare.height, prepare.device_pixel_ratio)
        same_readers = prepare.reads_keys_late == self._reads_keys_late
        self._reads_keys_late = prepare.reads_keys_late
        if (prepare.layout, prepare.locale) != self._keyboard:
            self._keyboard = prepare.layout, prepare.locale
            await load_layout(self._x, *self._keyboard)
            self._injector = self._new_injector()
        elif not same_readers:
            self._injector = self._new_injector()

    def _new_injector(self) -> Injector:
        return Injector(self._x, lambda: self._screen.size, self._clock, self._reads_keys_late)

    def close(self) -> None:
        self._clipboard.close()
        self._windows.close()
        self._cursor.close()
        self.still.close()
        self._x.close()
        self._framebuffer.close()


async def open_desktop(prepare: Prepare, listener: DesktopListener, clock: Clock) -> Desktop:
    """Prepare the display that the leader started, or attach to one that is somebody's. Raises DesktopLost when it
    cannot be used."""
    if prepare.attached:
        # Of few sessions: others do without its memory.
        from agents.linux.desktops.desktop import attach_desktop, close_to_others

        close_to_others()
        return attach_desktop(prepare, listener, clock)
    framebuffer = Framebuffer(Path(prepare.framebuffer))
    x = XConnection(prepare.display, prepare.xauthority)
    try:
        await load_layout(x, prepare.layout, prepare.locale)
        desktop = XDesktop(x, framebuffer, prepare, listener, clock)
        x.start(listener.desktop_lost)
    except BaseException:
        x.close()
        raise
    return desktop
