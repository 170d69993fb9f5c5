"""Two pictures of four colours in each codec that a client may offer: web_client/core/display/probe_frames.js.

    python -m tests.support.probe_frames        writes that file anew

The first is a key picture, the second changes every quarter: a decoder that keeps one back, or takes one colour for
another, does not show it.
"""

from __future__ import annotations

import base64
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

TARGET = Path(__file__).parents[2] / "web_client/core/display/probe_frames.js"
SIDE = 64
COLOURS = ((208, 48, 48), (48, 184, 64), (56, 72, 208), (200, 200, 200))
X264 = {
    "preset": "ultrafast",
    "tune": "zerolatency",
    "crf": "20",
    "x264-params": "colormatrix=smpte170m:range=tv:repeat-headers=1:keyint=1000:scenecut=0:annexb=1",
}
VPX = {"deadline": "realtime", "cpu-used": "8", "lag-in-frames": "0", "crf": "10", "b:v": "1M", "g": "1000"}
ENCODERS = {
    "H264": ("libx264", "yuv420p", "avc1.42c00a", {**X264, "profile": "baseline"}),
    "H264_444": ("libx264", "yuv444p", "avc1.f4000a", {**X264, "profile": "high444"}),
    "VP8": ("libvpx", "yuv420p", "vp8", VPX),
    "VP9": ("libvpx-vp9", "yuv420p", "vp09.00.10.08", VPX),
}
SUPPLEMENT = 6
"""An H.264 unit that says how x264 was set, longer than the picture."""
HEAD = """/**
 * Two tiny pictures a codec, 64x64 in four quarters: the second turns the first by one quarter. Made by
 * tests/support/probe_frames.py, which tells their colours too.
 */

export const SIDE = {side};
/** Of the first picture: upper left, upper right, lower left, lower right; the second shows them one quarter on. */
export const COLOURS = {colours};

/** By the codec's name in CAPABILITIES. @type {{Record<string, {{codec: string, pictures: string[]}}>}} */
export const PROBE_FRAMES = {{
"""


def pictures() -> list[np.ndarray]:
    return [_quarters(COLOURS), _quarters((COLOURS[3], *COLOURS[:3]))]


def _quarters(colours: tuple[tuple[int, int, int], ...]) -> np.ndarray:
    picture = np.empty((SIDE, SIDE, 3), np.uint8)
    half = SIDE // 2
    for number, colour in enumerate(colours):
        y, x = divmod(number, 2)
        picture[y * half : (y + 1) * half, x * half : (x + 1) * half] = colour
    return picture


def encoded(name: str) -> list[bytes]:
    library, pixel_format, _, options = ENCODERS[name]
    context = av.CodecContext.create(library, "w")
    context.width = context.height = SIDE
    context.pix_fmt, context.time_base, context.options = pixel_format, Fraction(1, 60), options
    units = []
    for number, picture in enumerate(pictures()):
        frame = av.VideoFrame.from_ndarray(picture, "rgb24").reformat(
            format=pixel_format, dst_colorspace="ITU601"
        )
        frame.pts = number
        units.append(b"".join(bytes(packet) for packet in context.encode(frame)))
    return [_without_supplements(unit) for unit in units] if library == "libx264" else units


def _without_supplements(unit: bytes) -> bytes:
    parts = unit.replace(b"\0\0\0\1", b"\0\0\1").split(b"\0\0\1")[1:]
    return b"".join(b"\0\0\0\1" + part for part in parts if part[0] & 31 != SUPPLEMENT)


def main() -> None:
    colours = ", ".join(f"[{r}, {g}, {b}]" for r, g, b in COLOURS)
    lines = [HEAD.format(side=SIDE, colours=f"[{colours}]")]
    for name, (_, _, codec, _) in ENCODERS.items():
        lines.append(f'  {name}: {{\n    codec: "{codec}",\n    pictures: [\n')
        lines += [f'      "{base64.b64encode(unit).decode()}",\n' for unit in encoded(name)]
        lines.append("    ],\n  },\n")
    TARGET.write_text("".join([*lines, "};\n"]))


if __name__ == "__main__":
    main()
