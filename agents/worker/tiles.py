"""A box of pixels -> one operation of a FRAME, exactly.

One colour is a fill. What the viewer keeps is drawn from its cache. All else is lossless zstd of RGB, which is smaller
than JPEG on screen text and three times as fast (measured); a few letters are worth level 9: a fifth smaller for 5 us.

A larger tile goes column by column, in strips of a line of text each: a letter is then one run of bytes wherever it
stands, and a page of text takes 40 % of the bytes of rows, in the same time (measured; level 3 is worth it there and
not on rows). Where the lines are shows in how often the colour changes along each row.
"""

from __future__ import annotations

import numpy as np
import zstandard
from numpy.typing import NDArray

from agents.worker.cache import TileCache
from agents.worker.damage import Box, Pixels
from portcullis.protocol.operations import (
    CacheDraw,
    CachePut,
    TileColumns,
    cache_draw_operation,
    cache_put_operation,
    columns_operation,
    fill_operation,
    tile_operation,
)

_SMALL_PIXELS = 1024
_COLUMNS_PIXELS = 8192
"""Below this, strips have too few letters."""
_USUAL_ROWS = 16
_LOWEST_LINE, _HIGHEST_LINE = 8, 40
_LEAST_REGULARITY = 0.5
_SAMPLES, _SAMPLE_COLUMNS = 4, 160

Strips = tuple[int, int]
"""Rows of the first, and of each further one."""


class TileEncoder:
    """One thread at a time: a compressor keeps its working memory between calls. `draws`: bits of CAPABILITIES."""

    def __init__(self, draws: int = 0) -> None:
        self._quick = zstandard.ZstdCompressor(level=1)
        self._thorough = zstandard.ZstdCompressor(level=9)
        self._columns = zstandard.ZstdCompressor(level=3) if draws >> TileColumns.KIND & 1 else None
        has_cache = draws >> CachePut.KIND & 1 and draws >> CacheDraw.KIND & 1
        self._cache = TileCache() if has_cache else None
        self.rest()

    def forget(self) -> None:
        """The viewer keeps nothing in its cache."""
        if self._cache is not None:
            self._cache.forget()

    def rest(self) -> None:
        """Give back what is kept between calls, but for the cache."""
        # Kept: fresh memory costs more to touch than all that is done with it.
        self._turned: Pixels = np.empty(0, np.uint32)
        self._rgb: NDArray[np.uint8] = np.empty((0, 3), np.uint8)

    def encode(self, pixels: Pixels, box: Box) -> bytes:
        first = int(pixels[0, 0])
        if (pixels == first).all():
            return fill_operation(box.x, box.y, box.width, box.height, first.to_bytes(3, "big"))
        place = None if self._cache is None else self._cache.place(pixels)
        if place is None:
            return self._tile(pixels, box)
        if place.is_kept:
            return cache_draw_operation(box.x, box.y, place.slot)
        return cache_put_operation(box.x, box.y, box.width, box.height, place.slot, self._by_rows(pixels))

    def _tile(self, pixels: Pixels, box: Box) -> bytes:
        if self._columns is None or pixels.size < _COLUMNS_PIXELS:
            return tile_operation(box.x, box.y, box.width, box.height, self._by_rows(pixels))
        first, rows = lines_of(pixels) or (_USUAL_ROWS, _USUAL_ROWS)
        data = self._columns.compress(self._as_rgb(self._turn(pixels, first, rows)).data)
        return columns_operation(box.x, box.y, box.width, box.height, first, rows, data)

    def _by_rows(self, pixels: Pixels) -> bytes:
        compressor = self._thorough if pixels.size <= _SMALL_PIXELS else self._quick
        return compressor.compress(self._as_rgb(np.ascontiguousarray(pixels).reshape(-1)).data)

    def _turn(self, pixels: Pixels, first: int, rows: int) -> Pixels:
        """In the order of TILE_COLUMNS."""
        height, width = pixels.shape
        if self._turned.size < pixels.size:
            self._turned = np.empty(pixels.size, np.uint32)
        turned = self._turned[: pixels.size]
        whole = (height - first) // rows if height > first else 0
        end = first + whole * rows
        if whole:
            strips = pixels[first:end].reshape(whole, rows, width)
            np.copyto(_strips(turned, first, whole, rows, width), strips.transpose(0, 2, 1))
        for top, bottom in ((0, min(first, height)), (end, height)):
            if bottom > top:
                np.copyto(turned[top * width : bottom * width].reshape(width, -1), pixels[top:bottom].T)
        return turned

    def _as_rgb(self, pixels: Pixels) -> NDArray[np.uint8]:
        # One plane at a time: three times as fast as one copy with a reversed stride.
        if len(self._rgb) < pixels.size:
            self._rgb = np.empty((pixels.size, 3), np.uint8)
        rgb = self._rgb[: pixels.size]
        planes = pixels.view(np.uint8).reshape(-1, 4)
        for to, source in enumerate((2, 1, 0)):
            rgb[:, to] = planes[:, source]
        return rgb


def _strips(turned: Pixels, first: int, count: int, rows: int, width: int) -> Pixels:
    start = first * width
    return turned[start : start + count * rows * width].reshape(count, width, rows)


def lines_of(pixels: Pixels) -> Strips | None:
    """Where lines of text begin that all have one height: the rows of the first and of the further strips."""
    height = len(pixels)
    highest = min(_HIGHEST_LINE, height // 3)
    if highest < _LOWEST_LINE:
        return None
    ink = _ink(pixels)
    wave = ink - ink.mean()
    energy = float(wave @ wave)
    if energy == 0:
        return None
    # How like the picture is to itself some rows lower: 1 for a page of equal lines.
    regularity = [
        float(wave[lag:] @ wave[:-lag]) / energy * height / (height - lag)
        for lag in range(_LOWEST_LINE, highest + 1)
    ]
    best = max(regularity)
    if best < _LEAST_REGULARITY:
        return None
    # Two lines are as regular as one.
    rows = next(lag for lag, each in enumerate(regularity, _LOWEST_LINE) if each >= 0.9 * best)
    return _quietest_row(ink, rows), rows


def _ink(pixels: Pixels) -> NDArray[np.float32]:
    """How often the colour changes along each row, in some of its columns."""
    width = pixels.shape[1]
    ink = np.zeros(len(pixels), np.float32)
    columns = min(_SAMPLE_COLUMNS, width)
    for left in np.linspace(0, width - columns, min(_SAMPLES, width // columns), dtype=np.intp).tolist():
        part = pixels[:, left : left + columns]
        ink += np.count_nonzero(part[:, 1:] != part[:, :-1], axis=1)
    return ink


def _quietest_row(ink: NDArray[np.float32], rows: int) -> int:
    """Of a line of that many rows, counted from 1: between two lines is the least ink."""
    lines = ink[: len(ink) // rows * rows].reshape(-1, rows)
    quietest = int(lines.sum(axis=0).argmin())
    return quietest or rows
