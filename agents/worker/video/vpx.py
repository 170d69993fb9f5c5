"""VP8 and VP9 by libvpx: 4:2:0, at a bounded rate of its own. No part is GPL.

VP8 takes a third more CPU than H.264, VP9 twice as much for a sharper picture.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import nullcontext

from agents.worker.damage import Pixels
from agents.worker.memory import give_back
from agents.worker.video.colour import Planes
from agents.worker.video.contract import Still, VideoFailed
from agents.worker.video.libvpx import Libvpx
from agents.worker.video.rate import Rate
from portcullis.protocol.operations import BT601

_CPU_USED, _STATIC_THRESHOLD, _MAXIMUM_INTRA_PERCENT = 13, 17, 26
_VP9_AQ_MODE, _VP9_COLOUR_SPACE, _VP9_COLOUR_RANGE = 36, 46, 51
_BT601_SPACE, _LIMITED_RANGE = 1, 0
_VP8_CONTROLS = {_CPU_USED: -12, _STATIC_THRESHOLD: 100, _MAXIMUM_INTRA_PERCENT: 900}
_VP9_CONTROLS = {
    _CPU_USED: 9,
    _MAXIMUM_INTRA_PERCENT: 900,
    _VP9_AQ_MODE: 3,
    _VP9_COLOUR_SPACE: _BT601_SPACE,
    _VP9_COLOUR_RANGE: _LIMITED_RANGE,
}
_VP9_LEVELS = ((983_040, 31), (2_228_224, 41), (8_912_896, 51), (35_651_584, 61))
"""Samples of a picture up to which a level goes, at 60 pictures a second."""


class VpxEncoder:
    colour = BT601

    def __init__(
        self, width: int, height: int, *, is_vp9: bool, clock: Callable[[], float] = time.perf_counter
    ) -> None:
        """Raises LookupError where a library is missing, ValueError for what libvpx refuses."""
        self._planes = Planes(width, height, full_colour=False)
        self.coded_size = self._planes.width, self._planes.height
        self.name = "VP9" if is_vp9 else "VP8"
        self.codec = _vp9_codec(*self.coded_size) if is_vp9 else "vp8"
        self._clock, self._started = clock, clock()
        self._rate = Rate(width * height, self._started)
        self._vpx: Libvpx | None = Libvpx(
            *self.coded_size,
            is_vp9=is_vp9,
            kilobits=self._kilobits(1.0),
            controls=_VP9_CONTROLS if is_vp9 else _VP8_CONTROLS,
        )
        self._is_first = True

    def encode(self, pixels: Pixels, *, key: bool, quality: float, still: Still = nullcontext) -> bytes:
        if self._vpx is None:
            raise VideoFailed("closed")
        self._vpx.set_rate(self._kilobits(quality))
        try:
            with still():
                self._planes.fill(pixels)
        except ValueError as exc:
            raise VideoFailed(str(exc)) from exc
        at_ms = int((self._clock() - self._started) * 1000)
        unit = self._vpx.encode(self._planes.address, at_ms, is_key=key or self._is_first)
        if not unit:
            raise VideoFailed("libvpx gave nothing for a picture")
        self._is_first = False
        return unit

    def close(self) -> None:
        if self._vpx is not None:
            self._vpx.close()
            self._vpx = None
            del self._planes
            give_back()

    def __del__(self) -> None:
        if hasattr(self, "_vpx"):
            self.close()

    def _kilobits(self, quality: float) -> int:
        """In steps of a tenth: each change makes libvpx start its bookkeeping anew."""
        steps = round(min(1.0, max(0.0, quality)) * 10) / 10
        return max(50, int(self._rate.bytes_per_second(steps) * 8 / 1000))


def _vp9_codec(width: int, height: int) -> str:
    samples = width * height
    level = next((level for most, level in _VP9_LEVELS if samples <= most), 62)
    return f"vp09.00.{level}.08.01.06.06.06.00"
