"""What process trees cost, from outside: CPU seconds and proportional memory, by /proc."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterable

import psutil

LEVELLED_SECONDS = 60.0


def tree(roots: Iterable[int], without: Iterable[int] = ()) -> list[psutil.Process]:
    """The processes below `roots`, themselves included, without the trees of `without`."""
    left_out = {process.pid for process in tree(without)} if without else set()
    found: dict[int, psutil.Process] = {}
    for pid in roots:
        with contextlib.suppress(psutil.NoSuchProcess):
            root = psutil.Process(pid)
            found |= {process.pid: process for process in (root, *root.children(recursive=True))}
    return [process for pid, process in found.items() if pid not in left_out]


def pss_bytes(processes: Iterable[psutil.Process]) -> int:
    """Memory, each shared page divided among those who share it."""
    total = 0
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            total += process.memory_full_info().pss
    return total


async def levelled(measure: Callable[[], float], every: float = 0.5, within: float = 0.02) -> None:
    """Until two looks in a row give the same, but for a part of `within`: what was begun is over."""
    before = measure()
    async with asyncio.timeout(LEVELLED_SECONDS):
        while True:
            await asyncio.sleep(every)  # the time over which it is compared
            now = measure()
            if abs(now - before) <= within * max(now, before):
                return
            before = now


class CpuMeter:
    """CPU of what `processes` names, from its making on; a process that comes later counts from 0."""

    def __init__(self, processes: Callable[[], list[psutil.Process]]) -> None:
        self._processes = processes
        self._before = self._seconds()
        self._began = time.monotonic()

    def share(self) -> float:
        """Of one core, in percent."""
        now = self._seconds()
        used = sum(seconds - self._before.get(pid, 0.0) for pid, seconds in now.items())
        return used / (time.monotonic() - self._began) * 100

    def _seconds(self) -> dict[int, float]:
        found = {}
        for process in self._processes():
            with contextlib.suppress(psutil.NoSuchProcess):
                times = process.cpu_times()
                found[process.pid] = times.user + times.system
        return found
