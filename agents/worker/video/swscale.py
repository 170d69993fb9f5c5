"""Pixels -> planes by FFmpeg's libswscale, where there is no libyuv: 1.3 ms for 1280x720 in 4:4:4, against 0.5 ms."""

from __future__ import annotations

import ctypes
from ctypes import POINTER, c_char_p, c_int, c_void_p

import numpy as np

from agents.worker.damage import Pixels
from agents.worker.video.libraries import declare, load

_MEAN = 0x20 | 0x4000
"""A colour of 4:2:0 is the mean of its four pixels. "Accurate rounding" (0x40000) takes twice the time and changes
nothing beyond half a level."""
_STEP = 32
"""Pixels that it may read at once, whether the row has so many or not."""
_PLANES = 4


class Swscale:
    """Of one size; called as libyuv's functions are."""

    def __init__(self, width: int, height: int, *, full_colour: bool) -> None:
        """Raises LookupError where the library is missing, ValueError for what it refuses."""
        self._library, pixel_format = _library()
        formats = [pixel_format(name) for name in (b"bgr0", b"yuv444p" if full_colour else b"yuv420p")]
        if min(formats) < 0:
            raise LookupError("libswscale without these formats")
        self._context: int | None = self._library.sws_getContext(
            width, height, formats[0], width, height, formats[1], _MEAN, None, None, None
        )
        if not self._context:
            raise ValueError(f"{width}x{height} is refused")
        padded = -(-width // _STEP) * _STEP
        self._room = None if width == padded else np.zeros((height, padded), np.uint32)
        self._source, self._strides = (c_void_p * _PLANES)(), (c_int * _PLANES)()
        self._planes, self._plane_strides = (c_void_p * _PLANES)(), (c_int * _PLANES)()

    def __call__(self, rows: Pixels, *room: int) -> None:
        """`room`: address and stride of each plane."""
        height, width = rows.shape
        if self._room is not None:
            self._room[:, :width] = rows
            rows = self._room
        self._source[0], self._strides[0] = rows.ctypes.data, rows.strides[0]
        self._planes[:3], self._plane_strides[:3] = list(room[::2]), list(room[1::2])
        self._library.sws_scale(
            self._context, self._source, self._strides, 0, height, self._planes, self._plane_strides
        )

    def __del__(self) -> None:
        if getattr(self, "_context", None):
            self._library.sws_freeContext(self._context)
            self._context = None


def _library() -> tuple[ctypes.CDLL, ctypes._NamedFuncPointer]:
    """With `av_get_pix_fmt`: the numbers of formats are another in each version."""
    library, formats = load(wheel="swscale"), load(wheel="avutil")
    if library is None or formats is None:
        raise LookupError("libswscale")
    numbers, arrays = [c_int] * 3, [POINTER(c_void_p), POINTER(c_int)]
    declare(library, "sws_getContext", [*numbers, *numbers, c_int, *[c_void_p] * 3], c_void_p)
    declare(library, "sws_scale", [c_void_p, *arrays, c_int, c_int, *arrays], c_int)
    declare(library, "sws_freeContext", [c_void_p])
    declare(formats, "av_get_pix_fmt", [c_char_p], c_int)
    return library, formats.av_get_pix_fmt
