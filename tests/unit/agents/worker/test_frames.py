"""When frames are taken, on a desktop that is an array."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import numpy as np
import pytest

from agents.worker.damage import Box, Pixels
from agents.worker.frames import Frames
from portcullis.clock import SystemClock
from portcullis.protocol.messages import Frame, decode

CARET = Box(10, 10, 2, 8)
LETTER = Box(12, 10, 6, 8)


class Desk:
    """Tells of its damage as XDamage does: nothing new is told of what was told and not forgotten."""

    size = (200, 100)

    def __init__(self) -> None:
        self.pixels = np.zeros((100, 200), np.uint32)
        self.damage: Box | None = None
        self.before_forgetting: Callable[[], None] = lambda: None
        self.order: list[str] = []

    def draw(self, box: Box, colour: int) -> None:
        self.pixels[box.y : box.y + box.height, box.x : box.x + box.width] = colour
        self.damage = box if self.damage is None else self.damage.joined(box)

    def take_damage(self) -> Box | None:
        self.before_forgetting()
        self.before_forgetting = lambda: None
        self.order.append("forgotten")
        box, self.damage = self.damage, None
        return box

    def read(self, box: Box, into: Pixels) -> None:
        into[:] = self.pixels[box.y : box.y + box.height, box.x : box.x + box.width]


class Viewer:
    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.sent: asyncio.Queue[Frame] = asyncio.Queue()
        self.frames = Frames(
            desk, None, SystemClock(), self._take
        )  # nothing here is large enough for the executor

    def _take(self, payload: bytes, last_input: int) -> None:
        self.desk.order.append("sent")
        (frame,) = decode(payload)
        assert isinstance(frame, Frame)
        self.sent.put_nowait(frame)
        self.frames.acknowledged(frame.sequence)

    async def next(self) -> list[Box]:
        async with asyncio.timeout(5):
            frame = await self.sent.get()
        return [Box(one.x, one.y, one.width, one.height) for one in frame.operations]


@pytest.fixture
async def viewer() -> Viewer:
    viewer = Viewer(Desk())
    viewer.frames.refresh()
    await viewer.next()
    viewer.desk.order.clear()
    return viewer


async def test_a_small_change_is_sent_before_the_display_is_asked_to_forget_it(viewer: Viewer) -> None:
    viewer.desk.draw(CARET, 0xFFFFFF)
    viewer.frames.damaged()
    assert await viewer.next() == [CARET]
    assert viewer.desk.order[:2] == ["sent", "forgotten"]


async def test_what_is_drawn_while_the_display_forgets_is_sent_though_nothing_tells_of_it(
    viewer: Viewer,
) -> None:
    viewer.desk.before_forgetting = lambda: viewer.desk.draw(LETTER, 0x0000FF)
    viewer.desk.draw(CARET, 0xFFFFFF)
    viewer.frames.damaged()
    assert await viewer.next() == [CARET]
    assert await viewer.next() == [LETTER]


async def test_a_change_that_is_undone_before_it_is_looked_at_is_not_sent(viewer: Viewer) -> None:
    viewer.desk.draw(CARET, 0)
    viewer.frames.damaged()
    viewer.desk.draw(LETTER, 0x0000FF)
    viewer.frames.damaged()
    assert await viewer.next() == [LETTER]
