"""A region's pictures -> the operations of its stream: VIDEO_CONFIG when it starts or moves, then a VIDEO each.

Encodes from the screen's own memory: no picture is copied or compared whole. A few of its rows are, so that pictures
that are drawn again without a change cost nothing, and so that a region is seen to have become too large. What lies
between those rows is sent with the next picture, or exactly when the region rests.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass

import numpy as np

from agents.worker.damage import Box, Mask, Pixels
from agents.worker.video.contract import Still, VideoEncoder
from portcullis.protocol.operations import VideoConfig, operation_bytes, video_operation

_ROWS_APART = 8
_COLOURS = np.uint32(0x00FFFFFF)

Opener = Callable[[int, int], VideoEncoder | None]
"""Width and height -> an encoder, if there is one for such pictures."""


class NoVideo(Exception):
    """There is no encoder for this client on this host."""


@dataclass(frozen=True, slots=True)
class Picture:
    operations: list[bytes]
    """None when it is the picture before."""
    changed: Box | None
    """What is another than in the picture before; a part of the screen."""


class RegionVideo:
    """One thread at a time."""

    def __init__(
        self,
        stream: int,
        view: Callable[[Box], Pixels],
        open_encoder: Opener,
        still: Still = nullcontext,
    ) -> None:
        self._stream = stream
        self._view = view
        self._open = open_encoder
        self._still = still
        self._encoder: VideoEncoder | None = None
        self._box = Box(0, 0, 0, 0)
        self._rows: Pixels | None = None

    @property
    def name(self) -> str:
        """Of its encoder, as users read it; empty while there is none."""
        encoder = self._encoder
        return "" if encoder is None else encoder.name

    def take(self, box: Box, quality: float) -> Picture:
        """What the box shows now. Raises NoVideo or VideoFailed, after which it is of no use any more."""
        pixels = self._view(box)
        is_new = self._encoder is None or (box.width, box.height) != (self._box.width, self._box.height)
        encoder = self._restart(box) if is_new else self._encoder
        assert encoder is not None
        changed = self._changed(box, pixels)
        if changed is None and box == self._box:
            return Picture([], None)
        operations = [] if box == self._box else [self._config(box, encoder)]
        self._box = box
        unit = encoder.encode(pixels, key=is_new, quality=quality, still=self._still)
        return Picture([*operations, video_operation(self._stream, unit, is_key=is_new)], changed or box)

    def close(self) -> None:
        if self._encoder is not None:
            self._encoder.close()
            self._encoder = None

    def _restart(self, box: Box) -> VideoEncoder:
        self.close()
        self._rows = None
        self._encoder = self._open(box.width, box.height)
        if self._encoder is None:
            raise NoVideo
        return self._encoder

    def _config(self, box: Box, encoder: VideoEncoder) -> bytes:
        config = VideoConfig(
            self._stream,
            encoder.colour,
            box.x,
            box.y,
            box.width,
            box.height,
            *encoder.coded_size,
            encoder.codec,
        )
        return operation_bytes(config)

    def _changed(self, box: Box, pixels: Pixels) -> Box | None:
        rows = pixels[_ROWS_APART // 2 :: _ROWS_APART] & _COLOURS
        before, self._rows = self._rows, rows
        if before is None:
            return box
        differs = rows != before
        return _spread(differs, box) if differs.any() else None


def _spread(differs: Mask, box: Box) -> Box | None:
    """What has changed by what is seen of it: between two rows that were looked at lie those that were not."""
    columns = np.flatnonzero(differs.any(axis=0))
    rows = np.flatnonzero(differs.any(axis=1))
    top = max(0, int(rows[0]) * _ROWS_APART - _ROWS_APART // 2)
    bottom = min(box.height, (int(rows[-1]) + 1) * _ROWS_APART + _ROWS_APART // 2)
    left = int(columns[0])
    return Box(box.x + left, box.y + top, int(columns[-1]) + 1 - left, bottom - top)
