"""The screen as viewers see it: one array that changes only where damage is told. Pure: pictures in, boxes out.

Windows shows what is on the screen, but not, by every way, what of it is new. So each picture is compared with the one
before, and only what differs is copied: what is read between two of them is never half of a third.
"""

from __future__ import annotations

import threading

import numpy as np

from agents.worker.damage import Box, Pixels, area, bands, changed_boxes, joined

_COLOURS = np.uint32(0x00FFFFFF)  # nobody says what is in the fourth byte of a screen
_JOINED_PIXELS = 32 * 1024
"""Looking at so many pixels in vain costs less than one more box."""
_MOST_BOXES = 64


class Picture:
    """One thread updates it; any thread may read."""

    def __init__(self, first: Pixels) -> None:
        self._pixels: Pixels = np.ascontiguousarray(first).copy()
        self.still = threading.Lock()
        """Held while it changes, and by whom it must not change for."""

    @property
    def size(self) -> tuple[int, int]:
        height, width = self._pixels.shape
        return width, height

    def read(self, box: Box, into: Pixels) -> None:
        np.bitwise_and(self.view(box), _COLOURS, out=into)

    def view(self, box: Box) -> Pixels:
        """Where it was cut off meanwhile, the screen is black."""
        seen = self._pixels[area(box)]
        if seen.shape == (box.height, box.width):
            return seen
        whole = np.zeros((box.height, box.width), np.uint32)
        whole[: seen.shape[0], : seen.shape[1]] = seen
        return whole

    def update(self, newest: Pixels) -> list[Box]:
        """Becomes like it, which has the same size; the boxes hold all that differs."""
        boxes: list[Box] = []
        for band in bands(Box(0, 0, *self.size)):
            seen, new = self.view(band), newest[area(band)]
            differs = seen != new
            if differs.any():
                np.not_equal((seen ^ new) & _COLOURS, 0, out=differs)
                boxes += changed_boxes(differs, band.x, band.y)
        boxes = joined(boxes, _JOINED_PIXELS)
        with self.still:
            for box in boxes:
                self.view(box)[:] = newest[area(box)]
        return boxes


def gathered(boxes: list[Box], more: list[Box]) -> list[Box]:
    """Both, in not too many boxes."""
    result = joined([*boxes, *more], _JOINED_PIXELS)
    while len(result) > _MOST_BOXES:
        result = [one.joined(other) for one, other in zip(result[::2], result[1::2], strict=False)] + result[
            len(result) // 2 * 2 :
        ]
    return result
