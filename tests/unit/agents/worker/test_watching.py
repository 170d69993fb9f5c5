"""What a stream is like is told each second, however often it is asked for."""

import asyncio

import numpy as np
import pytest

from agents.worker.flow import Flow
from agents.worker.watching import Watch
from tests.support.clock import ManualClock
from tests.support.virtual_time import VirtualTimeLoop


class Frames:
    """Those of a view that is shown and gets nothing."""

    def __init__(self) -> None:
        self.flow = Flow()
        self.is_visible = True
        self.encoder = "tiles"


@pytest.fixture
def clock():
    return ManualClock()


def told_while(clock, act) -> list[float]:
    """When QUALITY was sent."""
    times: list[float] = []

    async def run() -> None:
        start = clock.monotonic()
        watch = Watch(Frames(), clock, lambda message: times.append(clock.monotonic() - start), lambda: 0.5)
        await act(watch)
        watch.close()

    with asyncio.Runner(loop_factory=lambda: VirtualTimeLoop(clock)) as runner:
        runner.run(run())
    return times


def test_quality_is_told_at_once_and_then_each_second(clock):
    async def act(watch):
        watch.watch(True)
        await asyncio.sleep(2.5)

    assert np.allclose(told_while(clock, act), [0, 1, 2])


def test_client_that_asks_again_and_again_is_told_no_more_often(clock):
    async def act(watch):
        for _ in range(50):
            for on in (True, True, False, True):
                watch.watch(on)
            await asyncio.sleep(0.05)

    assert np.allclose(told_while(clock, act), [0, 1, 2])


def test_nothing_is_told_when_nobody_watches_any_more(clock):
    async def act(watch):
        watch.watch(True)
        await asyncio.sleep(1.5)
        watch.watch(False)
        await asyncio.sleep(5)

    assert np.allclose(told_while(clock, act), [0, 1])
