"""A broker that is late itself takes nothing for the grid's silence, and the grid's silence for what it is."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

from broker.grid.health import DEGRADED_AFTER_SECONDS, LOOK_SECONDS, GridHealth
from portcullis.tasks import cancel_and_wait, spawn
from tests.support.clock import ManualClock
from tests.support.virtual_time import VirtualTimeLoop


class Site:
    """A grid that answers each look after a while, or does not, seen by a broker on a clock of the test's own."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.answer_seconds = 0.3
        self.answers = True
        self.turns: list[float] = []
        self.health = GridHealth(self.look, self.look, self.clock)
        self.health.subscribe(lambda: self.turns.append(self.clock.monotonic()))

    async def look(self) -> None:
        await asyncio.sleep(self.answer_seconds)
        if not self.answers:
            await asyncio.Event().wait()

    def run(self, scenario: Coroutine[Any, Any, None]) -> None:
        async def whole() -> None:
            self.health.start()
            await scenario
            await self.health.stop()

        with asyncio.Runner(loop_factory=lambda: VirtualTimeLoop(self.clock)) as runner:
            runner.run(whole())

    async def be_held_up(self, seconds: float, every: float) -> None:
        while True:
            await asyncio.sleep(every)
            self.clock.advance(seconds)


def test_a_loop_that_was_held_up_for_4_s_does_not_make_the_grid_degraded() -> None:
    site = Site()

    async def scenario() -> None:
        await asyncio.sleep(2 * LOOK_SECONDS + 0.1)  # a look is under way
        site.clock.advance(4.0)
        await asyncio.sleep(10.0)

    site.run(scenario())
    assert site.turns == []
    assert site.health.writable


def test_a_loop_that_is_held_up_again_and_again_does_not_make_the_grid_degraded() -> None:
    """Each look takes longer than a look may, all of it the loop's own doing."""
    site = Site()

    async def scenario() -> None:
        busy = spawn(site.be_held_up(3.0, every=0.2), name="busy")
        await asyncio.sleep(120.0)
        await cancel_and_wait(busy)

    site.run(scenario())
    assert site.turns == []


def test_a_grid_that_does_not_answer_makes_it_degraded_on_time() -> None:
    site = Site()
    since: list[float] = []

    async def scenario() -> None:
        site.health.wrote()
        since.append(site.clock.monotonic())
        site.answers = False
        await asyncio.sleep(DEGRADED_AFTER_SECONDS - 0.1)
        assert site.health.writable
        await asyncio.sleep(0.2)
        assert not site.health.writable
        site.answers = True
        assert await site.health.until_writable(5.0)

    site.run(scenario())
    degraded, _ = site.turns
    assert abs(degraded - since[0] - DEGRADED_AFTER_SECONDS) < 0.01


def test_a_grid_that_does_not_answer_is_found_out_by_a_loop_that_is_late_itself() -> None:
    site = Site()
    site.answers = False

    async def scenario() -> None:
        busy = spawn(site.be_held_up(0.5, every=0.01), name="busy")
        await asyncio.sleep(4 * DEGRADED_AFTER_SECONDS)
        await cancel_and_wait(busy)

    site.run(scenario())
    assert not site.health.writable
