"""The screen by GDI: BitBlt of its device context into a DIB section, whose memory is the picture. Always there.

It is asked again each time, as it does not tell of changes. A computer without a display (a session of Remote Desktop
that was disconnected), and the secure desktop, are told by a BitBlt that fails.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable

import numpy as np

from agents.windows.libraries import gdi32, last_error, user32
from agents.windows.screen import virtual_screen
from agents.windows.structures import BI_RGB, DIB_RGB_COLORS, SRCCOPY, BitmapInfo
from agents.windows.uncapturable import Uncapturable
from agents.worker.damage import Box, Pixels


class GdiCapture:
    """`capture.CaptureBackend`."""

    name = "GDI"

    def __init__(self, on_news: Callable[[], None] = lambda: None) -> None:
        """Raises Uncapturable."""
        self._user32, self._gdi32 = user32(), gdi32()
        self._context = self._gdi32.CreateCompatibleDC(None)
        if not self._context:
            raise Uncapturable(f"GDI gives no device context: error {last_error()}")
        self._bitmap: int | None = None
        self._pixels: Pixels = np.empty((0, 0), np.uint32)

    def grab(self, seconds: float) -> Pixels:
        screen = virtual_screen()
        return self.copy(screen, Box(0, 0, screen.width, screen.height))

    def copy(self, screen: Box, part: Box | None) -> Pixels:
        """As `grab`, of a screen of this size; this part of the picture alone is new. None: nothing is."""
        if self._pixels.shape != (screen.height, screen.width):
            self._resize(screen)
        if part is None:
            return self._pixels
        # Anew each time: one that is kept is of no use after the desktop has changed.
        source = self._user32.GetDC(None)
        if not source:
            raise Uncapturable(f"GDI gives no screen: error {last_error()}")
        try:
            place = part.x, part.y, part.width, part.height
            at = screen.x + part.x, screen.y + part.y
            done = self._gdi32.BitBlt(self._context, *place, source, *at, SRCCOPY)
            error = last_error()
        finally:
            self._user32.ReleaseDC(None, source)
        if not done:
            raise Uncapturable(f"GDI cannot copy the screen: error {error}")
        self._gdi32.GdiFlush()
        return self._pixels

    def close(self) -> None:
        self._gdi32.DeleteDC(self._context)
        self._forget()

    def _resize(self, screen: Box) -> None:
        if screen.width <= 0 or screen.height <= 0:
            raise Uncapturable("there is no display")
        bits = ctypes.c_void_p()
        info = bitmap_info(screen.width, -screen.height)
        bitmap = self._gdi32.CreateDIBSection(
            self._context, ctypes.byref(info), DIB_RGB_COLORS, ctypes.byref(bits), None, 0
        )
        if not bitmap or not bits.value:
            raise Uncapturable(f"GDI gives no memory for {screen.width}x{screen.height} pixels")
        self._gdi32.SelectObject(self._context, bitmap)
        self._forget()
        self._bitmap = bitmap
        words = (ctypes.c_uint32 * (screen.width * screen.height)).from_address(bits.value)
        self._pixels = np.frombuffer(memoryview(words), np.uint32).reshape(screen.height, screen.width)

    def _forget(self) -> None:
        self._pixels = np.empty((0, 0), np.uint32)
        if self._bitmap is not None:
            self._gdi32.DeleteObject(self._bitmap)
            self._bitmap = None


def bitmap_info(width: int, height: int) -> BitmapInfo:
    """Of 32 bits a pixel; a negative height begins with the topmost row."""
    info = BitmapInfo()
    info.header.size = ctypes.sizeof(info.header)
    info.header.width, info.header.height = width, height
    info.header.planes, info.header.bit_count, info.header.compression = 1, 32, BI_RGB
    return info
