"""Is it a photograph? Answered by some of its rows: zstd leaves more than a quarter of them, and colours seldom recur.

Measured: zstd is smaller, faster and exact on text, and a tenth as good as JPEG or a video on photographs. Dense small
text can be nearly as hard for zstd, so it is told by its colours: at most one pixel in seven has one of its own,
of photographs one in four at least.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import zstandard

from agents.worker.damage import Box, Pixels

LEAST_PIXELS = 64 * 64
"""What is smaller costs as little exactly."""
_LEAST_RATIO = 4
_MOST_ALIKE = 4
"""Pixels to a colour."""
_BLOCK = 256
_PROBED_ROWS, _PROBED_PIXELS = 8, 2048
_RGB_BYTES = 3


def parts(pixels: Pixels, box: Box) -> Iterator[tuple[Box, bool]]:
    """The box from left to right, in parts that are photographs or are not."""
    start = 0
    is_photo = False
    for left in range(0, box.width, _BLOCK):
        block_is_photo = is_photograph(pixels[:, left : left + _BLOCK])
        if left and block_is_photo != is_photo:
            yield Box(box.x + start, box.y, left - start, box.height), is_photo
            start = left
        is_photo = block_is_photo
    yield Box(box.x + start, box.y, box.width - start, box.height), is_photo


def is_photograph(pixels: Pixels) -> bool:
    height, width = pixels.shape
    count = max(_PROBED_ROWS, _PROBED_PIXELS // width)
    rows = np.ascontiguousarray(pixels[:: max(1, height // count)]).reshape(-1)
    if len(np.unique(rows)) * _MOST_ALIKE < rows.size:
        return False
    rgb = np.ascontiguousarray(rows.view(np.uint8).reshape(-1, 4)[:, :_RGB_BYTES])
    return len(zstandard.compress(rgb.data, 1)) * _LEAST_RATIO > rgb.size
