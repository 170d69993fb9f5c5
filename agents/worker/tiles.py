"""A box of pixels -> one operation of a FRAME, exactly.

One colour is a fill. What the viewer keeps is drawn from its cache. All else is lossless zstd of RGB, which is smaller
than JPEG on screen text and three times as fast (measured); a few letters are worth level 9: a fifth smaller for 5 us.

A larger tile goes column by column, in strips of a line of text each: a letter is then one run of bytes wherever it
stands, and a page of text takes 40 % of the bytes of rows, in the same time (measured; level 3 is worth it there and
not on rows). Where the lines are shows in how often the colour changes along each row.

Text is mostly of few colours: indexes of a bit to a byte a pixel are then enough. A screen of a terminal takes a
seventh to a twentieth of the bytes, in less time (measured: docs/decisions/0028-palettes.md). Greys without palettes
are for clients that know no others (0027).
"""

from __future__ import annotations

from typing import TypeVar

import numpy as np
import zstandard
from numpy.typing import NDArray

from agents.worker.cache import TileCache
from agents.worker.damage import Box, Pixels
from agents.worker.palettes import PaletteFinder, Strips, are_many, two_colours
from portcullis.protocol.operations import (
    CacheDraw,
    CachePut,
    TileColumns,
    TileGrey,
    TilePalette,
    cache_draw_operation,
    cache_put_operation,
    columns_operation,
    fill_operation,
    grey_operation,
    palette_operation,
    tile_operation,
)

_SMALL_PIXELS = 1024
_COLUMNS_PIXELS = 8192
"""Below this, strips have too few letters."""
_USUAL_ROWS = 16
_LOWEST_LINE, _HIGHEST_LINE = 8, 40
_LEAST_REGULARITY = 0.5
_SAMPLES, _SAMPLE_COLUMNS = 4, 160
_GREY = np.uint32(0x010101)
_BAND_ROWS = 32
"""Looked at in one go: what was just read is still at hand."""

Greys = NDArray[np.uint8]
P = TypeVar("P", bound=np.generic)


class TileEncoder:
    """One thread at a time: a compressor keeps its working memory between calls. `draws`: bits of CAPABILITIES."""

    def __init__(self, draws: int = 0) -> None:
        self._quick = zstandard.ZstdCompressor(level=1)
        self._thorough = zstandard.ZstdCompressor(level=9)
        self._strips = zstandard.ZstdCompressor(level=3)
        self._dense = zstandard.ZstdCompressor(level=6)
        self._draws_columns = bool(draws >> TileColumns.KIND & 1)
        self._draws_grey = bool(draws >> TileGrey.KIND & 1)
        self._finder = PaletteFinder() if draws >> TilePalette.KIND & 1 else None
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
        self._turned: NDArray[np.uint8] = np.empty(0, np.uint8)
        self._rgb: NDArray[np.uint8] = np.empty((0, 3), np.uint8)
        if self._finder is not None:
            self._finder.rest()

    def encode(self, pixels: Pixels, box: Box, *, has_many_colours: bool = False) -> bytes:
        """`has_many_colours`: `indexed` said so of a box around this one."""
        first = int(pixels[0, 0])
        if (pixels == first).all():
            return fill_operation(box.x, box.y, box.width, box.height, first.to_bytes(3, "big"))
        place = None if self._cache is None else self._cache.place(pixels)
        if place is None:
            indexed = None if has_many_colours else self.indexed(pixels, box)
            return indexed or self._tile(pixels, box)
        if place.is_kept:
            return cache_draw_operation(box.x, box.y, place.slot)
        return cache_put_operation(box.x, box.y, box.width, box.height, place.slot, self._by_rows(pixels))

    def indexed(self, pixels: Pixels, box: Box) -> bytes | None:
        """As a tile with palettes, where the client draws that and the colours are few."""
        if self._finder is None or are_many(pixels):
            return None
        found = two_colours(pixels)
        strips = lines_of(pixels if found is None else found.indexes) or (_USUAL_ROWS, _USUAL_ROWS)
        found = found or self._finder.find(pixels, strips)
        if found is None:
            return None
        compressor = self._strips if found.depth == 8 else self._dense
        data = compressor.compress(found.content(strips))
        x, y, width, height = box.x, box.y, box.width, box.height
        return palette_operation(x, y, width, height, *strips, found.depth, len(found.palettes), data)

    def _tile(self, pixels: Pixels, box: Box) -> bytes:
        greys = greys_of(pixels) if self._draws_grey else None
        if greys is not None:
            return self._grey_tile(greys, box)
        if not self._draws_columns or pixels.size < _COLUMNS_PIXELS:
            return tile_operation(box.x, box.y, box.width, box.height, self._by_rows(pixels))
        first, rows = lines_of(pixels) or (_USUAL_ROWS, _USUAL_ROWS)
        data = self._strips.compress(self._as_rgb(self._turn(pixels, first, rows)).data)
        return columns_operation(box.x, box.y, box.width, box.height, first, rows, data)

    def _grey_tile(self, greys: Greys, box: Box) -> bytes:
        if greys.size < _COLUMNS_PIXELS:
            first = rows = 1
            data = self._compressor(greys.size).compress(greys.data)
        else:
            first, rows = lines_of(greys) or (_USUAL_ROWS, _USUAL_ROWS)
            data = self._strips.compress(self._turn(greys, first, rows).data)
        return grey_operation(box.x, box.y, box.width, box.height, first, rows, data)

    def _by_rows(self, pixels: Pixels) -> bytes:
        rgb = self._as_rgb(np.ascontiguousarray(pixels).reshape(-1))
        return self._compressor(pixels.size).compress(rgb.data)

    def _compressor(self, pixels: int) -> zstandard.ZstdCompressor:
        return self._thorough if pixels <= _SMALL_PIXELS else self._quick

    def _turn(self, pixels: NDArray[P], first: int, rows: int) -> NDArray[P]:
        """In the order of TILE_COLUMNS and TILE_GREY."""
        height, width = pixels.shape
        if self._turned.size < pixels.nbytes:
            self._turned = np.empty(pixels.nbytes, np.uint8)
        turned = self._turned[: pixels.nbytes].view(pixels.dtype)
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


def greys_of(pixels: Pixels) -> Greys | None:
    """A byte a pixel, where red, green and blue are the same all over."""
    greys = np.empty(pixels.shape, np.uint8)
    for top in range(0, len(pixels), _BAND_ROWS):
        band, of_band = pixels[top : top + _BAND_ROWS], greys[top : top + _BAND_ROWS]
        np.copyto(of_band, band, casting="unsafe")  # the lowest byte: blue
        if not np.array_equal(of_band * _GREY, band):
            return None
    return greys


def _strips(turned: NDArray[P], first: int, count: int, rows: int, width: int) -> NDArray[P]:
    start = first * width
    return turned[start : start + count * rows * width].reshape(count, width, rows)


def lines_of(pixels: Pixels | Greys) -> Strips | None:
    """Where lines of text begin that all have one height: the rows of the first and of the further strips."""
    height = len(pixels)
    highest = min(_HIGHEST_LINE, height // 3)
    if highest < _LOWEST_LINE:
        return None
    ink = _ink(pixels)
    wave = (ink - ink.mean()).astype(np.float32)
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


def _ink(pixels: Pixels | Greys) -> NDArray[np.uint32]:
    """How often the colour changes along each row, in some of its columns."""
    height, width = pixels.shape
    ink = np.zeros(height, np.uint32)
    # Eight pixels a word, each counted in a byte of it: a fifth of the time of counting them one by one.
    words = min(_SAMPLE_COLUMNS, width - 1) // 8
    if words == 0:
        return ink
    columns = 8 * words
    for left in np.linspace(0, width - 1 - columns, min(_SAMPLES, width // columns), dtype=np.intp).tolist():
        changes = pixels[:, left + 1 : left + 1 + columns] != pixels[:, left : left + columns]
        counts = np.add.reduce(changes.view(np.uint64), axis=1)
        ink += np.add.reduce(counts.view(np.uint8).reshape(height, 8), axis=1, dtype=np.uint32)
    return ink


def _quietest_row(ink: NDArray[np.uint32], rows: int) -> int:
    """Of a line of that many rows, counted from 1: between two lines is the least ink."""
    lines = ink[: len(ink) // rows * rows].reshape(-1, rows)
    quietest = int(lines.sum(axis=0).argmin())
    return quietest or rows
