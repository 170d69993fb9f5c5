"""H.264 by x264: 4:4:4 where it is affordable, which has coloured text sharp, else 4:2:0.

The preset is ultrafast with what costs little and gives much: CABAC (a fifth of the bytes for 5 % of the time), the 8x8
transform and deblocking. The quantiser is ours (rate.py): x264's own rate control looks at each picture in small first,
which costs a quarter of the time and found worse ones.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import nullcontext

from agents.worker.damage import Pixels
from agents.worker.memory import give_back
from agents.worker.video.colour import Planes
from agents.worker.video.contract import Still, VideoFailed
from agents.worker.video.rate import Rate
from agents.worker.video.x264 import I420, I444, X264
from portcullis.protocol.operations import BT601

_SETTINGS = {
    "threads": "1",  # the other core is the application's
    "keyint": "infinite",
    "scenecut": "0",
    "weightp": "0",
    "qp": "25",  # what a picture's own may be lies between this one's for I and for B, so these are far apart
    "ipratio": "6",
    "pbratio": "22",
    "cabac": "1",
    "8x8dct": "1",
    "chroma-qp-offset": "1",  # a sixteenth of the bytes for 0.1 dB of red, green and blue
    "dct-decimate": "0",  # what it saves, a step more of the quantiser saves in a seventh less time
    "analyse": "i8x8",
    "deblock": "-4:-4",  # fine pictures need none, which is a fifth of the decoding; coarse ones keep most of it
    "fps": "60",
    "force-cfr": "1",
    "annexb": "1",
    "repeat-headers": "1",
    "colorprim": "smpte170m",
    "transfer": "smpte170m",
    "colormatrix": "smpte170m",
    "fullrange": "off",
    "log": "-1",
}
_FULL_COLOUR_SETTINGS = {"chroma-qp-offset": "-6"}
"""x264 codes the colours of 4:4:4 six steps coarser than the light, which shows on screens: this takes it back."""

_COARSER = 1.0
"""All coefficients are kept (`dct-decimate`): 36.8 dB at 5.9 Mbit/s, where it was 36.9 at 6.1."""


class H264Encoder:
    colour = BT601

    def __init__(
        self,
        width: int,
        height: int,
        *,
        full_colour: bool,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        """Raises LookupError where a library is missing, ValueError for what x264 refuses."""
        self._planes = Planes(width, height, full_colour=full_colour)
        self.coded_size = self._planes.width, self._planes.height
        self.name = "H.264 4:4:4" if full_colour else "H.264"
        settings = _SETTINGS | (_FULL_COLOUR_SETTINGS if full_colour else {})
        self._x264: X264 | None = X264(*self.coded_size, I444 if full_colour else I420, settings)
        profile, constraints, level = self._x264.sequence_parameters()[1:4]
        self.codec = f"avc1.{profile:02x}{constraints:02x}{level:02x}"
        self._clock = clock
        self._rate = Rate(width * height, clock(), full_colour=full_colour, coarser=_COARSER)
        self._is_first = True

    def encode(self, pixels: Pixels, *, key: bool, quality: float, still: Still = nullcontext) -> bytes:
        if self._x264 is None:
            raise VideoFailed("closed")
        is_key = key or self._is_first
        quantiser = self._rate.quantiser(min(1.0, max(0.0, quality)), is_key=is_key, now=self._clock())
        try:
            with still():
                self._planes.fill(pixels)
        except ValueError as exc:
            raise VideoFailed(str(exc)) from exc
        unit = self._x264.encode([self._planes.luma, *self._planes.chroma], quantiser, is_key=is_key)
        if not unit:
            raise VideoFailed("x264 gave nothing for a picture")
        self._is_first = False
        self._rate.sent(len(unit), quantiser, is_key=is_key)
        return unit

    def close(self) -> None:
        if self._x264 is not None:
            self._x264.close()
            self._x264 = None
            del self._planes
            give_back()

    def __del__(self) -> None:
        if hasattr(self, "_x264"):
            self.close()
