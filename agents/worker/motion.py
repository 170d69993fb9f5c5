"""Finds what only moved: a scrolled page, a window that is dragged. Pure: arrays in, a move out.

Candidates for the displacement come from samples, and few of them are tried: rows, then columns, that stand
elsewhere now (each votes that is the only one of its kind), then a few rare pixels that are looked for everywhere.
What a candidate is worth is counted on all pixels: the answer is the best box in which every pixel is right, and
None where it saves little. So patterns that repeat, blank paper and noise cost time, bounded, and never a pixel.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agents.worker.damage import Box, Mask, Pixels

MINIMUM_GAIN_PIXELS = 2048
"""Changed pixels that a move puts right; fewer are sent as fast."""
_MINIMUM_SHARE = 1 / 8
"""Of the changed pixels: whoever looks again at each part of a screen looks too often."""

_STRIPS, _STRIP_PIXELS = 4, 48
_MINIMUM_VOTES = 6
_MINIMUM_AGREEMENT = 0.4
_ANCHOR_ROWS = 32
_ANCHOR_SEARCH_PIXELS = 6 << 20
_MAXIMUM_ANCHORS = 6
_MAXIMUM_SAMPLES = 8192
_PATCH = 16
_PATCH_POINTS = (
    (15, 0),
    (7, 3),
    (3, 9),
    (11, 15),
    (1, 1),
    (5, 12),
    (13, 6),
    (9, 0),
    (2, 5),
    (0, 14),
    (14, 11),
    (8, 8),
)
_MAXIMUM_ALIKE = 1 << 13
_MAXIMUM_PLACES = 32
"""A patch that stands in more places than this is no anchor."""
_CELLS = 32

# Odd and far apart, without numpy.random and its 6 MB.
_WEIGHTS = (np.arange(1, _STRIP_PIXELS + 1, dtype=np.uint64) ** 3 * 0x9E3779B97F4A7C15 >> 32).astype(
    np.uint32
) | np.uint32(1)
_ALL_TRUE = np.uint64(0x0101010101010101)

Displacement = tuple[int, int]
"""From where something stands now to where it stood before: x, y."""


_MAXIMUM_PATIENCE = 8


@dataclass(frozen=True, slots=True)
class Move:
    box: Box
    from_x: int
    from_y: int


class MoveFinder:
    """`find_move` for one picture after the other: what moved nowhere is looked for up and down alone for a while."""

    def __init__(self) -> None:
        self._patience = 0
        """How many pictures more in which only what went up or down is looked for, as text in a terminal does."""
        self._misses = 0

    def find(self, before: Pixels, now: Pixels, changed: Mask) -> Move | None:
        looks_for_drags = self._patience == 0
        move = find_move(before, now, changed, drags=looks_for_drags)
        if move is not None:
            self._patience = self._misses = 0
        elif looks_for_drags and changed.size >= MINIMUM_GAIN_PIXELS:
            self._misses = min(_MAXIMUM_PATIENCE, self._misses + 1)
            self._patience = self._misses
        else:
            self._patience = max(0, self._patience - 1)
        return move


def find_move(before: Pixels, now: Pixels, changed: Mask | None = None, *, drags: bool = True) -> Move | None:
    """What `now` takes from elsewhere in `before`, both of one shape; `changed` is where they differ.

    Within `box`, `now` is `before` from (from_x, from_y) on, pixel by pixel (of a live screen: as it was looked at).
    """
    changed = now != before if changed is None else changed
    found = _bounds(changed)
    if found is None or found.pixels < MINIMUM_GAIN_PIXELS:
        return None
    area = _area(found)
    then, current, differs = before[area], now[area], changed[area]
    total = int(np.count_nonzero(differs))
    if total < MINIMUM_GAIN_PIXELS:
        return None
    least = max(MINIMUM_GAIN_PIXELS, int(total * _MINIMUM_SHARE))
    for x, y in _candidates(then, current, differs, drags):
        box = _exact_box(then, current, differs, (x, y), least)
        if box is not None:
            box = box.moved(found.x, found.y)
            return Move(box, box.x + x, box.y + y)
    return None


def _candidates(then: Pixels, now: Pixels, changed: Mask, drags: bool) -> Iterator[Displacement]:
    down = _vote(_row_hashes(then), _row_hashes(now), then.shape[0])
    if down:
        yield 0, down
    if not drags:
        return
    across = _vote(_row_hashes(then.T), _row_hashes(now.T), then.shape[1])
    if across:
        yield across, 0
    if not down and not across:
        dragged = _by_anchors(then, now, changed)
        if dragged is not None:
            yield dragged


# --- Rows that stand elsewhere


def _row_hashes(pixels: Pixels) -> NDArray[np.uint64]:
    """Of each row, in some strips: a strip's number and the hash in the upper half, the row in the lower."""
    height, width = pixels.shape
    strip = min(width, _STRIP_PIXELS)
    count = min(_STRIPS, width // strip)
    step = (width - strip) // max(1, count - 1)
    hashes = np.empty((count, height), np.uint64)
    for number in range(count):
        part = pixels[:, number * step : number * step + strip]
        hashes[number] = np.einsum("ij,j->i", part, _WEIGHTS[:strip]) ^ np.uint32(
            number * 0x9E3779B1 & 0xFFFFFFFF
        )
    hashes <<= np.uint64(32)
    hashes |= np.arange(height, dtype=np.uint64)
    return hashes.reshape(-1)


def _vote(then: NDArray[np.uint64], now: NDArray[np.uint64], length: int) -> int:
    """By how much most rows moved that there is once before and once now; 0: no agreement."""
    is_now = np.uint64(1 << 31)
    keys = np.concatenate((then, now | is_now))
    keys.sort()
    hashes = keys >> np.uint64(32)
    same = hashes[1:] == hashes[:-1]
    pairs = same.copy()
    pairs[1:] &= ~same[:-1]
    pairs[:-1] &= ~same[1:]
    at = np.flatnonzero(pairs)
    first, second = keys[at] & np.uint64(0xFFFFFFFF), keys[at + 1] & np.uint64(0xFFFFFFFF)
    crossing = (first < is_now) & (second >= is_now)
    moved = first[crossing].astype(np.int64) - (second[crossing] - is_now).astype(np.int64)
    moved = moved[moved != 0]
    if len(moved) < _MINIMUM_VOTES:
        return 0
    votes = np.bincount(moved + length)
    best = int(votes.argmax())
    if votes[best] < max(_MINIMUM_VOTES, _MINIMUM_AGREEMENT * len(moved)):
        return 0
    return best - length


# --- Rare pixels


def _by_anchors(then: Pixels, now: Pixels, changed: Mask) -> Displacement | None:
    """The displacement on which two rare pixels agree."""
    if now.shape[0] <= _PATCH or now.shape[1] <= _PATCH:
        return None
    seen: set[Displacement] = set()
    equal = np.empty(then.shape, bool)
    for x, y in _anchors(now, changed):
        places = set(_places(then, now, x, y, equal))
        agreed = seen & places
        if agreed:
            return min(agreed, key=lambda displacement: abs(displacement[0]) + abs(displacement[1]))
        seen |= places
    return None


def _anchors(now: Pixels, changed: Mask) -> Iterator[tuple[int, int]]:
    """Changed pixels of the rarest values, in some rows, that have a patch to their right and below."""
    height, width = (side - _PATCH for side in now.shape)
    rows = np.unique(np.linspace(0, height - 1, min(height, _ANCHOR_ROWS), dtype=np.intp))
    pixels = now[rows, :width]
    usable = changed[rows, :width].copy()
    usable[:, 1:] &= pixels[:, 1:] != pixels[:, :-1]
    at = np.flatnonzero(usable)
    if len(at) == 0:
        return
    at = at[:: -(-len(at) // _MAXIMUM_SAMPLES)]
    alone = at[_frequencies(_patch_hashes(now, rows, at, width)) == 1]
    values = _frequencies(pixels.reshape(-1)[alone])
    count = max(3, min(_MAXIMUM_ANCHORS, _ANCHOR_SEARCH_PIXELS // now.size))
    if len(values) == 0:
        return
    rare = alone[
        values <= np.partition(values, min(4 * count, len(values) - 1))[min(4 * count, len(values) - 1)]
    ]
    # Spread over the rarest: neighbours would say the same thing twice.
    for index in rare[np.unique(np.linspace(0, len(rare) - 1, count, dtype=np.intp))].tolist():
        yield index % width, int(rows[index // width])


def _patch_hashes(
    now: Pixels, rows: NDArray[np.intp], at: NDArray[np.intp], width: int
) -> NDArray[np.uint32]:
    y, x = np.divmod(at, width)
    y = rows[y]
    hashes = now[y, x].copy()
    for right, below in _PATCH_POINTS[:6]:
        hashes *= _WEIGHTS[0]
        hashes += now[y + below, x + right]
    return hashes


def _frequencies(values: NDArray[np.uint32]) -> NDArray[np.intp]:
    """How often each occurs, or a few more times: they are counted by a short hash."""
    buckets = (values * np.uint32(0x9E3779B1)) >> np.uint32(16)
    counts: NDArray[np.intp] = np.bincount(buckets, minlength=1 << 16)[buckets]
    return counts


def _places(then: Pixels, now: Pixels, x: int, y: int, equal: Mask) -> list[Displacement]:
    """From where the patch at (x, y) may have come; `equal` is memory to work in."""
    np.equal(then, now[y, x], out=equal)
    equal[-_PATCH:] = False
    equal[:, -_PATCH:] = False
    if np.count_nonzero(equal) > _MAXIMUM_ALIKE:
        return []
    rows, columns = np.divmod(np.flatnonzero(equal), then.shape[1])
    for right, below in _PATCH_POINTS:
        alike = then[rows + below, columns + right] == now[y + below, x + right]
        rows, columns = rows[alike], columns[alike]
    if len(rows) > _MAXIMUM_PLACES:
        return []
    return list(zip((columns - x).tolist(), (rows - y).tolist(), strict=True))


# --- What a displacement is worth


def _exact_box(
    then: Pixels, now: Pixels, changed: Mask, displacement: Displacement, least: int
) -> Box | None:
    """The box that puts most changed pixels right, and at least `least`, with no pixel wrong."""
    to = _overlap(now.shape, displacement)
    if to is None:
        return None
    from_ = to.moved(*displacement)
    cell = max(8, -(-max(to.width, to.height) // _CELLS) // 8 * 8 + 8)
    right = _padded(to, cell)
    np.equal(now[_area(to)], then[_area(from_)], out=right[: to.height, : to.width])
    mended = _padded(to, cell, fill=False)
    mended[: to.height, : to.width] = changed[_area(to)]
    found = _heaviest(_all_right(right, cell), _counts(mended, cell))
    if found is None:
        return None
    box = Box(found.x * cell, found.y * cell, found.width * cell, found.height * cell).clipped(
        to.width, to.height
    )
    assert box is not None
    box = _grown(right[: to.height, : to.width], box, cell)
    part = mended[_area(box)]
    if np.count_nonzero(part) < least:
        return None
    tight = _bounds(part)
    assert tight is not None
    return tight.moved(box.x + to.x, box.y + to.y)


def _overlap(shape: tuple[int, ...], displacement: Displacement) -> Box | None:
    """Where in `now` a pixel stands that has one in `before`."""
    height, width = shape
    x, y = displacement
    box = Box(max(0, -x), max(0, -y), width - abs(x), height - abs(y))
    return box if box.width > 0 and box.height > 0 else None


def _padded(box: Box, cell: int, *, fill: bool = True) -> Mask:
    """A mask of whole cells that holds the box at its corner."""
    rows, columns = -(-box.height // cell), -(-box.width // cell)
    mask = np.empty((rows * cell, columns * cell), bool)
    mask[box.height :] = fill
    mask[:, box.width :] = fill
    return mask


def _all_right(right: Mask, cell: int) -> list[list[bool]]:
    words = np.bitwise_and.reduce(_by_cells(right, cell), axis=1)
    cells = np.bitwise_and.reduce(words.reshape(words.shape[0], -1, cell // 8), axis=2)
    right_cells: list[list[bool]] = (cells == _ALL_TRUE).tolist()
    return right_cells


def _counts(mended: Mask, cell: int) -> list[list[int]]:
    # Eight sums of at most 255 side by side in a word.
    words = np.add.reduce(_by_cells(mended, cell), axis=1)
    sums = words.view(np.uint8).reshape(words.shape[0], -1, cell).sum(axis=2, dtype=np.int64)
    counts: list[list[int]] = sums.tolist()
    return counts


def _by_cells(mask: Mask, cell: int) -> NDArray[np.uint64]:
    words: NDArray[np.uint64] = mask.view(np.uint64)
    return words.reshape(-1, cell, words.shape[1])


def _heaviest(right: list[list[bool]], weights: list[list[int]]) -> Box | None:
    """The rectangle of true cells that weighs most: under each row, the largest rectangle of a histogram."""
    columns = len(right[0])
    sums = _prefix_sums(weights)
    heights = [0] * columns + [0]
    best, best_weight = None, 0
    for y, row in enumerate(right):
        for x in range(columns):
            heights[x] = heights[x] + 1 if row[x] else 0
        open_: list[tuple[int, int]] = []  # where a rectangle begins, and its height; rising
        for x, height in enumerate(heights):
            start = x
            while open_ and open_[-1][1] >= height:
                start, tall = open_.pop()
                top = y + 1 - tall
                weight = sums[y + 1][x] - sums[top][x] - sums[y + 1][start] + sums[top][start]
                if weight > best_weight:
                    best, best_weight = Box(start, top, x - start, tall), weight
            if height:
                open_.append((start, height))
    return best


def _prefix_sums(weights: list[list[int]]) -> list[list[int]]:
    padded = np.zeros((len(weights) + 1, len(weights[0]) + 1), np.int64)
    np.cumsum(np.cumsum(weights, axis=0), axis=1, out=padded[1:, 1:])
    sums: list[list[int]] = padded.tolist()
    return sums


def _grown(right: Mask, box: Box, cell: int) -> Box:
    """The box with the rows and columns around it that are right as well."""
    columns = slice(box.x, box.x + box.width)
    bottom, end = box.y + box.height, box.x + box.width
    above = _leading(_whole(right[max(0, box.y - cell) : box.y, columns], 1)[::-1])
    below = _leading(_whole(right[bottom : bottom + cell, columns], 1))
    rows = slice(box.y - above, bottom + below)
    left = _leading(_whole(right[rows, max(0, box.x - cell) : box.x], 0)[::-1])
    behind = _leading(_whole(right[rows, end : end + cell], 0))
    return Box(box.x - left, rows.start, box.width + left + behind, rows.stop - rows.start)


def _whole(right: Mask, axis: int) -> Mask:
    whole: Mask = np.logical_and.reduce(right, axis=axis)
    return whole


def _leading(flags: Mask) -> int:
    """How many are true before the first that is not."""
    return len(flags) if flags.all() else int(flags.argmin())


def _bounds(mask: Mask) -> Box | None:
    rows = np.flatnonzero(mask.any(axis=1))
    if len(rows) == 0:
        return None
    y, bottom = int(rows[0]), int(rows[-1]) + 1
    columns = np.flatnonzero(mask[y:bottom].any(axis=0))
    x = int(columns[0])
    return Box(x, y, int(columns[-1]) + 1 - x, bottom - y)


def _area(box: Box) -> tuple[slice, slice]:
    return slice(box.y, box.y + box.height), slice(box.x, box.x + box.width)
