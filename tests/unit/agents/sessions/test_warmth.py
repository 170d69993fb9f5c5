import asyncio

import pytest

from agents.sessions import warmth
from agents.sessions.warmth import BEGIN_ABOVE_BYTES, RELEASE_BELOW_BYTES, Plan, Situation, Warmth, plan

PLENTY = 8 << 30


def situation(**changes):
    usual = {
        "wanted": 1,
        "free_slots": 20,
        "is_launching": False,
        "quiet_seconds": 60.0,
        "memory_available_bytes": PLENTY,
    }
    return Situation(**{**usual, **changes})


def test_quiet_host_prepares_what_the_settings_say():
    due = plan(situation(wanted=3))
    assert (due.count, due.may_begin) == (3, True)


@pytest.mark.parametrize(
    ("changes", "count"),
    [
        ({"wanted": 0}, 0),
        ({"wanted": 4, "free_slots": 2}, 2),
        ({"free_slots": 0}, 0),
        ({"free_slots": -1}, 0),
        ({"memory_available_bytes": RELEASE_BELOW_BYTES - 1}, 0),
        ({"memory_available_bytes": RELEASE_BELOW_BYTES}, 1),
    ],
)
def test_host_that_is_full_or_short_of_memory_gives_up_what_is_prepared(changes, count):
    assert plan(situation(**changes)).count == count


@pytest.mark.parametrize(
    "changes",
    [{"is_launching": True}, {"quiet_seconds": 1.9}, {"memory_available_bytes": BEGIN_ABOVE_BYTES - 1}],
)
def test_nothing_is_begun_during_a_launch_or_for_want_of_memory_and_nothing_is_given_up(changes):
    due = plan(situation(**changes))
    assert (due.count, due.may_begin) == (1, False)


def test_end_of_a_launch_is_waited_for_shortly():
    assert plan(situation(quiet_seconds=0.0)).look_seconds < plan(situation()).look_seconds


class Launcher:
    """Notes what it is asked for."""

    def __init__(self):
        self.asked = []
        self.told = asyncio.Event()

    async def keep_ready(self, count, may_begin=True):
        self.asked.append((count, may_begin))
        self.told.set()

    async def until_asked(self, *expected):
        async with asyncio.timeout(10):
            while self.asked[-1:] != [expected]:
                self.told.clear()
                await self.told.wait()


async def test_change_of_a_session_is_answered_and_the_end_leaves_nothing_prepared():
    launcher, states = Launcher(), ["active", "ended"]
    keeping = Warmth(launcher, 1, 2, lambda: states, lambda: PLENTY)
    task = asyncio.get_running_loop().create_task(keeping.run())
    await launcher.until_asked(1, True)
    states.append("starting")
    keeping.changed()
    await launcher.until_asked(0, False)
    states[-1] = "ended"
    keeping.changed()
    await launcher.until_asked(1, False)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert launcher.asked[-1] == (0, True)


async def test_memory_is_looked_at_although_nothing_happens(monkeypatch):
    monkeypatch.setattr(warmth, "plan", lambda now: Plan(int(now.memory_available_bytes > 1), True, 0.001))
    memory = [2]
    launcher = Launcher()
    keeping = Warmth(launcher, 1, 2, list, lambda: memory[0])
    task = asyncio.get_running_loop().create_task(keeping.run())
    await launcher.until_asked(1, True)
    memory[0] = 1
    await launcher.until_asked(0, True)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
