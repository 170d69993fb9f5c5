"""H.264 by the graphics adapter's own encoder, through PyAV: 4:2:0, at a bounded rate.

What the names of FFmpeg's encoders say is not what a computer has, and what opens may still hold pictures back, begin
without parameter sets or give nonsense: so each is opened, encodes a few pictures of the very size, and is believed
once they come back from a decoder, at once and as they were. One that failed is not tried again by this process. No
part of this was run with such an adapter; the same code runs in tests with libx264 in its place.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from agents.worker.damage import Pixels
from agents.worker.video.colour import Planes
from agents.worker.video.contract import Still, VideoEncoder, VideoFailed
from agents.worker.video.rate import Rate
from portcullis.protocol.operations import BT601

if TYPE_CHECKING:
    from av.video.codeccontext import VideoCodecContext

log = logging.getLogger(__name__)

_A_SECOND = 60
_KEY_INTERVAL = 36_000
"""Pictures: ten minutes. Key frames come when they are asked for, and some adapters count in 16 bits."""
_BUFFER_SECONDS = 0.4
_SMPTE170M, _LIMITED = 6, 1
_SEQUENCE_PARAMETERS, _PICTURE_PARAMETERS, _WHOLE_PICTURE = 7, 8, 5
_TRIAL_ERROR = 12.0
"""Levels, on average, of a picture of squares: far above what coding takes, far below nonsense."""


@dataclass(frozen=True, slots=True)
class Kind:
    codec: str
    """As FFmpeg names the encoder."""
    options: Mapping[str, str]
    pixel_format: str = "nv12"


KINDS = (
    Kind(
        "h264_nvenc",
        {"preset": "p2", "tune": "ull", "zerolatency": "1", "delay": "0", "rc": "cbr", "forced-idr": "1"},
    ),
    Kind("h264_qsv", {"preset": "veryfast", "async_depth": "1", "look_ahead": "0", "forced_idr": "1"}),
    Kind(
        "h264_amf",
        {"usage": "ultralowlatency", "quality": "speed", "rc": "cbr", "header_insertion_mode": "idr"},
    ),
    Kind("h264_mf", {"hw_encoding": "1", "rate_control": "cbr", "scenario": "display_remoting"}),
)
_failed: set[str] = set()


def open_hardware(width: int, height: int, kinds: tuple[Kind, ...] = KINDS) -> VideoEncoder:
    """The first that works. Raises LookupError."""
    for kind in kinds:
        if kind.codec in _failed:
            continue
        try:
            encoder = HardwareEncoder(width, height, kind)
            encoder.try_out()
        except (LookupError, ValueError, VideoFailed) as exc:
            _failed.add(kind.codec)
            log.debug("no %s: %s", kind.codec, exc)
            continue
        return encoder
    raise LookupError("no adapter encodes H.264")


class HardwareEncoder:
    colour = BT601

    def __init__(
        self, width: int, height: int, kind: Kind, *, clock: Callable[[], float] = time.perf_counter
    ) -> None:
        """Raises LookupError, ValueError."""
        self._kind = kind
        self._planes = Planes(width, height, full_colour=False)
        self.coded_size = self._planes.width, self._planes.height
        self.name = "H.264"
        self.codec = ""
        self._clock = clock
        self._rate = Rate(width * height, clock())
        self._context: VideoCodecContext | None = _open(kind, self.coded_size, self._bits(1.0))
        self._number = 0
        self._is_first = True

    def encode(self, pixels: Pixels, *, key: bool, quality: float, still: Still = nullcontext) -> bytes:
        if self._context is None:
            raise VideoFailed("closed")
        try:
            with still():
                self._planes.fill(pixels)
        except ValueError as exc:
            raise VideoFailed(str(exc)) from exc
        self._context.bit_rate = self._bits(min(1.0, max(0.0, quality)))
        try:
            unit = self._unit(self._context, is_key=key or self._is_first)
        except VideoFailed:
            _failed.add(self._kind.codec)  # the next region goes on without it
            raise
        self._is_first = False
        return unit

    def try_out(self) -> None:
        """Raises VideoFailed unless it gives, at once, what a decoder takes for the pictures that went in."""
        import av

        width, height = self.coded_size
        decoder = av.CodecContext.create("h264", "r")
        decoder.thread_count = 1
        for number in range(3):
            y, x = np.mgrid[0:height, 0:width]
            pixels = np.where((x + 32 * number) // 64 + y // 64 & 1, 0xC04020, 0x3060A0).astype(np.uint32)
            self._planes.fill(np.ascontiguousarray(pixels[: self._planes.size[1], : self._planes.size[0]]))
            unit = self._unit(self._context, is_key=number != 1)
            if number != 1:
                self.codec = self.codec or _codec_of(unit)
            try:
                decoded: list[Any] = decoder.decode(av.Packet(unit))
            except (av.FFmpegError, ValueError) as exc:
                raise VideoFailed(f"what comes out does not decode: {exc}") from exc
            if len(decoded) != 1 or (decoded[0].width, decoded[0].height) != self.coded_size:
                raise VideoFailed("a picture does not come back at once")
            luma = decoded[0].reformat(format="gray").to_ndarray().astype(np.int16)
            if np.abs(luma - self._planes.luma.samples).mean() > _TRIAL_ERROR:
                raise VideoFailed("another picture comes back")

    def close(self) -> None:
        if self._context is not None:
            self._context = None
            del self._planes

    def _unit(self, context: VideoCodecContext | None, *, is_key: bool) -> bytes:
        """Of what the planes hold."""
        import av
        from av.video.frame import PictureType

        assert context is not None
        frame = av.VideoFrame.from_numpy_buffer(self._planes.samples, format="yuv420p")
        if self._kind.pixel_format != "yuv420p":
            frame = frame.reformat(format=self._kind.pixel_format)
        frame.pts, frame.time_base = self._number, context.time_base
        frame.pict_type = PictureType.I if is_key else PictureType.NONE
        try:
            packets = [bytes(packet) for packet in context.encode(frame)]
        except (av.FFmpegError, ValueError) as exc:
            raise VideoFailed(f"{self._kind.codec}: {exc}") from exc
        if len(packets) != 1 or not packets[0]:
            raise VideoFailed(f"{self._kind.codec} gave {len(packets)} units for a picture")
        self._number += 1
        return packets[0]

    def _bits(self, quality: float) -> int:
        return max(100_000, int(self._rate.bytes_per_second(quality) * 8))


def _open(kind: Kind, size: tuple[int, int], bits: int) -> VideoCodecContext:
    """Raises LookupError, and ValueError for a name that is not among FFmpeg's."""
    import av
    from av.codec.context import Flags

    context = cast("VideoCodecContext", av.CodecContext.create(kind.codec, "w"))
    context.width, context.height = size
    context.pix_fmt = kind.pixel_format
    context.framerate, context.time_base = Fraction(_A_SECOND), Fraction(1, _A_SECOND)
    context.bit_rate = bits
    context.gop_size, context.max_b_frames = _KEY_INTERVAL, 0
    context.flags |= Flags.low_delay
    context.color_range = _LIMITED
    context.colorspace = context.color_primaries = context.color_trc = _SMPTE170M
    context.options = {**kind.options, "maxrate": str(bits), "bufsize": str(int(bits * _BUFFER_SECONDS))}
    try:
        context.open()
    except av.FFmpegError as exc:
        raise LookupError(f"{kind.codec} does not open: {exc}") from exc
    return context


def _codec_of(unit: bytes) -> str:
    """Raises VideoFailed for one that no decoder could begin with."""
    parts = {part[0] & 31: part for part in unit.split(b"\0\0\1")[1:] if part}
    if not {_SEQUENCE_PARAMETERS, _PICTURE_PARAMETERS, _WHOLE_PICTURE} <= set(parts):
        raise VideoFailed("a key frame comes without its parameter sets")
    return "avc1." + parts[_SEQUENCE_PARAMETERS][1:4].hex()
