"""Which parts of the screen are video. Pure: what changed and when goes in, regions come out.

A tile that changed four times within half a second, each time like a photograph, is hot; a dense group of hot tiles is
a region, as large as what changed in it. While a region lives, whatever changes inside of it is sent as pictures of its
stream. It grows when what lies beside it becomes hot as well, it shrinks when for a second most of it stood still, and
it rests when nothing changed for a moment.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np

from agents.worker.damage import TILE, Box, Mask, grid_shape, outside, tiles_touched

HOT_CHANGES = 4
WARM_CHANGES = 2
"""Are enough beside a region."""
HOT_SECONDS = 0.5
REST_SECONDS = 0.3
GROW_SECONDS = 0.5
"""Between two sizes of a region: each of them begins with a key picture."""
WATCH_SECONDS = 1.0
"""A region that is too large is seen to be so for this long."""
MOST_REGIONS = 4
SMALLEST_SIDE = 32
SMALLEST_PIXELS = 96 * 96
"""What is less costs as little in tiles."""
LEAST_FULL = 0.5
"""Share of a box that is hot; where it is less, what stands still would lose its sharpness."""
SHRUNK = 0.6
"""A region that uses no more of its box takes a smaller one."""
_NEAR = TILE


@dataclass(slots=True)
class Region:
    stream: int
    box: Box
    changed_at: float
    sized_at: float
    is_damaged: bool = False
    """Something was drawn inside since the last picture was taken."""
    is_over: bool = False
    """It is part of another, or there is no encoder for it any more."""
    _watched_from: float = field(default=-math.inf)
    _used: Box | None = None

    def changed(self, box: Box, now: float) -> None:
        """This part of it is another than it was in the picture before."""
        self.changed_at = now
        self._used = box if self._used is None else self._used.joined(box)

    def rests_at(self) -> float:
        """When it is given back, if nothing changes before; infinite while there is something to be looked at."""
        if self.is_over:
            return -math.inf
        return math.inf if self.is_damaged else self.changed_at + REST_SECONDS

    def smaller(self, now: float) -> Box | None:
        """The box that is enough, when that is far less; asked again and again it looks back on a second each time."""
        if now - self._watched_from < WATCH_SECONDS:
            return None
        is_first = self._watched_from == -math.inf
        used, self._used, self._watched_from = self._used, None, now
        if is_first or used is None or used.pixels > SHRUNK * self.box.pixels:
            return None
        return used if _is_large(used) else None


class Regions:
    """`live` is what is video now. Times come in from outside and never go back."""

    def __init__(self, width: int, height: int) -> None:
        self.live: list[Region] = []
        self._width, self._height = width, height
        shape = grid_shape(width, height)
        self._times = np.full((HOT_CHANGES, *shape), -math.inf)
        """Of each tile's last changes, newest first."""
        self._reach = np.zeros((HOT_CHANGES, 4, *shape), np.int32)
        """Left, top, right and bottom of each of these changes."""

    @property
    def boxes(self) -> list[Box]:
        return [region.box for region in self.live]

    def outside(self, boxes: Iterable[Box]) -> list[Box]:
        return outside(boxes, self.boxes)

    def drawn(self, boxes: Iterable[Box]) -> None:
        """Something was drawn there."""
        for box in boxes:
            for region in self.live:
                region.is_damaged |= region.box.shared(box) is not None

    def photographs(self, boxes: Iterable[Box], now: float, within: float = HOT_SECONDS) -> None:
        """These changed, outside of the regions, and look like photographs: starts and grows regions.

        `within`: so long may four changes take; more than usual for a viewer who is seldom sent anything.
        """
        touched = self._note(boxes, now)
        if touched is None:
            return
        for changes in (HOT_CHANGES, WARM_CHANGES if self.live else 0):
            hot = now - self._times[changes - 1] <= within
            if changes and (hot & touched).any():
                for tiles in _groups(hot):
                    self._start_or_grow(tiles, changes, now)

    def end(self, region: Region) -> None:
        """Its tiles have to become hot again."""
        self.live.remove(region)
        self._times[(slice(None), *tiles_touched(region.box))] = -math.inf

    def shrink(self, region: Region, used: Box, now: float) -> None:
        region.box, region.sized_at = self._aligned(used), now

    # --- Starting

    def _note(self, boxes: Iterable[Box], now: float) -> Mask | None:
        """Which tiles the boxes touch."""
        touched: Mask | None = None
        reach = np.empty_like(self._reach[0])
        for box in boxes:
            if touched is None:
                touched = np.zeros(self._times.shape[1:], bool)
            tiles = tiles_touched(box)
            is_first = ~touched[tiles]
            edges = (box.x, box.y, box.x + box.width, box.y + box.height)
            for side, edge, further in zip(reach, edges, _FURTHER, strict=True):
                side[tiles] = np.where(is_first, edge, further(side[tiles], edge))
            touched[tiles] = True
        if touched is not None:
            self._times[1:, touched] = self._times[:-1, touched]
            self._times[0, touched] = now
            self._reach[1:, :, touched] = self._reach[:-1, :, touched]
            self._reach[0, :, touched] = reach[:, touched].T
        return touched

    def _start_or_grow(self, tiles: Mask, changes: int, now: float) -> None:
        box = self._aligned(self._reached(tiles, changes))
        full = float(tiles.sum()) * TILE * TILE
        joining = [region for region in self.live if _is_near(region.box, box) and not region.is_over]
        for region in joining:
            full += region.box.pixels
            box = box.joined(region.box)
        others = [region for region in self.live if region not in joining]
        if any(region.box.shared(box) for region in others) or full < LEAST_FULL * box.pixels:
            return
        if joining:
            if max(region.sized_at for region in joining) > now - GROW_SECONDS:
                return
            self._grow(joining, box, now)
        elif changes == HOT_CHANGES and _is_large(box) and len(self.live) < MOST_REGIONS:
            self.live.append(Region(self._free_stream(), box, now, now))
        else:
            return
        self._times[:, tiles] = -math.inf

    def _grow(self, joining: list[Region], box: Box, now: float) -> None:
        first, *rest = joining
        first.box, first.sized_at = box, now
        for region in rest:
            region.is_over = True

    def _reached(self, tiles: Mask, changes: int) -> Box:
        """What changed in these tiles: no further than they reach."""
        rows, columns = np.nonzero(tiles)
        # Of four not the oldest: what was drawn once around it has nothing to do with it.
        lately = self._reach[: max(WARM_CHANGES, changes - 1), :, tiles]
        left = int(np.maximum(lately[:, 0].min(axis=0), columns * TILE).min())
        top = int(np.maximum(lately[:, 1].min(axis=0), rows * TILE).min())
        right = int(np.minimum(lately[:, 2].max(axis=0), columns * TILE + TILE).max())
        bottom = int(np.minimum(lately[:, 3].max(axis=0), rows * TILE + TILE).max())
        return Box(left, top, right - left, bottom - top)

    def _aligned(self, box: Box) -> Box:
        """To even pixels, as colours of half the resolution are; where the screen ends, to its end."""
        x, y = box.x // 2 * 2, box.y // 2 * 2
        right = min(self._width, -(-(box.x + box.width) // 2) * 2)
        bottom = min(self._height, -(-(box.y + box.height) // 2) * 2)
        return Box(x, y, right - x, bottom - y)

    def _free_stream(self) -> int:
        used = {region.stream for region in self.live}
        return next(stream for stream in range(MOST_REGIONS) if stream not in used)


_FURTHER = (np.minimum, np.minimum, np.maximum, np.maximum)


def _groups(hot: Mask) -> Iterator[Mask]:
    """Hot tiles that touch each other, also at a corner."""
    left = hot.copy()
    while left.any():
        group = np.zeros_like(hot)
        group[np.unravel_index(int(left.argmax()), left.shape)] = True
        while True:
            spread = _spread(group) & left
            if (spread == group).all():
                break
            group = spread
        left &= ~group
        yield group


def _spread(group: Mask) -> Mask:
    padded = np.pad(group, 1)
    across = padded[:, :-2] | padded[:, 1:-1] | padded[:, 2:]
    spread: Mask = across[:-2] | across[1:-1] | across[2:]
    return spread


def _is_near(region: Box, box: Box) -> bool:
    return (
        Box(box.x - _NEAR, box.y - _NEAR, box.width + 2 * _NEAR, box.height + 2 * _NEAR).shared(region)
        is not None
    )


def _is_large(box: Box) -> bool:
    return box.pixels >= SMALLEST_PIXELS and min(box.width, box.height) >= SMALLEST_SIDE
