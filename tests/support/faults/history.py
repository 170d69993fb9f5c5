"""All that ever happened in a grid: its events from the first revision on, opened, revision by revision."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from broker.grid import keys
from broker.grid.grid import DeleteEvent, Event, Grid, GridUnavailable, PutEvent
from broker.grid.scopes import Record, Stores, is_data_key
from broker.grid.seal import SiteKey
from portcullis.tasks import cancel_and_wait, spawn
from tests.support.patience import patient

Place = tuple[str, tuple[str, ...]]
"""Scope and path."""


@dataclass(frozen=True, slots=True)
class Written:
    """One key of one revision. `value` is None when it was deleted."""

    place: Place
    value: dict[str, Any] | None

    @property
    def scope(self) -> str:
        return self.place[0]

    @property
    def kind(self) -> str:
        path = self.place[1]
        return "/".join(path[:2]) if path[0] == "live" else path[0]

    @property
    def path(self) -> tuple[str, ...]:
        return self.place[1]


@dataclass(frozen=True, slots=True)
class Revision:
    number: int
    written: tuple[Written, ...]
    seen: float = 0.0


class Recorder:
    """Follows the watch from the first revision on, across whatever happens to the members, so that compaction
    takes nothing away from the judges."""

    def __init__(self, grid: Grid, site_key: SiteKey) -> None:
        self._grid = grid
        self._stores = Stores(grid, site_key)
        self._events: list[tuple[float, Event]] = []
        self._reached = 0
        self._advanced = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = spawn(self._follow(), name="recorder")

    async def stop(self) -> tuple[Revision, ...]:
        """Everything up to now, each revision with the monotonic time at which it was seen."""
        newest = (await self._grid.range(keys.ROOT)).revision
        try:
            async with asyncio.timeout(patient(30)):
                while self._reached < newest:
                    await self._advanced.wait()
        finally:
            await cancel_and_wait(self._task)
        return self.so_far()

    def so_far(self) -> tuple[Revision, ...]:
        """What was seen until now."""
        for _, event in self._events:
            if isinstance(event, PutEvent) and is_data_key(event.item.key):
                self._stores.open(event.item)
        return tuple(_revisions(self._stores, self._events))

    async def _follow(self) -> None:
        while True:
            try:
                async with contextlib.aclosing(self._grid.watch(keys.ROOT, self._reached + 1)) as watch:
                    async for changes in watch:
                        now = time.monotonic()
                        self._events += [(now, event) for event in changes.events]
                        self._reached = changes.revision
                        self._advanced.set()
                        self._advanced = asyncio.Event()
            except GridUnavailable:
                await asyncio.sleep(0.2)


def _revisions(stores: Stores, events: Sequence[tuple[float, Event]]) -> Iterator[Revision]:
    by_number: dict[int, list[Written]] = {}
    seen: dict[int, float] = {}
    for at, event in events:
        number = event.item.mod_revision if isinstance(event, PutEvent) else event.revision
        written = _written(stores, event)
        if written is not None:
            by_number.setdefault(number, []).append(written)
            seen.setdefault(number, at)
    return (Revision(number, tuple(by_number[number]), seen[number]) for number in sorted(by_number))


def _written(stores: Stores, event: Event) -> Written | None:
    if isinstance(event, DeleteEvent):
        place = keys.parse(event.key)
        return None if place is None else Written(place, None)
    record: Record | None = stores.open(event.item)
    return None if record is None else Written((record.scope, record.path), record.value)
