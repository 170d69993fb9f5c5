"""What changed, cut into boxes worth sending. Pure: arrays in, boxes out.

The boxes are runs of 64x64-aligned tiles, so that two distant changes do not make one large box, each then shrunk to
the pixels that really differ.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Pixels: TypeAlias = NDArray[np.uint32]
"""0x00RRGGBB, shape (height, width)."""
Mask: TypeAlias = NDArray[np.bool_]

TILE = 64
_BAND_PIXELS = 128 * 1024
_MAXIMUM_BOX_PIXELS = 256 * 1024
"""A frame's budget is spent in steps of a box."""
_MAXIMUM_TOGETHER_PIXELS = 2 << 20


@dataclass(frozen=True, slots=True)
class Box:
    x: int
    y: int
    width: int
    height: int

    @property
    def pixels(self) -> int:
        return self.width * self.height

    def joined(self, other: Box) -> Box:
        x, y = min(self.x, other.x), min(self.y, other.y)
        right = max(self.x + self.width, other.x + other.width)
        bottom = max(self.y + self.height, other.y + other.height)
        return Box(x, y, right - x, bottom - y)

    def clipped(self, width: int, height: int) -> Box | None:
        """The part that lies within 0..width, 0..height; None if there is none."""
        x, y = min(self.x, width), min(self.y, height)
        clipped = Box(x, y, min(self.width, width - x), min(self.height, height - y))
        return clipped if clipped.width > 0 and clipped.height > 0 else None

    def moved(self, x: int, y: int) -> Box:
        return Box(self.x + x, self.y + y, self.width, self.height)

    def shared(self, other: Box) -> Box | None:
        """The part that lies in both; None if there is none."""
        x, y = max(self.x, other.x), max(self.y, other.y)
        right = min(self.x + self.width, other.x + other.width)
        bottom = min(self.y + self.height, other.y + other.height)
        return Box(x, y, right - x, bottom - y) if right > x and bottom > y else None

    def without(self, other: Box) -> Iterator[Box]:
        """The parts that do not lie in the other: above, left, right, below."""
        inner = self.shared(other)
        if inner is None:
            yield self
            return
        right, bottom = inner.x + inner.width, inner.y + inner.height
        parts = (
            Box(self.x, self.y, self.width, inner.y - self.y),
            Box(self.x, inner.y, inner.x - self.x, inner.height),
            Box(right, inner.y, self.x + self.width - right, inner.height),
            Box(self.x, bottom, self.width, self.y + self.height - bottom),
        )
        yield from (part for part in parts if part.width > 0 and part.height > 0)


def area(box: Box) -> tuple[slice, slice]:
    """Rows and columns of an array of the whole screen."""
    return slice(box.y, box.y + box.height), slice(box.x, box.x + box.width)


def grid_shape(width: int, height: int) -> tuple[int, int]:
    """Rows and columns of tiles."""
    return -(-height // TILE), -(-width // TILE)


def tiles_touched(box: Box) -> tuple[slice, slice]:
    """Rows and columns of the grid of tiles."""
    rows = slice(box.y // TILE, -(-(box.y + box.height) // TILE))
    return rows, slice(box.x // TILE, -(-(box.x + box.width) // TILE))


def outside(boxes: Iterable[Box], others: Iterable[Box]) -> list[Box]:
    """The parts of the boxes that lie in none of the others."""
    parts = list(boxes)
    for other in others:
        parts = [part for box in parts for part in box.without(other)]
    return parts


def joined(boxes: Iterable[Box], waste_pixels: int) -> list[Box]:
    """Fewer boxes that cover the same, each pair of them joined when that adds no more pixels than stated."""
    result: list[Box] = []
    for box in boxes:
        for index in range(len(result) - 1, max(-1, len(result) - 5), -1):
            both = result[index].joined(box)
            if both.pixels <= result[index].pixels + box.pixels + waste_pixels:
                result[index] = both
                break
        else:
            result.append(box)
    return result


def together(boxes: Iterable[Box]) -> list[tuple[Box, list[Box]]]:
    """Boxes that are mostly filled by some of these, each with those: lines of text that differ in length."""
    groups: list[tuple[Box, list[Box]]] = []
    for box in boxes:
        for index in range(len(groups) - 1, max(-1, len(groups) - 5), -1):
            whole, pieces = groups[index][0].joined(box), [*groups[index][1], box]
            if whole.pixels <= min(_MAXIMUM_TOGETHER_PIXELS, 1.5 * sum(each.pixels for each in pieces)):
                groups[index] = whole, pieces
                break
        else:
            groups.append((box, [box]))
    return groups


def bands(box: Box) -> Iterator[Box]:
    """In horizontal bands, cut along the grid of tiles.

    What is compared at a time stays in the processor's cache and in memory that the process has at hand: a whole
    1920x1080 picture at once took half as long again.
    """
    height = _band_height(box.width)
    y, bottom = box.y, box.y + box.height
    while y < bottom:
        end = min(bottom, (y // height + 1) * height)
        yield Box(box.x, y, box.width, end - y)
        y = end


def largest_band(width: int) -> int:
    """Pixels of the largest band on a screen of that width."""
    return max(_BAND_PIXELS, TILE * width)


def _band_height(width: int) -> int:
    return max(TILE, _BAND_PIXELS // width // TILE * TILE)


def changed_boxes(changed: Mask, x: int, y: int) -> list[Box]:
    """Boxes that cover every true pixel of `changed`, whose top left corner lies at (x, y) of the screen."""
    if max(changed.shape) <= TILE:
        # A letter is one box wherever it stands, which the viewer's cache then knows again.
        return [_tight(changed).moved(x, y)] if changed.any() else []
    grid, left, top = _dirty_tiles(changed, x, y)
    boxes: list[Box] = []
    for tiles in _rectangles(grid):
        columns = slice(max(0, tiles.x * TILE - left), (tiles.x + tiles.width) * TILE - left)
        rows = slice(max(0, tiles.y * TILE - top), (tiles.y + tiles.height) * TILE - top)
        tight = _tight(changed[rows, columns])
        boxes += _cut(tight.moved(x + columns.start, y + rows.start))
    return boxes


def _dirty_tiles(changed: Mask, x: int, y: int) -> tuple[Mask, int, int]:
    """Which tiles of the screen's grid hold a change, and how far the first tile reaches over the mask's corner."""
    left, top = x % TILE, y % TILE
    height, width = changed.shape
    rows, columns = -(-(height + top) // TILE), -(-(width + left) // TILE)
    padded = np.zeros((rows * TILE, columns * TILE), bool)
    padded[top : top + height, left : left + width] = changed
    # Eight pixels a word: a quarter of the time of `any` over the booleans.
    words = padded.view(np.uint64).reshape(rows, TILE, columns * TILE // 8)
    grid = np.bitwise_or.reduce(words, axis=1).reshape(rows, columns, TILE // 8).any(axis=2)
    return grid, left, top


def _rectangles(grid: Mask) -> Iterator[Box]:
    """Horizontal runs of true tiles, joined downwards while the same run continues."""
    open_runs: dict[tuple[int, int], Box] = {}
    for row, tiles in enumerate(grid):
        runs = {run: open_runs.pop(run, Box(run[0], row, run[1], 0)) for run in _runs(tiles)}
        yield from open_runs.values()
        open_runs = {run: Box(box.x, box.y, box.width, box.height + 1) for run, box in runs.items()}
    yield from open_runs.values()


def _runs(tiles: Mask) -> Iterator[tuple[int, int]]:
    # A row has a few dozen: numpy takes ten times as long to begin.
    start = None
    for column, is_dirty in enumerate((*tiles.tolist(), False)):
        if is_dirty and start is None:
            start = column
        elif not is_dirty and start is not None:
            yield start, column - start
            start = None


def _tight(changed: Mask) -> Box:
    columns = np.flatnonzero(changed.any(axis=0))
    rows = np.flatnonzero(changed.any(axis=1))
    x, y = int(columns[0]), int(rows[0])
    return Box(x, y, int(columns[-1]) - x + 1, int(rows[-1]) - y + 1)


def _cut(box: Box) -> Iterator[Box]:
    """In strips of a bounded number of pixels."""
    rows = max(1, _MAXIMUM_BOX_PIXELS // box.width)
    for start in range(0, box.height, rows):
        yield Box(box.x, box.y + start, box.width, min(rows, box.height - start))
