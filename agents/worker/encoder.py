"""Damaged boxes -> the operations of a frame: compares with what the viewer has, sends what differs.

Toolkits repaint identical pixels all the time; the comparison drops them. Belongs to one viewer and is used by one
thread at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from agents.worker.damage import Box, Mask, Pixels, bands, changed_boxes, largest_band
from agents.worker.tiles import TileEncoder

_UNKNOWN = np.uint32(0xFF000000)
"""No pixel has it: differs from whatever is read."""


@dataclass(frozen=True, slots=True)
class Encoded:
    operations: list[bytes]
    size: int
    rest: list[Box]
    """What did not fit the budget; compared anew when its turn comes, so never stale."""


class FrameEncoder:
    def __init__(self, read: Callable[[Box, Pixels], None], width: int, height: int) -> None:
        self._read = read
        self._tiles = TileEncoder()
        self._shown: Pixels = np.full((height, width), _UNKNOWN, np.uint32)
        # Asked for once: fresh memory costs more to touch than all that is done with it.
        self._now: Pixels = np.empty(largest_band(width), np.uint32)
        self._differs: Mask = np.empty(largest_band(width), bool)

    @property
    def size(self) -> tuple[int, int]:
        height, width = self._shown.shape
        return width, height

    def forget(self) -> Box:
        """The viewer's picture is unknown from here on. Answers the box that has to be encoded."""
        self._shown.fill(_UNKNOWN)
        width, height = self.size
        return Box(0, 0, width, height)

    def encode(self, boxes: Iterable[Box], budget_bytes: int) -> Encoded:
        """At least one operation, if anything differs; then as many as fit the budget."""
        operations: list[bytes] = []
        rest: list[Box] = []
        size = 0
        for band in self._bands(boxes):
            if operations and size >= budget_bytes:
                rest.append(band)
                continue
            for box, pixels in self._differing(band):
                if operations and size >= budget_bytes:
                    rest.append(box)
                    continue
                operation = self._tiles.encode(pixels, box)
                self._shown[_area(box)] = pixels
                operations.append(operation)
                size += len(operation)
        return Encoded(operations, size, rest)

    def _bands(self, boxes: Iterable[Box]) -> Iterator[Box]:
        for damaged in boxes:
            clipped = damaged.clipped(*self.size)
            if clipped is not None:
                yield from bands(clipped)

    def _differing(self, band: Box) -> Iterator[tuple[Box, Pixels]]:
        shape = band.height, band.width
        pixels = self._now[: band.pixels].reshape(shape)
        differs = self._differs[: band.pixels].reshape(shape)
        self._read(band, pixels)
        np.not_equal(pixels, self._shown[_area(band)], out=differs)
        for box in changed_boxes(differs, band.x, band.y):
            yield box, pixels[_area(box.moved(-band.x, -band.y))]


def _area(box: Box) -> tuple[slice, slice]:
    return slice(box.y, box.y + box.height), slice(box.x, box.x + box.width)
