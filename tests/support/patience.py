"""How long a test waits for what will come, in one place: longer on a slow machine, as the runner measures it.

A wait that ends with a failure is `patient(seconds)`; one whose end is expected (nothing comes) is not, nor is a limit
that the product keeps. Without a runner the seconds are as they stand.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable
from pathlib import Path


def patient(seconds: float) -> float:
    return seconds * factor()


def factor() -> float:
    """Never below 1. Read each time, for a machine may become slow while tests run (tests/running/machine.py)."""
    place = os.environ.get("TESTS_PATIENCE")
    return float(Path(place).read_text()) if place else 1.0


async def until(condition: Callable[[], object], seconds: float = 30, every: float = 0.02) -> None:
    """Look until it holds; it may be a coroutine function. For what tells nobody that it changed."""
    deadline = time.monotonic() + patient(seconds)
    while True:
        began = time.monotonic()
        result = condition()
        if asyncio.iscoroutine(result):
            result = await result
        if result:
            return
        await asyncio.sleep(_pause(condition, began, deadline, every))


def until_now(condition: Callable[[], object], seconds: float = 30, every: float = 0.05) -> None:
    """The same where there is no loop."""
    deadline = time.monotonic() + patient(seconds)
    while True:
        began = time.monotonic()
        if condition():
            return
        time.sleep(_pause(condition, began, deadline, every))


def _pause(condition: Callable[[], object], began: float, deadline: float, every: float) -> float:
    """Twice as long as the look took, if that is more: what is waited for has the most of the machine."""
    now = time.monotonic()
    if now > deadline:
        raise TimeoutError(f"not in time: {condition}")
    return max(every, 2 * (now - began))
