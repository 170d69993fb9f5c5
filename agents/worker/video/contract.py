"""What a video encoder does for the worker, and how one is opened.

A region is one encoder: of one size, from its first picture (a key frame) to its last. Calls may come from any thread,
one at a time. Nothing here imports a codec.
"""

from __future__ import annotations

import logging
from enum import IntFlag
from typing import Protocol

from agents.worker.damage import Pixels

log = logging.getLogger(__name__)

BT601_LIMITED, BT709_LIMITED = 1, 2
"""`colour` of VIDEO_CONFIG."""

SMALLEST, LARGEST = 16, 16384
"""Sides of what is encoded. A decoder in software may refuse less, none takes more."""


class Video(IntFlag):
    """What a client decodes: the bits `video` of its CAPABILITIES."""

    H264_420 = 1
    H264_444 = 2
    VP8 = 4
    VP9 = 8


class VideoFailed(Exception):
    """The encoder is of no use any more: end the stream and go on without."""


class VideoEncoder(Protocol):
    @property
    def codec(self) -> str:
        """As WebCodecs names it, such as `avc1.42c028`."""
        ...

    @property
    def name(self) -> str:
        """As users read it, such as `H.264 4:4:4`."""
        ...

    @property
    def colour(self) -> int: ...

    @property
    def coded_size(self) -> tuple[int, int]:
        """Width and height, at least those of the region: what is beyond them repeats the last column and row."""
        ...

    def encode(self, pixels: Pixels, *, key: bool, quality: float) -> bytes:
        """One picture of the region's size -> exactly one access unit, at once.

        The first one is a key frame whatever is asked. `quality`: 1 is the best, 0 the least bytes; it may change at
        every picture. Raises VideoFailed.
        """
        ...

    def close(self) -> None:
        """Give the memory back. Twice is harmless."""
        ...


def open_encoder(
    width: int, height: int, video: int, *, full_screen: bool, allowed: frozenset[str]
) -> VideoEncoder | None:
    """The best encoder that the client decodes, the host allows and that works here; None: go on without video.

    `video`: the client's bits. `allowed`: of `h264`, `vp9`, `vp8`. `full_screen`: the region is most of the display,
    so CPU matters more than sharp colour edges.
    """
    return None
