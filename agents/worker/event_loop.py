"""The worker's event loop: asyncio's own, but for Windows, where its clock and its waits go in steps of 16 ms.

A picture every 16 ms, and an answer within 4, are made of shorter ones. Python 3.13 has the finer clock by itself.
"""

from __future__ import annotations

import asyncio
import sys
import time

_WAIT_MS = 1
"""How fine the waits of this process become; Windows gives the coarser ones back when it ends."""

if sys.platform == "win32":
    import ctypes

    class _FineLoop(asyncio.ProactorEventLoop):
        def __init__(self) -> None:
            super().__init__()
            # What is due within one step of the clock is called at once: 16 ms too early, if this is not told.
            self._clock_resolution = time.get_clock_info("perf_counter").resolution
            ctypes.WinDLL("winmm").timeBeginPeriod(_WAIT_MS)

        def time(self) -> float:
            return time.perf_counter()


def new_event_loop() -> asyncio.AbstractEventLoop:
    if sys.platform == "win32":
        return _FineLoop()
    return asyncio.new_event_loop()
