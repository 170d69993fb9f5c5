"""The pointer's picture, by XFixes: read once a serial, never drawn into the frame.

Xvfb paints the pointer into its framebuffer, without damage when it moves: frames would keep ghosts of it. Hidden on
the display it stays out of the pixels, and its pictures and their changes are told as before.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import numpy as np
import xcffib
import xcffib.xfixes as xfixes
from numpy.typing import NDArray

from agents.linux.x11 import XConnection
from agents.worker.cursor_pictures import ARROW, cursor_picture, thinning
from agents.worker.desktop import CursorImage
from agents.worker.throttle import Throttle

_KEPT = 64
_SELECT_DISPLAY_CURSOR = 1
_READ_SECONDS = 1 / 60


class CursorWatch:
    """`on_changed` is called with the picture that the pointer has from now on."""

    def __init__(
        self, x: XConnection, on_changed: Callable[[CursorImage], None], *, is_hidden: bool = True
    ) -> None:
        """`is_hidden`: on the display itself, where nobody looks at it."""
        self._x = x
        self._on_changed = on_changed
        self._xfixes = x.extension(xfixes.key)
        x.reply(self._xfixes.QueryVersion(5, 0))
        self._images: OrderedDict[int, CursorImage] = OrderedDict()
        self._reading = Throttle(lambda: self._use(self._read()), _READ_SECONDS)
        if is_hidden:
            self._xfixes.HideCursor(x.root)
        self._xfixes.SelectCursorInput(x.root, _SELECT_DISPLAY_CURSOR)
        x.on(xfixes.CursorNotifyEvent, self._changed)
        self.current = self._read()

    def close(self) -> None:
        self._reading.cancel()

    def _changed(self, event: Any) -> None:
        known = self._images.get(event.cursor_serial)
        if known is None:
            self._reading.ask()
        else:
            self._images.move_to_end(event.cursor_serial)
            self._reading.cancel()  # it was asked for an older one
            self._use(known)

    def _use(self, image: CursorImage) -> None:
        if image != self.current:
            self.current = image
            self._on_changed(image)

    def _read(self) -> CursorImage:
        try:
            reply = self._x.reply(self._xfixes.GetCursorImage())
        except xcffib.Error:
            return ARROW  # the client that made it has gone (xsetroot does so)
        argb = np.frombuffer(reply.cursor_image.buf(), np.uint32).reshape(reply.height, reply.width)
        image = cursor_image(reply.cursor_serial, reply.xhot, reply.yhot, argb)
        self._images[reply.cursor_serial] = image
        while len(self._images) > _KEPT:
            self._images.popitem(last=False)
        return image


def cursor_image(serial: int, hot_x: int, hot_y: int, argb: NDArray[np.uint32]) -> CursorImage:
    """From X's premultiplied ARGB; one larger than the wire allows is thinned out."""
    step = thinning(*argb.shape)
    thinned = np.ascontiguousarray(argb[::step, ::step])
    return cursor_picture(serial, hot_x // step, hot_y // step, _rgba(thinned))


def _rgba(argb: NDArray[np.uint32]) -> NDArray[np.uint8]:
    channels = argb.view(np.uint8).reshape(*argb.shape, 4)  # B, G, R, A
    alpha = channels[..., 3:].astype(np.uint32)
    colours = (channels[..., 2::-1].astype(np.uint32) * 255 + alpha // 2) // np.maximum(alpha, 1)
    return np.concatenate((np.minimum(colours, 255), alpha), axis=2).astype(np.uint8)
