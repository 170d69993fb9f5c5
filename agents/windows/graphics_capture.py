"""Monitors and windows by Windows.Graphics.Capture, through the optional package `windows-capture` (from Windows 10,
1903).

Its frames arrive on a thread of its own, as the compositor makes them: the newest is kept until it is asked for. Not
verified on genuine Windows: docs/windows.md says how to.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from importlib import import_module
from typing import Any

import numpy as np

from agents.windows.screen import monitor_count, virtual_screen
from agents.windows.uncapturable import Uncapturable
from agents.worker.damage import Pixels

log = logging.getLogger(__name__)

NAME = "Windows.Graphics.Capture"


class Item:
    """One monitor or window, by its newest frame."""

    def __init__(self, on_news: Callable[[], None], name: str, **what: int) -> None:
        """`what`: as the package names it. Raises Uncapturable."""
        self._on_news = on_news
        self._name = name
        self._newest: Any = None
        self._is_over = False
        self._has_news = threading.Condition()
        try:
            package = import_module("windows_capture")
            try:
                self._control = self._start(package, draw_border=False, **what)
            except Exception as exc:
                # Windows 10 insists on a border around what is captured; it is not in the picture.
                log.info("%s draws its border: %s", name, exc)
                self._control = self._start(package, draw_border=None, **what)
        except Exception as exc:
            # The package raises whatever Windows said; without it, the next way is tried.
            raise Uncapturable(f"{name} cannot be used: {exc}") from exc

    def _start(self, package: Any, **options: Any) -> Any:
        capture = package.WindowsCapture(cursor_capture=False, **options)
        capture.frame_handler = self._arrived
        capture.closed_handler = self._closed
        return capture.start_free_threaded()

    def newest(self, seconds: float) -> Pixels | None:
        """None: nothing new came within that time. Raises Uncapturable once it has ended."""
        with self._has_news:
            self._has_news.wait_for(lambda: self._newest is not None or self._is_over, seconds)
            newest, self._newest = self._newest, None
            if newest is None and self._is_over:
                raise Uncapturable(f"{self._name} has ended")
        return None if newest is None else as_words(newest)

    def close(self) -> None:
        self._control.stop()

    def _arrived(self, frame: Any, control: Any) -> None:
        # Its memory is the frame's own, as long as somebody holds it.
        with self._has_news:
            self._newest = frame.frame_buffer
            self._has_news.notify()
        self._on_news()

    def _closed(self) -> None:
        with self._has_news:
            self._is_over = True
            self._has_news.notify()


class GraphicsCapture:
    """`capture.CaptureBackend`: the one monitor."""

    name = NAME

    def __init__(self, on_news: Callable[[], None] = lambda: None) -> None:
        """Raises Uncapturable."""
        if monitor_count() != 1:
            raise Uncapturable(f"{self.name} shows one monitor, and there are {monitor_count()}")
        self._item = Item(on_news, self.name, monitor_index=1)

    def grab(self, seconds: float) -> Pixels | None:
        pixels = self._item.newest(seconds)
        if pixels is None:
            return None
        screen = virtual_screen()
        if pixels.shape != (screen.height, screen.width):
            raise Uncapturable(f"{self.name} shows another size than the screen has")
        return pixels

    def close(self) -> None:
        self._item.close()


def as_words(bgra: Any) -> Pixels:
    """(height, width, 4) bytes -> 0x??RRGGBB; without a copy where each row lies in one piece."""
    array = np.asarray(bgra, np.uint8)
    if array.strides[-1] != 1 or array.strides[-2] != 4:
        array = np.ascontiguousarray(array)
    words: Pixels = array.view(np.uint32)[..., 0]
    return words
