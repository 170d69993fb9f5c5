"""What video costs and gives: each encoder of the worker beside PyAV's x264 with its own rate control, in turns.

    tests/run.sh bench video [--pictures 90]

1920x1080, as if sixty times a second: a photograph that pans with a smooth box before it, and a film (a pan by parts of
pixels, grain, a cut every 45 pictures). CPU is this process's, conversion included, times sixty. Sharpness is of each
ninth picture as PyAV decodes it. The peer is what a Python program has at hand: swscale, preset ultrafast, crf 23.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from typing import Protocol

import av
import numpy as np

from agents.worker.damage import Pixels
from agents.worker.video.h264 import H264Encoder
from agents.worker.video.vpx import VpxEncoder
from tests.bench.bench_region import Scene, packed, photograph
from tests.bench.figures import Figure, Series, report
from tests.support.viewer import psnr, rgb

WIDTH, HEIGHT = 1920, 1080
A_SECOND = 60
PEER = "PyAV, x264 crf 23"
MOST_CPU, MOST_MBIT, LEAST_DECIBELS = 0.40, 6.0, 36.0
"""Of full motion at 1080p60 on two cores that a browser draws on as well."""


class Encoder(Protocol):
    def encode(self, pixels: Pixels, *, key: bool, quality: float) -> bytes: ...


class PyavEncoder:
    """libx264 as its wrapper offers it: a rate control of its own, no quantiser of a picture."""

    def __init__(self, width: int, height: int) -> None:
        self._context = av.CodecContext.create("libx264", "w")
        self._context.width, self._context.height, self._context.pix_fmt = width, height, "yuv420p"
        self._context.framerate, self._context.thread_count, self._context.gop_size = A_SECOND, 1, 1 << 20
        self._context.options = {"preset": "ultrafast", "tune": "zerolatency", "crf": "23"}
        self._converter = av.video.reformatter.VideoReformatter()
        self._number = count()

    def encode(self, pixels: Pixels, *, key: bool, quality: float) -> bytes:
        given = av.VideoFrame.from_numpy_buffer(pixels.view(np.uint8).reshape(*pixels.shape, 4), "bgra")
        frame = self._converter.reformat(
            given, format="yuv420p", dst_colorspace=5, dst_color_range=1, threads=1, interpolation="BILINEAR"
        )
        frame.pts = next(self._number)
        return b"".join(bytes(packet) for packet in self._context.encode(frame))


@dataclass
class Run:
    encoder: Encoder
    codec: str
    cpu_ms: list[float] = field(default_factory=list)
    wall_ms: list[float] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)
    sharpness: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._decoder = av.CodecContext.create(self.codec, "r")
        self._decoder.thread_count = 1
        self._decoder.flags |= av.codec.context.Flags.low_delay

    def take(self, pixels: Pixels, number: int) -> None:
        cpu, wall = time.process_time(), time.perf_counter()
        unit = self.encoder.encode(pixels, key=False, quality=1.0)
        self.cpu_ms.append((time.process_time() - cpu) * 1000)
        self.wall_ms.append((time.perf_counter() - wall) * 1000)
        self.sizes.append(len(unit))
        (frame,) = self._decoder.decode(av.Packet(unit))
        if number % 9 == 8:
            shown = frame.to_ndarray(
                format="rgb24", src_colorspace="ITU601", src_color_range="MPEG", dst_color_range="JPEG"
            )
            self.sharpness.append(psnr(shown[: pixels.shape[0], : pixels.shape[1]], rgb(pixels)))

    @property
    def cpu(self) -> float:
        """Seconds a second. The median: what else runs here disturbs single pictures."""
        return statistics.median(self.cpu_ms[1:]) * A_SECOND / 1000

    @property
    def mbit(self) -> float:
        return statistics.mean(self.sizes[1:]) * 8 * A_SECOND / 1e6


def clock() -> Callable[[], float]:
    return partial(next, (number / A_SECOND for number in count()))


def runs() -> dict[str, Run]:
    size = WIDTH, HEIGHT
    return {
        "H.264": Run(H264Encoder(*size, full_colour=False, clock=clock()), "h264"),
        "H.264 4:4:4": Run(H264Encoder(*size, full_colour=True, clock=clock()), "h264"),
        "VP8": Run(VpxEncoder(*size, is_vp9=False, clock=clock()), "vp8"),
        "VP9": Run(VpxEncoder(*size, is_vp9=True, clock=clock()), "vp9"),
        PEER: Run(PyavEncoder(*size), "h264"),
    }


def pan(pictures: int) -> Iterator[Pixels]:
    scene = Scene(WIDTH, HEIGHT)
    for number in range(pictures):
        scene.show(number)
        yield scene.pixels


def film(pictures: int) -> Iterator[Pixels]:
    random = np.random.default_rng(11)
    shots = [_channels(photograph(np.random.default_rng(seed), WIDTH, HEIGHT)) for seed in (1, 2)]
    grains = [random.normal(0, 1.5, (HEIGHT, WIDTH, 1)).astype(np.float32) for _ in range(5)]
    for number in range(pictures):
        shot, shift = shots[number // 45 % 2], 3.3 * number
        whole, part = int(shift), np.float32(shift % 1)
        moved = np.roll(shot, -whole, 1) * (1 - part) + np.roll(shot, -whole - 1, 1) * part
        yield packed((moved * (0.9 + 0.1 * np.sin(number / 40)) + grains[number % 5]).clip(0, 255))


def _channels(pixels: Pixels) -> np.ndarray:
    return rgb(pixels).astype(np.float32)


def measure(pictures: Iterator[Pixels]) -> dict[str, Run]:
    found = runs()
    for number, pixels in enumerate(pictures):
        for run in found.values():
            run.take(pixels, number)
    return found


def figures(scene: str, found: dict[str, Run]) -> list[Figure]:
    peer, made = found[PEER], []
    for name, run in found.items():
        if run is peer:
            continue
        is_first = name == "H.264" and scene == "pan"
        what = f"{scene}, {name}:"
        made += [
            Figure(
                f"{what} CPU at 60/s, converted and encoded", run.cpu, "s/s", MOST_CPU if is_first else None,
                peer=peer.cpu, peer_name=PEER,
            ),
            Figure(
                f"{what} sent", run.mbit, "Mbit/s", MOST_MBIT if is_first else None, peer=peer.mbit, peer_name=PEER
            ),
            Figure(
                f"{what} sharpness", statistics.mean(run.sharpness), "dB", LEAST_DECIBELS if is_first else None,
                peer=statistics.mean(peer.sharpness), peer_name=PEER, more_is_better=True,
            ),
        ]  # fmt: skip
        if is_first:
            made += [
                Figure(
                    f"{what} a key frame",
                    run.sizes[0] / 1000,
                    "kB",
                    peer=peer.sizes[0] / 1000,
                    peer_name=PEER,
                ),
                Figure(
                    f"{what} a key frame takes", run.wall_ms[0], "ms", peer=peer.wall_ms[0], peer_name=PEER
                ),
            ]
    return made


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pictures", type=int, default=90)
    pictures = parser.parse_args().pictures
    moving, filmed = measure(pan(pictures)), measure(film(pictures))
    series = [
        Series(name if name == PEER else f"Portcullis, {name}", run.cpu_ms[1:])
        for name, run in moving.items()
    ]
    report("video", figures("pan", moving) + figures("film", filmed), series)


if __name__ == "__main__":
    main()
