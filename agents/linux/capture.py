"""The session's pixels: Xvfb's framebuffer file mapped into memory, and XDamage to say where to look.

Source of the file's format: X11/XWDFile.h, big-endian words. Its stride stays that of the size the server started
with, whatever RandR sets later. The server draws over all of it at its start, 33 MB, of which a display of 1280x720
uses 6: what it does not use is given back, and taken again before it grows.
"""

from __future__ import annotations

import ctypes
import mmap
import os
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import xcffib.damage as xdamage
import xcffib.xfixes as xfixes

from agents.linux.x11 import XConnection
from agents.worker.damage import Box, Pixels, joined
from agents.worker.desktop import DesktopLost

_WORDS = struct.Struct(">25I")
_COLOUR_BYTES = 12
_COLOURS = np.uint32(0x00FFFFFF)  # what some clients leave in the fourth byte is no change
_BOUNDING_BOX = 2
_FORMAT = 2  # ZPixmap
_PIXEL_BYTES = 4
_MOST_WORDS = 2 * 64
"""Of rectangles, two a piece: each costs 5 us."""
_JOINED_PIXELS = 32 * 1024
"""Looking at so many pixels in vain costs less than one more box."""
_KEEP_SIZE, _PUNCH_HOLE = 1, 2  # linux/falloc.h
_libc = ctypes.CDLL(None, use_errno=True)


class Framebuffer:
    """`read` gives pixels as 0x00RRGGBB. Any thread may read; a picture half drawn is seen again as damage."""

    def __init__(self, path: Path) -> None:
        """Raises DesktopLost when the file is not what Xvfb makes."""
        try:
            # Kept: the file may be given another name, that of its session.
            self._file = os.open(path, os.O_RDWR | os.O_CLOEXEC)
            data = mmap.mmap(self._file, 0, access=mmap.ACCESS_READ)
        except (OSError, ValueError) as exc:
            raise DesktopLost(f"no framebuffer at {path}") from exc
        if len(data) < _WORDS.size:
            raise DesktopLost(f"{path} is not a framebuffer")
        head = _WORDS.unpack_from(data)
        form, self.width, self.height, byte_order, depth_bits = head[2], head[4], head[5], head[7], head[11]
        stride, start = head[12], head[0] + head[19] * _COLOUR_BYTES
        whole = start + stride * self.height <= len(data) and stride >= self.width * 4
        if (form, byte_order, depth_bits) != (_FORMAT, 0, 32) or not whole:
            raise DesktopLost(f"{path} is not a framebuffer of 32 bits a pixel")
        self._start, self._stride = start, stride
        words = np.frombuffer(data, np.uint32, count=stride // 4 * self.height, offset=start)
        self._pixels: Pixels = words.reshape(self.height, stride // 4)

    def read(self, box: Box, into: Pixels) -> None:
        """`into`: of the box's shape."""
        np.bitwise_and(self.view(box), _COLOURS, out=into)

    def view(self, box: Box) -> Pixels:
        """The server's own memory, and what clients left in the fourth byte."""
        return self._pixels[box.y : box.y + box.height, box.x : box.x + box.width]

    def make_room(self, width: int, height: int) -> None:
        """Before the display becomes so large. Raises OSError when its memory is not to be had: drawing there would
        end the server by SIGBUS."""
        for offset, length in self._rows(0, width * _PIXEL_BYTES, height):
            os.posix_fallocate(self._file, offset, length)

    def give_back(self, width: int, height: int) -> None:
        """After the display became so small: the server has drawn over all that it could have, at its start."""
        used = width * _PIXEL_BYTES
        below = self._start + self._stride * height
        _punch(self._file, below, self._stride * (self.height - height))
        if self._stride - used >= 2 * mmap.PAGESIZE:
            for offset, length in self._rows(used, self._stride - used, height):
                _punch(self._file, offset, length)

    def close(self) -> None:
        """What was read stays; no room can be made or given back any more."""
        os.close(self._file)

    def _rows(self, within: int, length: int, count: int) -> Iterator[tuple[int, int]]:
        for row in range(count):
            yield self._start + self._stride * row + within, length


def _punch(descriptor: int, offset: int, length: int) -> None:
    """A part of a page is written with zeros, which may be seen: only whole pages are given back."""
    first = -(-offset // mmap.PAGESIZE) * mmap.PAGESIZE
    end = (offset + length) // mmap.PAGESIZE * mmap.PAGESIZE
    if end > first:
        # A file system that cannot, keeps the pages: nothing is lost but memory.
        _libc.fallocate(
            descriptor, _PUNCH_HOLE | _KEEP_SIZE, ctypes.c_long(first), ctypes.c_long(end - first)
        )


class DamageWatch:
    """`on_damage` is called when something was drawn; `take` says where, and starts anew."""

    def __init__(self, x: XConnection, on_damage: Callable[[], None]) -> None:
        self._x = x
        self._on_damage = on_damage
        self._is_damaged = False
        self._xfixes = x.extension(xfixes.key)
        x.reply(self._xfixes.QueryVersion(5, 0))
        self._damage = x.extension(xdamage.key)
        x.reply(self._damage.QueryVersion(1, 1))
        self._id = x.xcb.generate_id()
        # One rectangle a time: an event each would cost 5 us of Python, 10 % of a core while a video plays.
        x.check(self._damage.CreateChecked(self._id, x.root, _BOUNDING_BOX))
        self._region = x.xcb.generate_id()
        x.check(self._xfixes.CreateRegionChecked(self._region, 0, []))
        x.on(xdamage.NotifyEvent, self._damaged)

    def take(self) -> list[Box]:
        """Where something was drawn since the last call. Pixels read after it hold all of that.

        The server says what it forgets, in one round trip: events alone tell of the letter, and of the caret
        behind it only when the letter has been sent. An event that is still on its way brings one look too many.
        """
        if not self._is_damaged:
            return []
        self._is_damaged = False
        self._damage.Subtract(self._id, 0, self._region)
        region = self._x.reply(self._xfixes.FetchRegion(self._region))
        if not (region.extents.width and region.extents.height):
            return []
        if region.length > _MOST_WORDS:
            return [_box(region.extents)]
        return joined(map(_box, region.rectangles), _JOINED_PIXELS)

    def _damaged(self, _: Any) -> None:
        self._is_damaged = True
        self._on_damage()


def _box(area: Any) -> Box:
    return Box(max(0, area.x), max(0, area.y), area.width, area.height)
