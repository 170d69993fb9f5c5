"""What was sent coarsely and has to be sent again exactly, once it rests. Pure: boxes and times in, boxes out.

Kept by the tile: a tile of which any part is coarse is sent again whole. It comes last of all that a frame may hold, in
steps, so that no change and no echo ever waits for it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from agents.worker.damage import TILE, Box, grid_shape, tiles_touched

REST_SECONDS = 0.3
_RUN = 4
"""Tiles side by side that are one box: about 40 kB of a photograph."""


class Refinement:
    def __init__(self, width: int, height: int) -> None:
        self._width, self._height = width, height
        self._since = np.full(grid_shape(width, height), math.inf)
        """When a tile was last sent coarsely; infinite: it is exact."""

    def coarse(self, box: Box, now: float) -> None:
        self._since[tiles_touched(box)] = now

    def exact(self, box: Box) -> None:
        """Sent exactly, or no longer for this to send: tiles that lie within the box wholly."""
        right, bottom = box.x + box.width, box.y + box.height
        end_row = self._since.shape[0] if bottom >= self._height else bottom // TILE
        end_column = self._since.shape[1] if right >= self._width else right // TILE
        self._since[-(-box.y // TILE) : end_row, -(-box.x // TILE) : end_column] = math.inf

    def moved(self, box: Box, from_x: int, from_y: int) -> None:
        """The box was filled with what stood there: as coarse as the coarsest of it."""
        since = self._since[tiles_touched(Box(from_x, from_y, box.width, box.height))]
        newest = since[np.isfinite(since)].max(initial=-math.inf)
        if newest > -math.inf:
            self.coarse(box, float(newest))

    def due_at(self) -> float | None:
        """When `take` gives something."""
        oldest = float(self._since.min())
        return None if oldest == math.inf else oldest + REST_SECONDS

    def take(self, now: float, pixels: int) -> list[Box]:
        """Boxes to be sent exactly now: as many as hold so many pixels, one at least when any is due."""
        boxes: list[Box] = []
        for box in self._runs(now):
            boxes.append(box)
            self._since[tiles_touched(box)] = math.inf
            pixels -= box.pixels
            if pixels <= 0:
                break
        return boxes

    def _runs(self, now: float) -> Iterator[Box]:
        due = self._since <= now - REST_SECONDS
        for row in np.flatnonzero(due.any(axis=1)).tolist():
            columns = np.flatnonzero(due[row]).tolist()
            while columns:
                run = 1
                while run < min(_RUN, len(columns)) and columns[run] == columns[0] + run:
                    run += 1
                yield self._box(row, columns[0], run)
                del columns[:run]

    def _box(self, row: int, column: int, run: int) -> Box:
        box = Box(column * TILE, row * TILE, run * TILE, TILE).clipped(self._width, self._height)
        assert box is not None
        return box
