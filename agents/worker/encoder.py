"""Damaged boxes -> the operations of a frame: compares with what the viewer has, sends what differs.

Toolkits repaint identical pixels all the time; the comparison drops them. What is text or small travels exactly, a
photograph as JPEG where the client draws that, and exactly later (`refine`). Belongs to one viewer and is used by one
thread at a time.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from agents.worker.damage import (
    TILE,
    Box,
    Mask,
    Pixels,
    area,
    bands,
    changed_boxes,
    joined,
    largest_band,
    together,
)
from agents.worker.jpeg import encode_jpeg
from agents.worker.motion import MINIMUM_GAIN_PIXELS, MoveFinder
from agents.worker.photographs import LEAST_PIXELS, is_photograph, parts
from agents.worker.refinement import REST_SECONDS, Refinement
from agents.worker.tiles import TileEncoder
from portcullis.protocol.operations import (
    MAXIMUM_CACHED_PIXELS,
    Move,
    TileJpeg,
    fill_operation,
    jpeg_operation,
    move_operation,
)

_LITTLE_PIXELS = 64 * 1024
_UNKNOWN = np.uint32(0xFF000000)
"""No pixel has it: differs from whatever is read."""
_PIXELS_A_BYTE = 4
"""Of a photograph at its best; of text there are many more."""
_LEAST_STEP_PIXELS = 16 * 1024
_TEXT_STEP_PIXELS = 2 << 20
"""Of few colours they may be few bytes all the same."""
_FILLED_PIXELS = 64 * 1024
"""From here on it is looked for one colour first."""
_EDGE_PIXELS = 8192
"""What is joined to a box that moved has at most so many pixels more than both."""


@dataclass(frozen=True, slots=True)
class Encoded:
    operations: list[bytes] = field(default_factory=list)
    rest: list[Box] = field(default_factory=list)
    """What did not fit the budget; compared anew when its turn comes, so never stale."""
    photographs: list[Box] = field(default_factory=list)
    """Of what differs, also where it is left for later."""


class FrameEncoder:
    """`draws`: the operations of the client's CAPABILITIES. Without any it gets tiles and fills."""

    def __init__(self, read: Callable[[Box, Pixels], None], width: int, height: int, draws: int = 0) -> None:
        self._read = read
        self._moves = MoveFinder() if draws >> Move.KIND & 1 else None
        self._draws_jpeg = bool(draws >> TileJpeg.KIND & 1)
        self._tiles = TileEncoder(draws)
        self.refinement = Refinement(width, height)
        self._shown: Pixels = np.full((height, width), _UNKNOWN, np.uint32)
        # Asked for once: fresh memory costs more to touch than all that is done with it.
        self._now: Pixels = np.empty(0, np.uint32)
        self._differs: Mask = np.empty(0, bool)
        self._is_whole = draws != 0
        """What moved is seen in the whole only, and text is smaller in tiles of several lines."""

    @property
    def size(self) -> tuple[int, int]:
        height, width = self._shown.shape
        return width, height

    def forget(self) -> Box:
        """The viewer's picture, and cache, is unknown from here on. Answers the box that has to be encoded."""
        self._tiles.forget()
        self._shown.fill(_UNKNOWN)
        width, height = self.size
        return Box(0, 0, width, height)

    def encode(
        self,
        boxes: Iterable[Box],
        budget_bytes: int,
        now: float = 0.0,
        fresh: Sequence[Box] = (),
        quality: float = 1.0,
    ) -> Encoded:
        """At least one operation, if anything differs; then as many as fit the budget.

        `fresh`: where photographs are looked for also in what is left for later. `quality`: of photographs, 0 to 1.
        """
        frame = _Frame(budget_bytes, quality)
        for part in self._parts(boxes):
            if frame.is_full and not any(part.shared(box) for box in fresh):
                frame.rest.append(part)
                continue
            if not frame.is_full and self._is_filled_anew(part, frame):
                continue
            pixels, differs = self._compare(part)
            if frame.is_full:
                frame.rest.append(part)
                self._find_photographs(part, pixels, differs, frame)
                continue
            moved = self._move(part, pixels, differs, frame)
            before = len(frame.photographs)
            boxes = changed_boxes(differs, part.x, part.y)
            self._draw_changed(pixels, part, boxes, frame, now)
            # A photograph that moves on and on is cheaper as video than by its uncovered edges; a page that is scrolled
            # is not, whatever photographs come into sight.
            if moved is not None:
                is_photo = is_photograph(pixels[area(moved.moved(-part.x, -part.y))])
                frame.photographs[before:] = joined([moved, *boxes], _EDGE_PIXELS) if is_photo else []
        return Encoded(frame.operations, frame.rest, frame.photographs)

    def differing(self, boxes: Iterable[Box]) -> list[Box]:
        """What `encode` would send of them, as far as it is known now."""
        return [
            box
            for part in self._parts(boxes)
            for box in changed_boxes(self._compare(part)[1], part.x, part.y)
        ]

    def refine(self, boxes: Iterable[Box], budget_bytes: int, now: float) -> Encoded:
        """Exactly, whether the viewer has it or not; what does not fit the budget is due again at once."""
        frame = _Frame(budget_bytes)
        for box in boxes:
            if frame.is_full:
                self.refinement.coarse(box, now - REST_SECONDS)
                continue
            pixels, _ = self._memory(box)
            self._read(box, pixels)
            self._shown[area(box)] = pixels
            frame.add(self._tiles.encode(pixels, box))
        return Encoded(frame.operations)

    def gives_away(self, box: Box) -> None:
        """From here on the box is drawn by a stream, until `takes_back`."""
        self.refinement.exact(box)

    def takes_back(self, box: Box, changed_at: float) -> None:
        """The stream is over: the viewer has about what the box shows, which changed then for the last time."""
        self._read(box, self._shown[area(box)])
        self.refinement.coarse(box, changed_at)

    def rest(self) -> None:
        """Nothing is to be drawn for a while: what it takes to draw is given back."""
        self._now, self._differs = self._now[:0].copy(), self._differs[:0].copy()
        self._tiles.rest()

    def _memory(self, part: Box) -> tuple[Pixels, Mask]:
        if self._now.size < part.pixels:
            most = math.prod(self.size) if self._is_whole else largest_band(self.size[0])
            # A letter does not take what a picture needs.
            size = _LITTLE_PIXELS if part.pixels <= _LITTLE_PIXELS else max(most, part.pixels)
            self._now, self._differs = np.empty(size, np.uint32), np.empty(size, bool)
        shape = part.height, part.width
        return self._now[: part.pixels].reshape(shape), self._differs[: part.pixels].reshape(shape)

    def _parts(self, boxes: Iterable[Box]) -> Iterator[Box]:
        for damaged in boxes:
            clipped = damaged.clipped(*self.size)
            if clipped is not None and self._is_whole:
                yield clipped
            elif clipped is not None:
                yield from bands(clipped)

    def _compare(self, part: Box) -> tuple[Pixels, Mask]:
        pixels, differs = self._memory(part)
        # What was just read is still at hand: a third less time than one after the other.
        for band in bands(part):
            rows = slice(band.y - part.y, band.y - part.y + band.height)
            self._read(band, pixels[rows])
            np.not_equal(pixels[rows], self._shown[area(band)], out=differs[rows])
        return pixels, differs

    def _is_filled_anew(self, part: Box, frame: _Frame) -> bool:
        """A window that is cleared, or turns to another colour, is told as one fill, a fifth of the time."""
        if not self._is_whole or part.pixels < _FILLED_PIXELS:
            return False
        colour = self._only_colour(part)
        shown = self._shown[area(part)]
        # Where little of it is another colour than before, that little is sent.
        if colour is None or np.count_nonzero(shown[::8, ::8] != colour) < shown[::8, ::8].size // 2:
            return False
        shown[:] = colour
        frame.add(fill_operation(part.x, part.y, part.width, part.height, colour.to_bytes(3, "big")))
        self.refinement.exact(part)
        return True

    def _only_colour(self, part: Box) -> int | None:
        """Read into the same little memory again and again, which stays at hand."""
        colour: int | None = None
        for band in bands(part):
            pixels, same = self._memory(band)
            self._read(band, pixels)
            colour = int(pixels[0, 0]) if colour is None else colour
            if not np.equal(pixels, colour, out=same).all():
                return None
        return colour

    def _find_photographs(self, part: Box, pixels: Pixels, differs: Mask, frame: _Frame) -> None:
        for box in changed_boxes(differs, part.x, part.y):
            if box.pixels >= LEAST_PIXELS and is_photograph(pixels[area(box.moved(-part.x, -part.y))]):
                frame.photographs.append(box)

    def _move(self, part: Box, pixels: Pixels, differs: Mask, frame: _Frame) -> Box | None:
        """What only moved is not sent: `differs` is what is left."""
        if self._moves is None or part.pixels < MINIMUM_GAIN_PIXELS or _is_blank(pixels):
            return None
        shown = self._shown[area(part)]
        found = self._moves.find(shown, pixels, differs)
        if found is None:
            return None
        to, source = area(found.box), Box(found.from_x, found.from_y, found.box.width, found.box.height)
        shown[to] = shown[area(source)].copy()
        np.not_equal(pixels[to], shown[to], out=differs[to])
        box, source = found.box.moved(part.x, part.y), source.moved(part.x, part.y)
        self.refinement.moved(box, source.x, source.y)
        frame.add(move_operation(box.x, box.y, box.width, box.height, source.x, source.y))
        return box

    def _draw_changed(self, pixels: Pixels, part: Box, boxes: list[Box], frame: _Frame, now: float) -> None:
        for whole, pieces in together(boxes):
            is_tried = self._is_text(whole, frame)
            of_whole = pixels[area(whole.moved(-part.x, -part.y))]
            if is_tried and self._draw_text(of_whole, whole, frame, is_cut=len(pieces) > 1):
                continue
            for box in pieces:
                of_box = pixels[area(box.moved(-part.x, -part.y))]
                has_many_colours = is_tried and whole.pixels <= self._most_at_once(frame)
                self._draw_in_steps(of_box, box, frame, now, has_many_colours=has_many_colours)

    def _is_text(self, box: Box, frame: _Frame) -> bool:
        """It may be, and may be sent in one. What is smaller belongs to the cache."""
        is_large = box.pixels > MAXIMUM_CACHED_PIXELS
        most = max(self._most_at_once(frame), _TEXT_STEP_PIXELS)
        return self._is_whole and is_large and box.pixels <= most and not frame.is_full

    def _draw_text(self, pixels: Pixels, box: Box, frame: _Frame, *, is_cut: bool) -> bool:
        """In one tile, if its colours are few, or it is no photograph and in pieces otherwise."""
        operation = self._tiles.indexed(pixels, box)
        is_step = box.pixels <= self._most_at_once(frame)
        if operation is not None and not is_step and len(operation) > frame.budget_bytes:
            return False
        if operation is None and is_cut and is_step and not _has_photograph(pixels):
            operation = self._tiles.encode(pixels, box, has_many_colours=True)
        if operation is None:
            return False
        self._shown[area(box)] = pixels
        frame.add(operation)
        self.refinement.exact(box)
        return True

    def _most_at_once(self, frame: _Frame) -> int:
        """A frame has one operation at least: where the budget is small, that must not be a large one."""
        return max(_LEAST_STEP_PIXELS, _PIXELS_A_BYTE * frame.budget_bytes)

    def _draw_in_steps(
        self, pixels: Pixels, box: Box, frame: _Frame, now: float, *, has_many_colours: bool
    ) -> None:
        most = self._most_at_once(frame) if self._is_whole else box.pixels
        rows = max(1, most // box.width)
        rows = rows if rows < TILE else rows // TILE * TILE
        top = 0
        while top < box.height:
            height = box.height - top if frame.is_full else min(rows, box.height - top)
            step = Box(box.x, box.y + top, box.width, height)
            self._draw(pixels[top : top + height], step, frame, now, has_many_colours)
            top += height

    def _draw(self, pixels: Pixels, box: Box, frame: _Frame, now: float, has_many_colours: bool) -> None:
        if frame.is_full:
            frame.rest.append(box)
            if self._is_whole and box.pixels >= LEAST_PIXELS and is_photograph(pixels):
                frame.photographs.append(box)
            return
        self._shown[area(box)] = pixels
        if not self._is_whole or box.pixels < LEAST_PIXELS or _is_blank(pixels):
            self._draw_exactly(pixels, box, frame)
            return
        for part, is_photo in parts(pixels, box):
            of_part = pixels[area(part.moved(-box.x, -box.y))]
            if is_photo:
                frame.photographs.append(part)
            if is_photo and self._draws_jpeg:
                frame.add(
                    jpeg_operation(
                        part.x, part.y, part.width, part.height, encode_jpeg(of_part, frame.quality)
                    )
                )
                self.refinement.coarse(part, now)
            else:
                # Beside a photograph may well be text of few colours.
                self._draw_exactly(of_part, part, frame, has_many_colours=has_many_colours and part == box)

    def _draw_exactly(
        self, pixels: Pixels, box: Box, frame: _Frame, *, has_many_colours: bool = False
    ) -> None:
        frame.add(self._tiles.encode(pixels, box, has_many_colours=has_many_colours))
        self.refinement.exact(box)


def _is_blank(pixels: Pixels) -> bool:
    """One colour, as far as a glance tells: neither a photograph nor worth looking for where it was before."""
    return bool((pixels[::8, ::8] == pixels[0, 0]).all())


def _has_photograph(pixels: Pixels) -> bool:
    height, width = pixels.shape
    pieces = bands(Box(0, 0, width, height))
    return any(is_photo for piece in pieces for _, is_photo in parts(pixels[area(piece)], piece))


class _Frame:
    """Operations up to a budget."""

    def __init__(self, budget_bytes: int, quality: float = 1.0) -> None:
        self.quality = quality
        self.operations: list[bytes] = []
        self.rest: list[Box] = []
        self.photographs: list[Box] = []
        self.budget_bytes = budget_bytes
        self._left = budget_bytes

    @property
    def is_full(self) -> bool:
        return bool(self.operations) and self._left <= 0

    def add(self, operation: bytes) -> None:
        self.operations.append(operation)
        self._left -= len(operation)
