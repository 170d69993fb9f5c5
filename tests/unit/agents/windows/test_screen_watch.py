"""What is told of a screen that is looked at by a thread: a real thread, and a screen that is not."""

import asyncio
import threading

import numpy as np
import pytest

from agents.windows.screen_watch import ScreenWatch
from agents.windows.uncapturable import Uncapturable
from agents.worker.damage import Box
from agents.worker.desktop import DesktopLost
from tests.support.patience import until


class Screen:
    """Of which pictures can be had, or not."""

    name = "screen"

    def __init__(self, width=200, height=100):
        self.pixels = np.zeros((height, width), np.uint32)
        self.cover = ""
        self.failure = None
        self.opened = 0

    def open(self, on_news):
        if self.failure:
            raise self.failure
        self.opened += 1
        self.on_news = on_news
        return self, self.pixels

    def grab(self, seconds):
        if self.failure:
            raise self.failure
        return self.pixels

    def close(self):
        pass


class Told:
    def __init__(self):
        self.happened = asyncio.Condition()
        self.words = []

    def __getattr__(self, name):
        return lambda *values: self.words.append((name, *values))

    async def until(self, condition):
        await until(condition, every=0.002)


@pytest.fixture
async def watched():
    told, screen = Told(), Screen()
    watches = []

    async def watch():
        made = ScreenWatch(
            told, open_backend=screen.open, cover=lambda: screen.cover, screen=lambda: Box(0, 0, 200, 100)
        )
        watches.append(made)
        await made.start()
        return made

    yield told, screen, watch
    for made in watches:
        made.close()
    assert not any(thread.name == "screen" for thread in threading.enumerate())


async def test_change_is_told_and_is_what_is_read(watched):
    told, screen, watch = watched
    made = await watch()
    assert made.take_damage() == []
    changed = screen.pixels.copy()
    changed[10:20, 30:50] = 0x123456
    screen.pixels = changed
    await told.until(lambda: ("damaged",) in told.words)
    assert made.take_damage() == [Box(30, 10, 20, 10)]
    assert (made.picture.view(Box(30, 10, 20, 10)) == 0x123456).all()
    assert made.take_damage() == []


async def test_another_size_is_told_before_anything_of_it_is_damage(watched):
    told, screen, watch = watched
    made = await watch()
    screen.pixels = np.full((50, 300), 7, np.uint32)
    made.look()
    assert told.words == [("resized", 300, 50)]
    assert made.picture.size == (300, 50)
    assert made.take_damage() == []


async def test_screen_that_is_locked_keeps_its_picture_and_is_told_as_locked(watched):
    told, screen, watch = watched
    made = await watch()
    screen.cover = "locked"
    await told.until(lambda: made.covered == "locked")
    screen.pixels = np.full((100, 200), 9, np.uint32)
    made.look()
    assert told.words == [("covered_changed",)]
    assert not made.picture.view(Box(0, 0, 200, 100)).any()
    screen.cover = ""
    await told.until(lambda: made.covered == "" and ("damaged",) in told.words)
    assert made.take_damage() == [Box(0, 0, 200, 100)]


async def test_way_that_fails_is_given_up_and_the_ways_are_tried_anew(watched):
    told, screen, watch = watched
    made = await watch()
    screen.failure = Uncapturable("lost")
    await told.until(lambda: made.covered == "off")
    screen.failure = None
    await told.until(lambda: made.covered == "")
    assert screen.opened == 2


async def test_session_that_begins_behind_a_lock_has_a_black_picture_until_it_can_be_seen(watched):
    told, screen, watch = watched
    screen.cover = "locked"
    made = await watch()
    assert made.covered == "locked"
    assert made.picture.size == (200, 100)
    screen.pixels[:] = 5
    screen.cover = ""
    await told.until(lambda: ("damaged",) in told.words)
    assert made.take_damage() == [Box(0, 0, 200, 100)]


async def test_error_that_nobody_foresaw_ends_the_start(watched):
    _, screen, watch = watched
    screen.failure = ZeroDivisionError("a bug")
    with pytest.raises(DesktopLost):
        await watch()


async def test_who_waits_for_input_s_answer_need_not_wait_for_the_pace(watched):
    told, screen, watch = watched
    made = await watch()
    await told.until(lambda: made._pace.due_at(made._pace._looked_at) > made._pace._looked_at + 0.03)
    screen.pixels = np.full((100, 200), 3, np.uint32)
    made.hurry()
    await told.until(lambda: ("damaged",) in told.words)
    assert made.take_damage()
