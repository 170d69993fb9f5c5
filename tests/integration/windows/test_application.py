"""An application on Windows that is published by itself: its windows, and nothing else of the screen, are seen and
reached. Beside, over and under them lie windows of another program that really are there.
"""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass

import numpy as np
import pytest
import pytest_asyncio

from agents.windows.scene import BACKDROP
from agents.worker.damage import Box, area
from tests.support.desktop_actor import ActorProcess
from tests.support.patience import until
from tests.support.stream_client import StreamClient
from tests.support.windows_python import CLONE
from tests.support.wine import Wine
from tests.support.wine_worker import WineWorker, wine_worker

pytestmark = pytest.mark.asyncio(loop_scope="module")

RED, BLUE, GREEN = 0xC02010, 0x1020C0, 0x20A030
MINE, OVER, UNDER = Box(200, 150, 500, 350), Box(450, 300, 400, 300), Box(100, 80, 300, 250)
NEAR = 40
"""A first picture may be a coarse one."""


@dataclass
class Scene:
    session: WineWorker
    application: ActorProcess
    other: ActorProcess
    client: StreamClient

    def shown(self) -> np.ndarray:
        picture = self.client.picture.astype(np.uint32)
        return picture[..., 0] << 16 | picture[..., 1] << 8 | picture[..., 2]

    async def until_shown(self, expected: np.ndarray) -> None:
        await self.client.until(lambda: self.client.frames > 0 and bool((self.shown() == expected).all()))

    def has(self, colour: int) -> bool:
        wanted = np.array([colour >> 16, colour >> 8 & 0xFF, colour & 0xFF], np.int16)
        return bool((abs(self.client.picture - wanted) < NEAR).all(axis=2).any())


def expected(*painted: tuple[Box, int]) -> np.ndarray:
    """In this order, on the backdrop."""
    picture = np.full((800, 1280), BACKDROP, np.uint32)
    for box, colour in painted:
        picture[area(box)] = colour
    return picture


def place(box: Box) -> dict[str, int]:
    return {"x": box.x, "y": box.y, "width": box.width, "height": box.height}


async def opens(program: ActorProcess, number: int, box: Box, colour: int, **more: object) -> None:
    await program.do("open", id=number, colour=colour, **place(box), **more)


@contextlib.asynccontextmanager
async def program(windows: Wine, *job: str) -> AsyncIterator[ActorProcess]:
    script = windows.path(CLONE / "tests/support/windows_application.py")
    actor = ActorProcess(windows.start_python(script, *job))
    try:
        yield actor
    finally:
        actor.stop()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(windows: Wine) -> AsyncIterator[Scene]:
    job = f"Local\\{secrets.token_hex(8)}"
    async with program(windows, job) as application, program(windows) as other:
        await application.do("close", id=1)  # the job is there once it has answered
        async with wine_worker(windows, application_job=job) as session:
            yield Scene(session, application, other, await session.attach())


@pytest_asyncio.fixture(loop_scope="module")
async def scene(stage: Scene) -> AsyncIterator[Scene]:
    """One window of the application, and below it one of another program."""
    # A window that gets the focus is the window manager's from then on under Wine, which stacks it among its own alone.
    await opens(stage.other, 1, UNDER, GREEN, managed=True, title="Below")
    await opens(stage.application, 1, MINE, RED)
    await stage.until_shown(expected((MINE, RED)))
    yield stage
    stage.client.on_message = lambda message: None
    for each in (stage.application, stage.other):
        for number in range(1, 6):
            await each.do("close", id=number)
        each.events.clear()


async def test_windows_of_others_are_backdrop_whether_over_or_under_the_application_s(scene):
    await opens(scene.other, 2, OVER, BLUE)
    await scene.until_shown(expected((MINE, RED), (OVER, BACKDROP)))
    moved = Box(OVER.x - 100, OVER.y - 200, OVER.width, OVER.height)
    await scene.other.do("place", id=2, **place(moved))
    await scene.until_shown(expected((MINE, RED), (moved, BACKDROP)))
    second = Box(900, 500, 200, 150)
    await opens(scene.application, 2, second, RED)
    elsewhere = Box(150, 100, 480, 360)
    await scene.application.do("place", id=1, **place(elsewhere))
    await scene.until_shown(expected((elsewhere, RED), (moved, BACKDROP), (second, RED)))
    await scene.other.do("close", id=2)
    await scene.application.do("close", id=2)
    await scene.until_shown(expected((elsewhere, RED)))


async def test_no_picture_on_the_way_held_anything_of_another_program(scene):
    leaks = []
    scene.client.on_message = lambda message: leaks.append(scene.has(BLUE) or scene.has(GREEN))
    for number in range(2, 5):
        box = OVER.moved(-30 * number, -20 * number)
        after = box.moved(50, 30)
        await opens(scene.other, number, box, BLUE)
        await scene.until_shown(expected((MINE, RED), (box, BACKDROP)))
        await scene.other.do("place", id=number, **place(after))
        await scene.until_shown(expected((MINE, RED), (after, BACKDROP)))
        await scene.other.do("close", id=number)
        await scene.until_shown(expected((MINE, RED)))
    assert len(leaks) >= 9 and not any(leaks)


async def test_clicks_and_keys_reach_the_application_alone(scene):
    await opens(scene.other, 2, OVER, BLUE)
    await scene.until_shown(expected((MINE, RED), (OVER, BACKDROP)))
    for x, y in ((OVER.x + 20, OVER.y + 20), (UNDER.x + 20, UNDER.y + 20), (1100, 700)):
        scene.client.click(x, y)
    scene.client.click(MINE.x + 30, MINE.y + 200)
    await until(lambda: {"button": 1, "down": False} in scene.application.events)
    await opens(scene.other, 3, Box(900, 100, 200, 200), BLUE, managed=True, title="Other")
    scene.client.key("KeyA", "a")
    await until(lambda: {"typed": "a"} in scene.application.events)
    assert scene.application.events.count({"button": 1, "down": True}) == 1
    assert scene.other.events == []


async def test_menus_and_dialogs_of_the_application_are_shown_and_answered(scene):
    await scene.application.do("menu", id=1, x=800, y=200)
    await scene.client.until(lambda: bool((scene.shown()[205:215, 810:820] != BACKDROP).all()))
    scene.client.click(830, 210)
    await until(lambda: {"menu": 7} in scene.application.events)
    await scene.until_shown(expected((MINE, RED)))
    await scene.application.do("dialog", id=1)
    await scene.client.until(lambda: bool((scene.shown() != expected((MINE, RED))).any()))
    scene.client.key("Enter", "Enter")
    await until(lambda: {"dialog": 1} in scene.application.events)
    await scene.until_shown(expected((MINE, RED)))


async def test_application_that_was_minimised_comes_back_by_a_click_beside_it(scene):
    await opens(scene.application, 2, Box(400, 100, 200, 100), RED, managed=True, title="Mine")
    await scene.application.do("close", id=1)
    await scene.client.until(lambda: scene.has(RED))
    await scene.application.do("minimise", id=2)
    await scene.until_shown(expected())
    scene.client.click(1100, 700)
    await scene.client.until(lambda: scene.has(RED))
    assert scene.other.events == []
