"""Tasks that have an owner: the one place that calls `asyncio.create_task`; and turns for long ones."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Coroutine
from typing import Any, TypeVar

log = logging.getLogger(__name__)

T = TypeVar("T")

RECANCEL_SECONDS = 0.5
SLICE_SECONDS = 0.01

_live: set[asyncio.Task[Any]] = set()  # asyncio itself holds tasks weakly


def spawn(coroutine: Coroutine[Any, Any, T], *, name: str) -> asyncio.Task[T]:
    """Run `coroutine` as a task that cannot be collected early and whose failure is logged under its name.

    The caller keeps the task and cancels it when it stops (`cancel_and_wait`).
    """
    task = asyncio.create_task(coroutine, name=name)  # noqa: TID251
    _live.add(task)
    task.add_done_callback(_finished)
    return task


async def cancel_and_wait(*tasks: asyncio.Task[Any] | None) -> None:
    """Cancel the tasks that are still running and wait until all have ended. Never raises their errors."""
    running = {task for task in tasks if task is not None and not task.done()}
    while running:
        for task in running:
            task.cancel()
        # Again and again: up to Python 3.11 `asyncio.wait_for` can swallow a cancellation.
        _, running = await asyncio.wait(running, timeout=RECANCEL_SECONDS)


def _finished(task: asyncio.Task[Any]) -> None:
    _live.discard(task)
    if not task.cancelled() and (error := task.exception()) is not None:
        log.error("task %s failed", task.get_name(), exc_info=error)


class Turn:
    """A slice of the loop's time, for whoever has much to do on it."""

    def __init__(self) -> None:
        self._began = time.perf_counter()

    async def end(self) -> None:
        """Let others have theirs, if this one has lasted."""
        if time.perf_counter() - self._began >= SLICE_SECONDS:
            await asyncio.sleep(0)
            self._began = time.perf_counter()
