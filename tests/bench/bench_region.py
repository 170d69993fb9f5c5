"""What a picture that moves costs the worker: the whole hybrid beside its video encoder alone, in turns.

    tests/run.sh bench region [--size 1920x1080] [--pictures 120]

A photograph with edges pans over the whole display, and a smooth box moves over it, sixty times a second. The limit is
the same encoder given each picture whole, with nothing around it: no damage, no regions, no pacing. CPU is that of this
process, without capture and network. Sharpness is that of each tenth picture as a viewer draws it.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Sequence

import numpy as np

from agents.worker.damage import Box, Pixels
from agents.worker.hybrid import HybridPicture
from agents.worker.video.contract import open_encoder
from portcullis.protocol.messages import Capabilities
from portcullis.protocol.operations import OPERATIONS, VIDEO_H264, VIDEO_H264_444
from tests.bench.figures import Figure, report
from tests.support.viewer import Viewer, psnr, rgb

SIZES = "1280x720", "1920x1080"
A_SECOND = 60
STARTED = 10
"""Pictures until the region is whole."""
DRAWS = sum(1 << operation.KIND for operation in OPERATIONS)
CODECS = frozenset({"h264"})
VIDEO = VIDEO_H264 | VIDEO_H264_444


class Scene:
    def __init__(self, width: int, height: int) -> None:
        self.size = width, height
        random = np.random.default_rng(7)
        self._photo = photograph(random, width, height)
        self._box = gradient(width, height)
        self.pixels: Pixels = np.zeros((height, width), np.uint32)

    def show(self, number: int) -> None:
        width, height = self.size
        self.pixels[:] = np.roll(self._photo, (-3 * number, -5 * number), (0, 1))
        x = int(width / 3 + width / 6 * np.sin(number / 30))
        moved = np.roll(self._box, (-2 * number, 7 * number), (0, 1))
        self.pixels[height // 3 : height // 3 * 2, x : x + width // 3] = moved[: height // 3, : width // 3]

    def read(self, box: Box, into: Pixels) -> None:
        into[:] = self.view(box)

    def view(self, box: Box) -> Pixels:
        return self.pixels[box.y : box.y + box.height, box.x : box.x + box.width]


def photograph(random: np.random.Generator, width: int, height: int) -> Pixels:
    """Noise whose strength falls with its fineness, as in nature, and forty discs."""
    across, down = np.fft.rfftfreq(width) * width, np.fft.fftfreq(height)[:, None] * height
    fineness = np.maximum(np.hypot(across, down), 1.0)

    def clouds(power: float) -> np.ndarray:
        waves = np.exp(2j * np.pi * random.random(fineness.shape)) / fineness**power
        noise = np.fft.irfft2(waves, s=(height, width))
        return noise / noise.std()

    shared = clouds(1.35)
    picture = np.stack([118 + 46 * (0.8 * shared + 0.45 * clouds(1.6)) for _ in range(3)], -1).clip(0, 255)
    y, x = np.mgrid[0:height, 0:width]
    for _ in range(40):
        centre, radius = (random.integers(width), random.integers(height)), random.integers(12, height // 8)
        inside = np.hypot(x - centre[0], y - centre[1]) < radius
        picture[inside] = picture[inside] * 0.35 + random.integers(0, 256, 3) * 0.65
    return packed(picture)


def gradient(width: int, height: int) -> Pixels:
    y, x = np.mgrid[0:height, 0:width]
    across, down = 2 * np.pi * x / width, 2 * np.pi * y / height
    turns = np.sin(across + down), np.sin(2 * across - down + 1), np.cos(across + 2 * down)
    return packed(np.stack([128 + 110 * turn for turn in turns], -1))


def packed(picture: np.ndarray) -> Pixels:
    red, green, blue = (picture[..., colour].astype(np.uint32) for colour in range(3))
    return red << 16 | green << 8 | blue


class Hybrid:
    """What the worker does with one look, without its threads."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        capabilities = Capabilities(DRAWS, VIDEO)
        self._picture = HybridPicture(scene.read, scene.view, scene.size, capabilities, CODECS)
        self._picture.forget()

    def take(self, now: float) -> list[bytes]:
        picture, operations = self._picture, []
        picture.drawn([Box(0, 0, *self._scene.size)])
        if picture.pending:
            encoded = picture.encode(picture.take_pending(), 1 << 30, now, 1.0)
            operations += picture.encoded(encoded, now)
        picture.shrink(now)
        if picture.has_damaged_region:
            shot = picture.film(picture.take_damaged(), 1.0)
            operations += picture.filmed(shot, now, is_dropped=False)
        return operations

    def close(self) -> None:
        self._picture.close()


def measure(width: int, height: int, pictures: int) -> list[Figure]:
    scene = Scene(width, height)
    hybrid, viewer = Hybrid(scene), Viewer(width, height)
    plain = open_encoder(width, height, VIDEO, allowed=CODECS)
    assert plain is not None, "there is no H.264 encoder"
    hybrid_ms, plain_ms, sizes, plain_sizes, sharpness = [], [], [], [], []
    for number in range(STARTED + pictures):
        scene.show(number)
        began = time.process_time()
        operations = hybrid.take(number / A_SECOND)
        between = time.process_time()
        unit = plain.encode(scene.pixels, key=number == 0, quality=1.0)
        ended = time.process_time()
        viewer.draw(operations)
        if number < STARTED:
            continue
        hybrid_ms.append((between - began) * 1e3)
        plain_ms.append((ended - between) * 1e3)
        sizes.append(sum(map(len, operations)))
        plain_sizes.append(len(unit))
        if number % 10 == 0:
            sharpness.append(psnr(viewer.picture, rgb(scene.pixels)))
    hybrid.close()
    plain.close()
    size, whole = f"{width}x{height}", "encoder alone"
    megabits = (statistics.fmean(of) * 8 * A_SECOND / 1e6 for of in (sizes, plain_sizes))
    times = statistics.median(hybrid_ms), statistics.median(plain_ms)
    return [
        Figure(f"moving picture {size}: worker's CPU", times[0], "ms", None, times[1], whole, 1.2),
        Figure(f"moving picture {size}: at 60/s", next(megabits), "Mbit/s", 6, next(megabits), whole, 1.1),
        Figure(f"moving picture {size}: sharpness", min(sharpness), "dB", 36, more_is_better=True),
    ]


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", action="append", help=f"default: {', '.join(SIZES)}")
    parser.add_argument("--pictures", type=int, default=120)
    options = parser.parse_args(arguments)
    figures = []
    for size in options.size or SIZES:
        width, height = map(int, size.split("x"))
        figures += measure(width, height, options.pictures)
    report("region", figures)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
