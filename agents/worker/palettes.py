"""Pixels of few colours -> indexes into palettes. Pure: pixels in, indexes out; None where there are too many colours.

Two colours, as of a plain terminal, are found by two comparisons. More are looked up strip by strip, a line of text
each: a table of 256 kB knows for each of its keys one colour of the palette at hand, and its index; what it does not
know is a new colour, or of another palette: text of several inks has one for each. A photograph is known for what it
is by some pixels of its first strip (measured: docs/decisions/0028-palettes.md).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from agents.worker.damage import Pixels
from portcullis.protocol.operations import DEPTHS, MOST_PALETTES

_COLOURS = 1 << DEPTHS[-1]
"""Of a palette at most."""
_PIXELS_A_PALETTE = 64 * 1024
"""For fewer a further one costs more than it saves."""
_FEW_NEW = 64
"""Colours that are taken into the palette at hand; more are another ink."""
_BAND_ROWS = 32
_SAMPLES, _GLANCE = 256, 45
_KEY_BITS = 16
_KEY_SHIFT = np.uint32(32 - _KEY_BITS)
_MULTIPLIERS = tuple(np.uint32(0x9E3779B1 * odd & 0xFFFFFFFF) for odd in range(1, 64, 2))
"""A palette takes the first under which its colours have different keys: of 256 colours two in three attempts do."""
_NOBODYS = np.uint32(1 << 8)
"""For key 0, which is black's alone: a colour that never has it."""

Strips = tuple[int, int]
"""Rows of the first, and of each further one."""
Indexes = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Indexed:
    indexes: Indexes
    """Of the shape of the pixels."""
    palettes: list[Pixels]
    """Colours, at most 2 to the power of `depth` each."""
    numbers: list[int] = field(default_factory=list)
    """Of each strip's palette, where there are several."""

    @property
    def depth(self) -> int:
        """Bits of an index."""
        most = max(map(len, self.palettes))
        return next(depth for depth in DEPTHS if most <= 1 << depth)

    def content(self, strips: Strips) -> bytes:
        """What TILE_PALETTE holds, before it is compressed."""
        palettes = np.zeros((len(self.palettes), 1 << self.depth), np.uint32)
        for row, colours in zip(palettes, self.palettes, strict=True):
            row[: colours.size] = colours
        rgb = palettes[..., None] >> np.array((16, 8, 0), np.uint32)
        numbers = bytes(self.numbers) if len(self.palettes) > 1 else b""
        return b"".join((rgb.astype(np.uint8).tobytes(), numbers, *self._packed(strips)))

    def _packed(self, strips: Strips) -> Iterator[memoryview]:
        first, rows = strips
        height, width = self.indexes.shape
        first = min(first, height)
        whole = (height - first) // rows
        end = first + whole * rows
        yield _columns(self.indexes[:first].reshape(1, first, width), self.depth)
        if whole:
            yield _columns(self.indexes[first:end].reshape(whole, rows, width), self.depth)
        if end < height:
            yield _columns(self.indexes[end:].reshape(1, height - end, width), self.depth)


def strips_of(height: int, strips: Strips) -> Iterator[slice]:
    first, rows = strips
    for top, end in zip((0, *range(first, height, rows)), (*range(first, height, rows), height), strict=True):
        yield slice(top, end)


def _columns(strips: Indexes, depth: int) -> memoryview:
    """Each column of each strip, from the top, the lowest bits first; it begins with a byte of its own."""
    count, rows, width = strips.shape
    a_byte = 8 // depth
    columns = np.empty((count, width, -(-rows // a_byte)), np.uint8)
    for byte in range(columns.shape[2]):
        top = byte * a_byte
        packed = strips[:, top]
        for row in range(top + 1, min(top + a_byte, rows)):
            packed = packed | strips[:, row] << np.uint8((row - top) * depth)
        columns[:, :, byte] = packed
    return columns.data


def two_colours(pixels: Pixels) -> Indexed | None:
    indexes = np.empty(pixels.shape, bool)
    first, second = pixels[0, 0], None
    for top in range(0, len(pixels), _BAND_ROWS):
        band, others = pixels[top : top + _BAND_ROWS], indexes[top : top + _BAND_ROWS]
        np.not_equal(band, first, out=others)
        if second is None:
            at = np.unravel_index(others.argmax(), others.shape)
            second = band[at] if others[at] else None
        if second is not None and np.count_nonzero(band == second) != np.count_nonzero(others):
            return None
    colours = [first] if second is None else [first, second]
    return Indexed(indexes.view(np.uint8), [np.array(colours, np.uint32)])


class PaletteFinder:
    """One thread at a time: the table is kept between calls."""

    def __init__(self) -> None:
        self.rest()

    def rest(self) -> None:
        """Give back what is kept between calls."""
        self._table: NDArray[np.uint32] = np.empty(0, np.uint32)
        self._keys: NDArray[np.intp] = np.empty(0, np.intp)
        self._found: Pixels = np.empty(0, np.uint32)
        self._begin(1)

    def find(self, pixels: Pixels, strips: Strips) -> Indexed | None:
        """`strips`: each has one palette, the first that had most of its colours."""
        if self._table.size == 0:
            self._table = np.zeros(1 << _KEY_BITS, np.uint32)
        self._begin(min(MOST_PALETTES, 1 + pixels.size // _PIXELS_A_PALETTE))
        try:
            indexes = np.empty(pixels.shape, np.uint8)
            for rows in strips_of(len(pixels), strips):
                if not self._add(pixels[rows], indexes[rows]):
                    return None
            return Indexed(indexes, [palette.colours for palette in self._palettes], self._numbers)
        finally:
            self._unload()

    def _begin(self, most: int) -> None:
        self._most = most
        self._palettes: list[_Palette] = [_Palette()]
        self._numbers: list[int] = []
        self._loaded = 0
        if self._table.size:
            self._load(0)

    def _add(self, strip: Pixels, indexes: Indexes) -> bool:
        if len(self._palettes) > 1:
            self._load_likely(strip)
        differs = self._look_up(strip, indexes)
        if differs is not None and not self._take_in(strip, indexes, differs):
            return False
        self._numbers.append(self._loaded)
        return True

    def _look_up(self, pixels: Pixels, indexes: Indexes) -> NDArray[np.bool_] | None:
        """Fills the indexes. Answers where the colour is not in the palette at hand; None where all are."""
        if self._keys.size < pixels.size:
            # Kept: fresh memory costs more to touch than all that is done with it.
            self._keys, self._found = np.empty(pixels.size, np.intp), np.empty(pixels.size, np.uint32)
        keys = self._keys[: pixels.size].reshape(pixels.shape)
        found = self._found[: pixels.size].reshape(pixels.shape)
        np.multiply(pixels, self._palettes[self._loaded].multiplier, out=found)
        np.right_shift(found, _KEY_SHIFT, out=keys, casting="unsafe")
        self._table.take(keys, out=found, mode="clip")
        np.copyto(indexes, found, casting="unsafe")  # the lowest byte
        found >>= np.uint32(8)
        differs = found != pixels
        return differs if differs.any() else None

    def _load_likely(self, strip: Pixels) -> None:
        """The palette that has most colours of the strip's middle row."""
        row = strip[len(strip) // 2]
        sample = set(row[:: 1 + row.size // _SAMPLES].tolist())
        hits = [len(sample & palette.known) for palette in self._palettes]
        likely = hits.index(max(hits))
        if hits[likely] > hits[self._loaded]:
            self._load(likely)

    def _take_in(self, strip: Pixels, indexes: Indexes, differs: NDArray[np.bool_]) -> bool:
        """Make the palette at hand one that has all of the strip's colours, and fill the indexes."""
        unknown = strip[differs]
        new = _few(unknown)
        if new is None:
            return False
        has_room = len(self._palettes) < self._most
        is_another_ink = new.size > _FEW_NEW and self._palettes[self._loaded].colours.size > 0
        if not (is_another_ink and has_room) and self._extend(self._loaded, new):
            of_unknown = np.empty(unknown.size, np.uint8)
            is_known = self._look_up(unknown, of_unknown) is None
            indexes[differs] = of_unknown
            return is_known
        colours = _few(strip.reshape(-1)) if has_room else None
        if colours is None:
            return False
        self._palettes.append(_Palette())
        return self._extend(len(self._palettes) - 1, colours) and self._look_up(strip, indexes) is None

    def _extend(self, number: int, colours: Pixels) -> bool:
        extended = self._palettes[number].extended(colours)
        if extended is None:
            return False
        self._unload()
        self._palettes[number] = extended
        self._load(number)
        return True

    def _load(self, number: int) -> None:
        self._unload()
        self._loaded = number
        palette = self._palettes[number]
        self._table[0] = _NOBODYS
        self._table[palette.keys] = palette.colours << np.uint32(8) | np.arange(
            palette.colours.size, dtype=np.uint32
        )

    def _unload(self) -> None:
        self._table[self._palettes[self._loaded].keys] = 0


def are_many(pixels: Pixels) -> bool:
    """A glance: palettes will not do."""
    sample = pixels[:: 1 + len(pixels) // _GLANCE, :: 1 + pixels.shape[1] // _GLANCE]
    return len(np.unique(sample)) > 2 * _COLOURS


class _Palette:
    def __init__(
        self,
        colours: Pixels | None = None,
        multiplier: np.uint32 = _MULTIPLIERS[0],
        keys: Pixels | None = None,
    ) -> None:
        none: Pixels = np.empty(0, np.uint32)
        self.colours = none if colours is None else colours
        self.multiplier = multiplier
        self.keys = none if keys is None else keys
        self.known = frozenset(self.colours.tolist())

    def extended(self, colours: Pixels) -> _Palette | None:
        """With these as well, which it has not. None where they are too many."""
        both = np.concatenate((self.colours, colours))
        if both.size > _COLOURS:
            return None
        for multiplier in _MULTIPLIERS:
            keys = both * multiplier >> _KEY_SHIFT
            if np.unique(keys).size == keys.size:
                return _Palette(both, multiplier, keys)
        return None


def _few(pixels: Pixels) -> Pixels | None:
    """Their colours, if a palette has room for so many."""
    if np.unique(pixels[:: 1 + pixels.size // (4 * _SAMPLES)]).size > _COLOURS:
        return None
    colours = np.unique(pixels)
    return colours if colours.size <= _COLOURS else None
