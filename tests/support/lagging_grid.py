"""A grid whose watch comes late: what a broker decides on is old, as behind a slow member, and races come about."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator
from typing import Any

from broker.grid.grid import Changes, Grid
from portcullis.tasks import cancel_and_wait, spawn


class LaggingGrid:
    """`grid`, whose changes are each delivered `seconds` after they came. All else is passed on."""

    def __init__(self, grid: Grid, seconds: float) -> None:
        self._grid = grid
        self._seconds = seconds

    def __getattr__(self, name: str) -> Any:
        return getattr(self._grid, name)

    async def watch(self, prefix: str, from_revision: int) -> AsyncGenerator[Changes, None]:
        late: asyncio.Queue[tuple[float, Changes]] = asyncio.Queue()
        feed = spawn(self._feed(prefix, from_revision, late), name="late watch")
        try:
            while True:
                waiting = spawn(late.get(), name="late change")
                await asyncio.wait({feed, waiting}, return_when=asyncio.FIRST_COMPLETED)
                if not waiting.done():
                    await cancel_and_wait(waiting)
                    feed.result()
                due, changes = await waiting
                await asyncio.sleep(due - time.monotonic())
                yield changes
        finally:
            await cancel_and_wait(feed)

    async def _feed(
        self, prefix: str, from_revision: int, late: asyncio.Queue[tuple[float, Changes]]
    ) -> None:
        async for changes in self._grid.watch(prefix, from_revision):
            late.put_nowait((time.monotonic() + self._seconds, changes))
