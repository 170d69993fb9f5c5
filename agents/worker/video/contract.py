"""What a video encoder does for the worker, and how one is opened.

A region is one encoder: of one size, from its first picture (a key frame) to its last. Calls may come from any thread,
one at a time. Nothing here imports a codec before a region opens.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Protocol

from agents.worker.damage import Pixels
from portcullis.protocol.operations import VIDEO_H264, VIDEO_H264_444, VIDEO_VP8, VIDEO_VP9

log = logging.getLogger(__name__)

SMALLEST, LARGEST = 16, 8192
"""Sides of what is encoded: what decoders in software take."""
_FULL_COLOUR_PIXELS = 1024 * 1024
"""Up to here pictures are 4:4:4: a quarter more time than 4:2:0, for more decibels of fewer bytes."""
_HARDWARE_PIXELS = 512 * 1024
"""From here on the adapter's encoder is worth its opening."""

Still = Callable[[], AbstractContextManager[None]]
"""Within it, pixels do not change."""


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
    def colour(self) -> int:
        """Of VIDEO_CONFIG."""
        ...

    @property
    def coded_size(self) -> tuple[int, int]:
        """Width and height, at least those of the region: what is beyond them repeats the last column and row."""
        ...

    def encode(self, pixels: Pixels, *, key: bool, quality: float, still: Still = nullcontext) -> bytes:
        """One picture of the region's size -> exactly one access unit, at once. Pixels are read within `still`.

        The first one is a key frame whatever is asked. `quality`: 1 is the best, 0 the least bytes; it may change at
        every picture. Raises VideoFailed.
        """
        ...

    def close(self) -> None:
        """Give the memory back. Twice is harmless."""
        ...


Opener = Callable[[int, int], VideoEncoder]
"""Raises LookupError where a library is missing, ValueError for what it refuses."""


def open_encoder(width: int, height: int, video: int, *, allowed: frozenset[str]) -> VideoEncoder | None:
    """The best encoder that the client decodes, the host allows and that works here; None: go on without video.

    `video`: the client's bits. `allowed`: of `h264`, `vp9`, `vp8`.
    """
    if not (SMALLEST <= width <= LARGEST and SMALLEST <= height <= LARGEST):
        return None
    full_colour = VIDEO_H264_444 if width * height <= _FULL_COLOUR_PIXELS else 0
    hardware = VIDEO_H264 if sys.platform == "win32" and width * height >= _HARDWARE_PIXELS else 0
    for name, codec, bit, opener in (
        ("h264", "H.264 4:4:4", full_colour, _open_h264_444),
        ("h264", "H.264 by an adapter", hardware, _open_hardware),
        ("h264", "H.264", VIDEO_H264, _open_h264),
        ("vp9", "VP9", VIDEO_VP9, _open_vp9),
        ("vp8", "VP8", VIDEO_VP8, _open_vp8),
    ):
        if name in allowed and video & bit:
            try:
                return opener(width, height)
            except LookupError as exc:
                log.debug("no %s: %s", codec, exc)  # its library's absence was told when it was looked for
            except ValueError as exc:
                log.warning("no %s of %dx%d: %s", codec, width, height, exc)
    return None


def _open_h264(width: int, height: int) -> VideoEncoder:
    from agents.worker.video.h264 import H264Encoder

    return H264Encoder(width, height, full_colour=False)


def _open_h264_444(width: int, height: int) -> VideoEncoder:
    from agents.worker.video.h264 import H264Encoder

    return H264Encoder(width, height, full_colour=True)


def _open_hardware(width: int, height: int) -> VideoEncoder:
    from agents.worker.video.hardware import open_hardware

    return open_hardware(width, height)


def _open_vp8(width: int, height: int) -> VideoEncoder:
    from agents.worker.video.vpx import VpxEncoder

    return VpxEncoder(width, height, is_vp9=False)


def _open_vp9(width: int, height: int) -> VideoEncoder:
    from agents.worker.video.vpx import VpxEncoder

    return VpxEncoder(width, height, is_vp9=True)
