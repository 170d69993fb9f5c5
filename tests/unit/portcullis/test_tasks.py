"""Tasks with an owner."""

from __future__ import annotations

import asyncio
import gc
import logging

import pytest

from portcullis import tasks
from portcullis.tasks import cancel_and_wait, spawn


async def test_a_task_gives_its_result_and_bears_its_name() -> None:
    async def work() -> int:
        return 7

    task = spawn(work(), name="work")
    assert (task.get_name(), await task) == ("work", 7)


async def test_a_task_that_nobody_keeps_is_not_collected() -> None:
    done = asyncio.Event()
    begun = asyncio.Event()

    async def work() -> None:
        begun.set()
        waiting = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().call_later(0.01, waiting.set_result, None)
        await waiting
        done.set()

    spawn(work(), name="work")
    await begun.wait()
    gc.collect()
    async with asyncio.timeout(30):
        await done.wait()
    assert done.is_set()


async def test_a_failure_is_logged_under_the_name(caplog: pytest.LogCaptureFixture) -> None:
    async def work() -> None:
        raise RuntimeError("why")

    task = spawn(work(), name="the work")
    with caplog.at_level(logging.ERROR):
        await asyncio.wait([task])
    assert "task the work failed" in caplog.text
    assert "RuntimeError: why" in caplog.text


async def test_a_cancelled_task_is_no_failure(caplog: pytest.LogCaptureFixture) -> None:
    task = spawn(asyncio.Event().wait(), name="work")
    await cancel_and_wait(task)
    assert task.cancelled()
    assert caplog.text == ""


async def test_waiting_covers_what_a_task_does_when_cancelled() -> None:
    cleaned = []
    begun = asyncio.Event()

    async def work() -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            cleaned.append(True)

    task = spawn(work(), name="work")
    await begun.wait()
    await cancel_and_wait(task)
    assert cleaned == [True]


async def test_nothing_and_ended_tasks_are_no_matter(caplog: pytest.LogCaptureFixture) -> None:
    async def fail() -> None:
        raise RuntimeError

    failed = spawn(fail(), name="failed")
    await asyncio.wait([failed])
    await cancel_and_wait(None, failed)
    await cancel_and_wait()
    assert failed.done()


async def test_a_task_that_swallows_a_cancellation_is_cancelled_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As `asyncio.wait_for` of Python 3.11 does when its time runs out at that moment."""
    monkeypatch.setattr(tasks, "RECANCEL_SECONDS", 0.001)
    begun = asyncio.Event()
    swallowed = 0

    async def work() -> None:
        nonlocal swallowed
        begun.set()
        while True:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                if swallowed == 2:
                    raise
                swallowed += 1

    task = spawn(work(), name="work")
    await begun.wait()
    async with asyncio.timeout(30):
        await cancel_and_wait(task)
    assert (task.cancelled(), swallowed) == (True, 2)


async def test_the_waiting_itself_can_be_cancelled() -> None:
    release = asyncio.Event()
    begun = asyncio.Event()

    async def work() -> None:
        begun.set()
        while not release.is_set():
            try:
                await release.wait()
            except asyncio.CancelledError:
                continue

    task = spawn(work(), name="work")
    await begun.wait()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await cancel_and_wait(task)
    release.set()
    await task
    assert task.done()
