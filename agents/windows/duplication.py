"""The screen by DXGI desktop duplication, through the optional package `dxcam`.

Not verified on genuine Windows: docs/windows.md says how to.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from importlib import import_module

from agents.windows.graphics_capture import as_words
from agents.windows.screen import monitor_count, virtual_screen
from agents.windows.uncapturable import Uncapturable
from agents.worker.damage import Pixels

_ASK_SECONDS = 0.004


class Duplication:
    """`capture.CaptureBackend`."""

    name = "DXGI duplication"

    def __init__(self, on_news: Callable[[], None] = lambda: None) -> None:
        """Raises Uncapturable."""
        if monitor_count() != 1:
            raise Uncapturable(f"{self.name} shows one monitor, and there are {monitor_count()}")
        try:
            package = import_module("dxcam")
            # Without a colour to convert to, nothing but numpy is needed.
            self._camera = package.create(output_color="BGRA", processor_backend="numpy")
        except Exception as exc:
            # The package raises whatever Windows said; without it, the next way is tried.
            raise Uncapturable(f"{self.name} cannot be used: {exc}") from exc

    def grab(self, seconds: float) -> Pixels | None:
        deadline = time.monotonic() + seconds
        while True:
            try:
                frame = self._camera.grab()
            except Exception as exc:
                # A lost duplication (mode change, secure desktop) comes as one of many errors of COM.
                raise Uncapturable(f"{self.name} has ended: {exc}") from exc
            if frame is not None:
                break
            if time.monotonic() >= deadline:
                return None
            time.sleep(_ASK_SECONDS)
        pixels = as_words(frame)
        screen = virtual_screen()
        if pixels.shape != (screen.height, screen.width):
            raise Uncapturable(f"{self.name} shows another size than the screen has")
        return pixels

    def close(self) -> None:
        self._camera.release()
