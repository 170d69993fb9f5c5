"""Pictures that move, what a decoder makes of their video, and how near it comes."""

from __future__ import annotations

import av
import numpy as np


class Decoder:
    """`codec`: as FFmpeg names it."""

    def __init__(self, codec: str) -> None:
        self._decoder = av.CodecContext.create(codec, "r")
        self._decoder.thread_count = 1
        self._decoder.flags |= av.codec.context.Flags.low_delay

    def picture(self, unit: bytes) -> np.ndarray:
        """RGB of the one picture that comes of it at once."""
        (frame,) = self._decoder.decode(av.Packet(unit))
        return frame.to_ndarray(
            format="rgb24", src_colorspace="ITU601", src_color_range="MPEG", dst_color_range="JPEG"
        )


def moving(width: int, height: int, count: int, seed: int, grain: int = 0) -> list[np.ndarray]:
    """A smooth picture that moves, with grain of so many levels."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width]
    pictures = []
    for number in range(count):
        waves = [
            np.sin((x * a + y * b + number * 3) / 40 + phase)
            for a, b, phase in ((1, 2, 0), (2, 1, 2), (1, 1, 4))
        ]
        channels = [128 + 90 * wave + rng.integers(-grain, grain + 1, wave.shape) for wave in waves]
        red, green, blue = (channel.clip(0, 255).astype(np.uint32) for channel in channels)
        pictures.append((red << 16) | (green << 8) | blue)
    return pictures


def psnr(picture: np.ndarray, pixels: np.ndarray) -> float:
    height, width = pixels.shape
    expected = np.stack([(pixels >> shift) & 0xFF for shift in (16, 8, 0)], axis=2).astype(float)
    return float(10 * np.log10(255**2 / max(1e-9, np.mean((picture[:height, :width] - expected) ** 2))))
