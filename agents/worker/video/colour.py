"""Pixels -> planes of BT.601, limited range, by libyuv: 0.9 ms for 1920x1080, of which most is reading the memory.

OpenCV needs 1.4 ms and takes the colour of one pixel of four, swscale, which Windows has, 2 to 2.5 ms. Planes are a
multiple of 16 wide and high, as codecs keep pictures anyway: a decoder then has nothing to cut off, which not all do
alike, and what lies beyond the picture repeats its edge.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agents.worker.damage import Pixels
from agents.worker.video import libraries
from agents.worker.video.libraries import declare, load
from agents.worker.video.swscale import Swscale

_ALIGNMENT = 16
_PLANES = (ctypes.c_void_p, ctypes.c_int)
_BEYOND = 64
"""Bytes behind the last plane, where a library writes whole vectors."""


@dataclass(frozen=True, slots=True)
class Plane:
    samples: NDArray[np.uint8]
    stride: int
    address: int


class Planes:
    """Room for one picture, its planes one behind the other; filled again for each."""

    def __init__(self, width: int, height: int, *, full_colour: bool) -> None:
        """Raises LookupError where the library is missing, ValueError for what it refuses."""
        self._convert = _conversion(width, height, full_colour=full_colour)
        self.size = width, height
        self._halving = 1 if full_colour else 2
        self.width, self.height = (-(-side // _ALIGNMENT) * _ALIGNMENT for side in (width, height))
        luma, chroma = self.width * self.height, self.width * self.height // self._halving**2
        self._memory = np.empty(luma + 2 * chroma + _BEYOND, np.uint8)
        contents = self._memory[:-_BEYOND]
        first, *others = np.split(contents, (luma, luma + chroma))
        self.samples = contents.reshape(-1, self.width)
        """Of all planes, in rows as long as those of the luma."""
        self.luma = self._plane(first, self.width)
        self.chroma = [self._plane(other, self.width // self._halving) for other in others]

    @property
    def address(self) -> int:
        return self.luma.address

    def fill(self, pixels: Pixels) -> None:
        """Raises ValueError for pixels of another size."""
        width, height = self.size
        if pixels.shape != (height, width):
            raise ValueError(f"pixels of {pixels.shape[::-1]} in planes of {self.size}")
        rows = pixels if pixels.strides[1] == 4 else np.ascontiguousarray(pixels)
        room = [number for plane in (self.luma, *self.chroma) for number in (plane.address, plane.stride)]
        self._convert(rows, *room)
        _repeat_edges(self.luma.samples, width, height)
        for plane in self.chroma:
            _repeat_edges(plane.samples, -(-width // self._halving), -(-height // self._halving))

    def _plane(self, memory: NDArray[np.uint8], stride: int) -> Plane:
        samples = memory.reshape(-1, stride)
        return Plane(samples, stride, samples.ctypes.data)


def _repeat_edges(samples: NDArray[np.uint8], width: int, height: int) -> None:
    samples[:height, width:] = samples[:height, width - 1 : width]
    samples[height:] = samples[height - 1]


def _conversion(width: int, height: int, *, full_colour: bool) -> Callable[..., None]:
    """Called with rows of pixels and with address and stride of each plane."""
    if libraries.FROM_WHEEL:  # which has no libyuv
        return Swscale(width, height, full_colour=full_colour)
    library = load("libyuv.so.0", wheel="yuv")
    if library is None:
        raise LookupError("libyuv")
    name = "ARGBToI444" if full_colour else "ARGBToI420"
    declare(library, name, (*_PLANES, *_PLANES * 3, ctypes.c_int, ctypes.c_int), ctypes.c_int)
    function = getattr(library, name)
    return lambda rows, *room: function(rows.ctypes.data, rows.strides[0], *room, width, height)
