"""A screen, a viewer and a path between them in virtual time; `Frames` and the encoders are the product's own.

    with simulated_view(320, 200) as view:
        view.capabilities()
        view.play(box, pictures=20)           # a photograph that moves, sixty pictures a second
        view.rest()
        assert view.differing == 0

A thread's work takes `encoding_seconds` here, and the path `path_seconds` each way, at `bytes_a_second` at most.
Whatever no client could draw raises at once (tests/support/viewer.py).
"""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future

import numpy as np

from agents.worker.damage import Box, Pixels, area
from agents.worker.frames import Frames
from portcullis.protocol import messages as m
from portcullis.protocol.operations import OPERATIONS
from tests.support.clock import ManualClock
from tests.support.viewer import FRAME, SMALL_FRAME, Viewer
from tests.support.virtual_time import VirtualTimeLoop

ALL_OPERATIONS = sum(1 << operation.KIND for operation in OPERATIONS)
ALL_VIDEO = 15
A_SECOND = 60


class SlowExecutor(Executor):
    """One thread that works at the end of its time, in turn."""

    def __init__(self, loop: asyncio.AbstractEventLoop, seconds: float) -> None:
        self._loop = loop
        self._seconds = seconds
        self._free_at = 0.0

    def submit(self, work, /, *args, **kwargs):
        future: Future = Future()
        self._free_at = max(self._free_at, self._loop.time()) + self._seconds
        self._loop.call_at(self._free_at, self._run, future, lambda: work(*args, **kwargs))
        return future

    def _run(self, future: Future, work: Callable[[], object]) -> None:
        try:
            future.set_result(work())
        except Exception as exc:
            future.set_exception(exc)


class SimulatedDesktop:
    """What `Frames` needs of a desktop."""

    def __init__(self, width: int, height: int) -> None:
        self.pixels: Pixels = np.zeros((height, width), np.uint32)
        self._damage: list[Box] = []

    @property
    def size(self) -> tuple[int, int]:
        height, width = self.pixels.shape
        return width, height

    capture = ""

    def damage(self, box: Box) -> None:
        self._damage.append(box)

    def take_damage(self) -> list[Box]:
        damage, self._damage = self._damage, []
        return damage

    def still(self) -> contextlib.AbstractContextManager[None]:
        return contextlib.nullcontext()

    def view(self, box: Box) -> Pixels:
        # Beyond a screen that became smaller there is still memory.
        rows = np.zeros((box.y + box.height, box.x + box.width), np.uint32)
        height, width = (min(sides) for sides in zip(self.pixels.shape, rows.shape, strict=True))
        rows[:height, :width] = self.pixels[:height, :width]
        return rows[box.y :, box.x :] | np.uint32(0x5A000000)  # the byte that means nothing

    def read(self, box: Box, into: Pixels) -> None:
        np.bitwise_and(self.view(box), np.uint32(0xFFFFFF), out=into)


class SimulatedView:
    def __init__(
        self,
        loop: VirtualTimeLoop,
        clock: ManualClock,
        width: int,
        height: int,
        encoding_seconds: float,
        path_seconds: float,
        bytes_a_second: float,
    ) -> None:
        self.desktop = SimulatedDesktop(width, height)
        self.viewer = Viewer(width, height)
        self.frames = Frames(
            self.desktop,
            SlowExecutor(loop, encoding_seconds),
            clock,
            self._send,
            frozenset({"h264", "vp8", "vp9"}),
        )
        self.is_deaf = False
        """It acknowledges nothing."""
        self.sent: list[float] = []
        """When each frame left."""
        self._loop = loop
        self._path_seconds = path_seconds
        self._bytes_a_second = bytes_a_second
        self._left_at = 0.0
        self._arrives_at = 0.0
        self._input = 0
        self._errors: list[BaseException] = []
        loop.set_exception_handler(lambda _, context: self._errors.append(context["exception"]))
        self.frames.refresh()

    # --- The screen

    def paint(self, box: Box, pixels: Pixels | int) -> None:
        clipped = box.clipped(*self.desktop.size)
        if clipped is None:
            return
        if isinstance(pixels, np.ndarray):
            pixels = pixels[: clipped.height, : clipped.width]
        self.desktop.pixels[area(clipped)] = pixels
        self.desktop.damage(clipped)
        self._soon(self.frames.damaged)

    def play(self, box: Box, pictures: int, first: int = 0) -> None:
        """A photograph that moves."""
        whole = photograph(box.width + 3 * pictures, box.height + pictures, first)
        for number in range(pictures):
            self.paint(box, whole[number : number + box.height, 3 * number : 3 * number + box.width])
            self.wait(1 / A_SECOND)

    def press(self, box: Box, colour: int) -> None:
        """A key, and its echo on the screen."""
        self._input += 1
        self._soon(self.frames.input_applied, self._input)
        self.paint(box, colour)

    def resize(self, width: int, height: int) -> None:
        self._soon(self._resize, width, height)
        self.wait(0)

    def _resize(self, width: int, height: int) -> None:
        before = self.desktop.pixels
        self.desktop.pixels = np.full((height, width), 0x202020, np.uint32)
        kept = tuple(slice(0, min(sides)) for sides in zip(before.shape, (height, width), strict=True))
        self.desktop.pixels[kept] = before[kept]
        self._send(m.encode(m.Resized(width, height)), 0)
        self.frames.resized()

    # --- The client

    def capabilities(self, operations: int = ALL_OPERATIONS, video: int = ALL_VIDEO) -> None:
        self._soon(self.frames.draw_with, m.Capabilities(operations, video))

    def refresh(self) -> None:
        self._soon(self.frames.refresh)

    def show(self, is_visible: bool) -> None:
        self._soon(self.frames.show, is_visible)

    def hear(self) -> None:
        self.is_deaf = False
        self._soon(self._acknowledge, self.viewer.sequence)

    def close(self) -> None:
        self._soon(self.frames.close)
        self.wait(1.0)

    @property
    def differing(self) -> int:
        return self.viewer.differing(self.desktop.pixels & np.uint32(0xFFFFFF))

    # --- Time

    def wait(self, seconds: float) -> None:
        self._loop.run_until_complete(asyncio.sleep(seconds))
        if self._errors:
            raise self._errors.pop(0)

    def rest(self) -> None:
        """Longer than anything takes."""
        self.wait(3.0)

    def _soon(self, call: Callable[..., None], *values: object) -> None:
        """Not now: the loop runs in `wait` only."""
        self._loop.call_soon(call, *values)

    def _send(self, payload: bytes, last_input: int) -> None:
        if payload[0] in (FRAME, SMALL_FRAME):
            self.sent.append(self._loop.time())
        # In order: of two timers of one moment any may be the first.
        self._left_at = max(self._left_at, self._loop.time()) + len(payload) / self._bytes_a_second
        self._arrives_at = max(self._arrives_at + 1e-6, self._left_at + self._path_seconds)
        self._loop.call_at(self._arrives_at, self._arrive, payload)

    def _arrive(self, payload: bytes) -> None:
        before = self.viewer.sequence
        self.viewer.take(payload)
        if self.viewer.sequence > before and not self.is_deaf:
            self._loop.call_later(self._path_seconds, self._acknowledge, self.viewer.sequence)

    def _acknowledge(self, sequence: int) -> None:
        self.frames.acknowledged(sequence)


@contextlib.contextmanager
def simulated_view(
    width: int,
    height: int,
    *,
    encoding_seconds: float = 0.006,
    path_seconds: float = 0.002,
    bytes_a_second: float = math.inf,
) -> Iterator[SimulatedView]:
    clock = ManualClock()
    with asyncio.Runner(loop_factory=lambda: VirtualTimeLoop(clock)) as runner:
        loop = runner.get_loop()

        async def build() -> SimulatedView:
            return SimulatedView(loop, clock, width, height, encoding_seconds, path_seconds, bytes_a_second)

        view = runner.run(build())
        try:
            yield view
        finally:
            view.close()


def photograph(width: int, height: int, seed: int = 0) -> Pixels:
    """Soft shapes with a little grain: no two pixels alike."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width] / 40
    turns = [np.sin(x * k + seed) + np.cos(y * (2 - k) + x * 0.3) for k in (0.7, 1.1, 1.6)]
    picture = np.stack([118 + 50 * turn for turn in turns], -1) + random.normal(0, 3, (height, width, 3))
    red, green, blue = (picture[..., colour].clip(0, 255).astype(np.uint32) for colour in range(3))
    return red << 16 | green << 8 | blue


def text(width: int, height: int, seed: int = 0) -> Pixels:
    """Letters of few colours on paper."""
    random = np.random.default_rng(seed)
    letters = random.integers(0, 4, (height, -(-width // 3)))
    letters[random.random(letters.shape) < 0.7] = 0
    shades = np.array([0xFFFFFF, 0x101010, 0x808080, 0xC0C0C0], np.uint32)
    return np.kron(shades[letters], np.ones((1, 3), np.uint32))[:, :width]
