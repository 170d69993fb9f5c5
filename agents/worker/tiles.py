"""A box of pixels -> one operation of a FRAME: a fill when it has one colour, else lossless zstd.

zstd level 1 on RGB is smaller than JPEG on screen text and three times as fast (measured), and exact. A few letters are
worth level 9: a fifth smaller for 5 us.
"""

from __future__ import annotations

import numpy as np
import zstandard
from numpy.typing import NDArray

from agents.worker.damage import Box, Pixels
from portcullis.protocol.operations import fill_operation, tile_operation

_SMALL_PIXELS = 1024


class TileEncoder:
    """One thread at a time: a compressor keeps its working memory between calls."""

    def __init__(self) -> None:
        self._quick = zstandard.ZstdCompressor(level=1)
        self._thorough = zstandard.ZstdCompressor(level=9)

    def encode(self, pixels: Pixels, box: Box) -> bytes:
        first = int(pixels[0, 0])
        if (pixels == first).all():
            return fill_operation(box.x, box.y, box.width, box.height, first.to_bytes(3, "big"))
        compressor = self._thorough if pixels.size <= _SMALL_PIXELS else self._quick
        data = compressor.compress(_rgb(pixels).data)
        return tile_operation(box.x, box.y, box.width, box.height, data)


def _rgb(pixels: Pixels) -> NDArray[np.uint8]:
    # One plane at a time: three times as fast as one copy with a reversed stride.
    height, width = pixels.shape
    planes = np.ascontiguousarray(pixels).view(np.uint8).reshape(height, width, 4)
    rgb = np.empty((height, width, 3), np.uint8)
    for to, source in enumerate((2, 1, 0)):
        rgb[..., to] = planes[..., source]
    return rgb
