"""Pixels of a display that is not ours: fetched from its server, through shared memory where both have that.

Nothing is kept: each read asks for what is there now. A connection of its own, since reads come from any thread; they
take turns. A box that lies outside of a screen that has just become smaller reads as black: its new size follows.
"""

from __future__ import annotations

import contextlib
import ctypes
import threading
from typing import Any

import numpy as np
import xcffib
import xcffib.shm as xshm
import xcffib.xproto as xproto

from agents.linux.x11 import XConnection
from agents.worker.damage import Box, Pixels
from agents.worker.desktop import DesktopLost

_COLOURS = np.uint32(0x00FFFFFF)
_ALL_PLANES = 0xFFFFFFFF
_PIXEL_BYTES = 4
_REPLY_HEAD_BYTES = 32
_IPC_PRIVATE, _IPC_CREAT, _IPC_RMID = 0, 0o1000, 0
_OWNER_ALONE = 0o600
_libc = ctypes.CDLL(None, use_errno=True)
_libc.shmat.restype = ctypes.c_void_p
_libc.shmat.argtypes = (ctypes.c_int, ctypes.c_void_p, ctypes.c_int)
_libc.shmdt.argtypes = (ctypes.c_void_p,)
_libc.shmget.argtypes = (ctypes.c_int, ctypes.c_size_t, ctypes.c_int)


class ScreenReader:
    """`read` and `view` as the desktop's contract says."""

    def __init__(self, x: XConnection, width: int, height: int) -> None:
        """Owns the connection from here on. Raises DesktopLost, also when its pixels have another form than 24 bits of
        colour in 32."""
        check_form(x)
        self._x = x
        self._lock = threading.Lock()
        self._shared: _SharedMemory | None = None
        self._is_closed = False
        self.resize(width, height)

    def read(self, box: Box, into: Pixels) -> None:
        with self._lock:
            np.bitwise_and(self._fetched(box), _COLOURS, out=into)

    def view(self, box: Box) -> Pixels:
        """A copy: what is shared is used again by the next read."""
        with self._lock:
            return self._fetched(box).copy()

    def resize(self, width: int, height: int) -> None:
        with self._lock:
            self._let_go()
            if not self._x.has_extension("MIT-SHM"):
                return
            with contextlib.suppress(OSError, xcffib.XcffibException):
                self._shared = _SharedMemory(self._x, width * height * _PIXEL_BYTES)

    @property
    def is_shared(self) -> bool:
        return self._shared is not None

    def close(self) -> None:
        with self._lock:
            self._is_closed = True
            self._let_go()
            self._x.close()

    def _let_go(self) -> None:
        if self._shared is not None:
            self._shared.close()
            self._shared = None

    def _fetched(self, box: Box) -> Pixels:
        if self._is_closed:
            raise DesktopLost("the display is not read any more")
        self._drop_events()
        try:
            return self._fetch(box)
        except xcffib.Error:
            return np.zeros((box.height, box.width), np.uint32)

    def _fetch(self, box: Box) -> Pixels:
        area = (self._x.root, box.x, box.y, box.width, box.height)
        if self._shared is not None and box.pixels * _PIXEL_BYTES <= self._shared.length:
            return self._shared.fetch(area).reshape(box.height, box.width)
        form = xproto.ImageFormat.ZPixmap
        reply = self._x.raw_reply(self._x.core.GetImage(form, *area, _ALL_PLANES))
        return np.frombuffer(reply, np.uint32, box.pixels, _REPLY_HEAD_BYTES).reshape(box.height, box.width)

    def _drop_events(self) -> None:
        """Every client is told of each change of the keyboard's map, and nobody else would take that here."""
        while True:
            try:
                if self._x.xcb.poll_for_event() is None:
                    return
            except (xcffib.Error, LookupError):
                continue


class _SharedMemory:
    """A segment that server and worker have attached, already marked to vanish with the last of both."""

    def __init__(self, x: XConnection, length: int) -> None:
        """Raises OSError, xcffib.Error: the server has none, or does not share this machine's memory."""
        self._x = x
        self.length = length
        self._shm: Any = x.extension(xshm.key)
        x.reply(self._shm.QueryVersion())
        segment = _libc.shmget(_IPC_PRIVATE, length, _IPC_CREAT | _OWNER_ALONE)
        if segment < 0:
            raise OSError(ctypes.get_errno(), "shmget")
        try:
            self._address = _libc.shmat(segment, None, 0)
            if self._address in (None, ctypes.c_void_p(-1).value):
                raise OSError(ctypes.get_errno(), "shmat")
            self._id = x.xcb.generate_id()
            try:
                x.check(self._shm.Attach(self._id, segment, False, is_checked=True))
            except BaseException:
                _libc.shmdt(self._address)
                raise
        finally:
            _libc.shmctl(segment, _IPC_RMID, None)
        self._words = np.ctypeslib.as_array(
            (ctypes.c_uint32 * (length // _PIXEL_BYTES)).from_address(self._address)
        )

    def fetch(self, area: tuple[int, int, int, int, int]) -> Pixels:
        form = xproto.ImageFormat.ZPixmap
        self._x.reply(self._shm.GetImage(*area, _ALL_PLANES, form, self._id, 0))
        return self._words[: area[3] * area[4]]

    def close(self) -> None:
        with contextlib.suppress(DesktopLost, xcffib.Error, xcffib.ConnectionException):
            self._shm.Detach(self._id)
            self._x.xcb.flush()
        del self._words
        _libc.shmdt(self._address)


def check_form(x: XConnection) -> None:
    """Raises DesktopLost."""
    depth = x.screen.root_depth
    bits = next((each.bits_per_pixel for each in x.setup.pixmap_formats if each.depth == depth), 0)
    if bits != 32 or depth not in (24, 32) or x.setup.image_byte_order != xproto.ImageOrder.LSBFirst:
        raise DesktopLost(f"its pixels have {depth} bits of colour in {bits}")
