"""The pointer's picture: asked for with every look at the screen, read when it is another, never part of the pixels."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import logging
import zlib
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from agents.windows.gdi import bitmap_info
from agents.windows.libraries import gdi32, user32
from agents.windows.structures import (
    CURSOR_SHOWING,
    CURSOR_SUPPRESSED,
    DIB_RGB_COLORS,
    Bitmap,
    CursorInfo,
    IconInfo,
)
from agents.worker.cursor_pictures import ARROW, HIDDEN, cursor_picture, thinning
from agents.worker.damage import Pixels
from agents.worker.desktop import CursorImage

log = logging.getLogger(__name__)

_LARGEST = 1024
_RGB = np.uint32(0x00FFFFFF)
_OPAQUE = np.uint32(0xFF000000)


class CursorWatch:
    """`on_changed` is called on the event loop with the picture that the pointer has from now on."""

    def __init__(self, on_changed: Callable[[CursorImage], None]) -> None:
        self._on_changed = on_changed
        self._loop = asyncio.get_running_loop()
        self._seen: tuple[int, int] = (-1, -1)
        self._is_closed = False
        self.current = ARROW

    def look(self) -> None:
        """On any one thread."""
        info = CursorInfo()
        info.size = ctypes.sizeof(info)
        if not user32().GetCursorInfo(ctypes.byref(info)):
            return  # on the secure desktop, whose pointer is not ours to see
        seen = info.flags & (CURSOR_SHOWING | CURSOR_SUPPRESSED), info.cursor or 0
        if seen == self._seen:
            return
        self._seen = seen
        image = _image(*seen)
        with contextlib.suppress(RuntimeError):  # the event loop has ended meanwhile
            self._loop.call_soon_threadsafe(self._use, image)

    def close(self) -> None:
        self._is_closed = True

    def _use(self, image: CursorImage) -> None:
        if image != self.current and not self._is_closed:
            self.current = image
            self._on_changed(image)


def _image(flags: int, cursor: int) -> CursorImage:
    if flags & CURSOR_SUPPRESSED:
        return ARROW  # a computer without a mouse, or used by touch: whoever looks at it from afar has one
    if not flags & CURSOR_SHOWING or not cursor:
        return HIDDEN
    info = IconInfo()
    if not user32().GetIconInfo(cursor, ctypes.byref(info)):
        return ARROW
    try:
        mask = _bits(info.mask)
        colour = _bits(info.colour) if info.colour else None
    finally:
        for bitmap in (info.mask, info.colour):
            if bitmap:
                gdi32().DeleteObject(bitmap)
    if mask is None:
        return ARROW
    return cursor_image(info.hot_x, info.hot_y, mask, colour)


def _bits(bitmap: int) -> Pixels | None:
    """The pixels of a bitmap of any depth, as 32 bits each."""
    library = gdi32()
    about = Bitmap()
    if not library.GetObjectW(bitmap, ctypes.sizeof(about), ctypes.byref(about)):
        return None
    width, height = about.width, abs(about.height)
    if not (0 < width <= _LARGEST and 0 < height <= 2 * _LARGEST):
        return None
    pixels = np.zeros((height, width), np.uint32)
    info = bitmap_info(width, -height)
    context = user32().GetDC(None)
    try:
        rows = library.GetDIBits(
            context, bitmap, 0, height, pixels.ctypes.data, ctypes.byref(info), DIB_RGB_COLORS
        )
    finally:
        user32().ReleaseDC(None, context)
    return pixels if rows == height else None


def cursor_image(hot_x: int, hot_y: int, mask: Pixels, colour: Pixels | None) -> CursorImage:
    """From what an icon is made of: white in `mask` lets the screen through. Its serial is made of the picture: Windows
    gives the same handle to another one later."""
    if (
        colour is None
    ):  # two pictures of one bit each, one below the other: the mask, and what is inverted or white
        half = len(mask) // 2
        mask, colour = mask[:half], mask[half:]
        rgba = _masked(mask, colour)
    elif (colour & _OPAQUE).any():
        rgba = _channels(colour)
    else:
        rgba = _masked(mask[: len(colour)], colour)
    step = thinning(*rgba.shape[:2])
    thinned = np.ascontiguousarray(rgba[::step, ::step])
    serial = zlib.crc32(
        thinned.tobytes(), zlib.crc32(bytes((hot_x & 255, hot_y & 255, thinned.shape[1] & 255)))
    )
    return cursor_picture(serial or 1, hot_x // step, hot_y // step, thinned)


def _masked(mask: Pixels, colour: Pixels) -> NDArray[np.uint8]:
    """What inverts the screen, such as the bar of text, becomes black with a white edge: it is seen on any ground."""
    is_through = mask & _RGB != 0
    is_inverting = is_through & (colour & _RGB != 0)
    argb = np.where(is_through, np.uint32(0), colour & _RGB | _OPAQUE)
    edge = _around(is_inverting) & is_through & ~is_inverting
    argb[is_inverting] = _OPAQUE
    argb[edge] = _OPAQUE | _RGB
    return _channels(argb)


def _around(pixels: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """These and all beside them."""
    padded = np.pad(pixels, 1)
    height, width = pixels.shape
    result = np.zeros_like(pixels)
    for y in range(3):
        for x in range(3):
            result |= padded[y : y + height, x : x + width]
    return result


def _channels(argb: Pixels) -> NDArray[np.uint8]:
    bgra = np.ascontiguousarray(argb, np.uint32).view(np.uint8).reshape(*argb.shape, 4)
    return bgra[..., [2, 1, 0, 3]]
