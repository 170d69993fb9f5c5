"""Ways to the pixels of an application's windows alone, on a plain backdrop (`capture.CaptureBackend`).

By GDI the screen is copied where the application's windows are the topmost, as the order of all windows has it. That is
read before and after the copy, what is another's by either is backdrop, and after a change the copy waits until it has
been drawn. By Windows.Graphics.Capture each window is
captured by itself, whatever lies over it, and painted at its place; one that cannot be captured so (menus of some
programs) is copied from the screen as by GDI. That was never run on genuine Windows: docs/windows.md says how to.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Sequence
from importlib import import_module

import numpy as np

from agents.windows.gdi import GdiCapture
from agents.windows.graphics_capture import NAME, Item
from agents.windows.libraries import dwmapi
from agents.windows.scene import BACKDROP, Lingering, Scene, Shown, around, veil
from agents.windows.screen import virtual_screen
from agents.windows.uncapturable import Uncapturable
from agents.worker.damage import Box, Pixels, area

log = logging.getLogger(__name__)

_DRAWN_SECONDS = 1 / 60
"""From when a window moved until what is on the screen shows it, where the compositor does not tell."""
_RECENT_SECONDS = 0.05
_AGAIN_SECONDS = 2.0
"""Before a window that could not be captured is tried again."""

Stack = Callable[[Box], Sequence[Shown]]
"""What lies on this screen, the topmost first."""


class VisibleParts:
    """What the screen shows of the application, by GDI."""

    name = "GDI, the application's windows"

    def __init__(self, stack: Stack, on_news: Callable[[], None] = lambda: None) -> None:
        """Raises Uncapturable."""
        self._stack = stack
        self._gdi = GdiCapture(on_news)
        self._lingering = Lingering()
        self._before: Scene | None = None
        self._before_at = -math.inf
        self._screen: Box | None = None
        self._is_moving = False
        """Windows moved while the screen was copied."""

    def grab(self, seconds: float) -> Pixels:
        screen = virtual_screen()
        is_recent = screen == self._screen and time.monotonic() - self._before_at < _RECENT_SECONDS
        # What was read after the last copy is what is there before this one.
        scenes = [self._before if self._before is not None and is_recent else self._scene(screen)]
        if self._is_moving or scenes[0] != self._before:
            # Windows say where they are before they are drawn there.
            dwmapi().DwmFlush()
            time.sleep(_DRAWN_SECONDS)
            scenes.append(self._scene(screen))
        pixels = self._gdi.copy(screen, around(scenes[-1].shown))
        scenes.append(self._scene(screen))
        self._is_moving = scenes[-1] != scenes[-2]
        self._before, self._before_at, self._screen = scenes[-1], time.monotonic(), screen
        for number, scene in enumerate(scenes):
            if scene not in scenes[:number]:
                veil(pixels, scene.hidden)
        return pixels

    def close(self) -> None:
        self._gdi.close()

    def _scene(self, screen: Box) -> Scene:
        picture = Box(0, 0, screen.width, screen.height)
        return self._lingering.divided(self._stack(screen), picture, time.monotonic())


class EachWindow:
    """Every window of the application by Windows.Graphics.Capture."""

    name = f"{NAME}, each window"

    def __init__(
        self,
        stack: Stack,
        on_news: Callable[[], None] = lambda: None,
        on_refused: Callable[[str], None] = lambda reason: None,
    ) -> None:
        """`on_refused`: the first window that was tried cannot be captured: there is no way. Raises Uncapturable."""
        try:
            import_module("windows_capture")
        except ImportError as exc:
            raise Uncapturable(f"{self.name} cannot be used: {exc}") from exc
        self._stack = stack
        self._on_news = on_news
        self._on_refused = on_refused
        self._works = False
        self._items: dict[int, Item] = {}
        self._frames: dict[int, Pixels] = {}
        self._not_before: dict[int, float] = {}
        """When a window that could not be captured is tried again."""
        self._picture: Pixels = np.empty((0, 0), np.uint32)
        self._painted: list[Shown] = []
        self._parts = VisibleParts(stack, on_news)

    def grab(self, seconds: float) -> Pixels | None:
        screen = virtual_screen()
        ours = [each for each in self._stack(screen) if each.is_ours]
        self._keep_only({each.window for each in ours})
        has_news = any([self._look(each.window) for each in ours])
        uncaptured = [each for each in ours if each.window not in self._frames]
        shape = screen.height, screen.width
        if not (has_news or uncaptured or ours != self._painted or self._picture.shape != shape):
            return None
        if self._picture.shape != shape:
            self._picture = np.empty(shape, np.uint32)
        self._picture[:] = BACKDROP
        on_screen = self._parts.grab(0) if uncaptured else self._picture
        for each in reversed(ours):
            self._paint(each, on_screen)
        self._painted = ours
        return self._picture

    def close(self) -> None:
        self._keep_only(set())
        self._parts.close()

    def _look(self, window: int) -> bool:
        """Whether there is something new of this window."""
        try:
            if window not in self._items:
                if time.monotonic() < self._not_before.get(window, 0.0):
                    return False
                self._items[window] = Item(self._on_news, self.name, window_hwnd=window)
            frame = self._items[window].newest(0)
        except Uncapturable as exc:
            if not self._works:
                self._on_refused(str(exc))
                raise
            log.debug("window %x is copied from the screen: %s", window, exc)
            self._drop(window)
            self._not_before[window] = time.monotonic() + _AGAIN_SECONDS
            return False
        if frame is not None:
            self._frames[window] = frame
            self._works = True
        return frame is not None

    def _paint(self, shown: Shown, on_screen: Pixels) -> None:
        frame = self._frames.get(shown.window)
        x, y = shown.corner
        for box in shown.boxes:
            if frame is None:
                self._picture[area(box)] = on_screen[area(box)]
                continue
            inside = box.moved(-x, -y).clipped(frame.shape[1], frame.shape[0])
            if inside is not None:
                blend(self._picture[area(inside.moved(x, y))], frame[area(inside)])

    def _keep_only(self, windows: set[int]) -> None:
        for window in set(self._items) - windows:
            self._drop(window)
        self._not_before = {window: at for window, at in self._not_before.items() if window in windows}

    def _drop(self, window: int) -> None:
        self._frames.pop(window, None)
        item = self._items.pop(window, None)
        if item is not None:
            try:
                item.close()
            except Exception as exc:
                # A window that is gone has ended its capture: nothing is lost by that.
                log.debug("the capture of window %x could not be closed: %s", window, exc)


def blend(below: Pixels, above: Pixels) -> None:
    """`above` over `below`, in place; its colours hold their share of opacity already, as the compositor has them."""
    opacity = above >> 24
    if (opacity == 0xFF).all():
        below[:] = above
        return
    rest = 0xFF - opacity
    result = np.zeros_like(below)
    for shift in (0, 8, 16):
        mixed = (above >> shift & 0xFF) + ((below >> shift & 0xFF) * rest + 127) // 255
        result |= np.minimum(mixed, 0xFF) << shift
    below[:] = result


def ways(stack: Stack) -> Sequence[Callable[[Callable[[], None]], EachWindow | VisibleParts]]:
    """For `capture.open_backend`: the better first. One that was refused is not tried again."""
    refused: list[str] = []

    def each_window(on_news: Callable[[], None]) -> EachWindow:
        if refused:
            raise Uncapturable(refused[-1])
        return EachWindow(stack, on_news, refused.append)

    return each_window, lambda on_news: VisibleParts(stack, on_news)
