"""All that ever happened in a grid: its events from the first revision on, opened, revision by revision."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from broker.grid import keys
from broker.grid.grid import DeleteEvent, Event, Grid, PutEvent
from broker.grid.scopes import Record, Stores, is_data_key
from broker.grid.seal import SiteKey

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


async def read_history(grid: Grid, site_key: SiteKey) -> tuple[Revision, ...]:
    """Everything up to now. Raises Compacted when somebody has forgotten a part of it."""
    stores = Stores(grid, site_key)
    newest = (await grid.range(keys.ROOT)).revision
    events: list[Event] = []
    async with contextlib.aclosing(grid.watch(keys.ROOT, 1)) as watch:
        async for changes in watch:
            events += changes.events
            if changes.revision >= newest:
                break
    for event in events:
        if isinstance(event, PutEvent) and is_data_key(event.item.key):
            stores.open(event.item)
    return tuple(_revisions(stores, events))


def _revisions(stores: Stores, events: Sequence[Event]) -> Iterator[Revision]:
    by_number: dict[int, list[Written]] = {}
    for event in events:
        number = event.item.mod_revision if isinstance(event, PutEvent) else event.revision
        written = _written(stores, event)
        if written is not None:
            by_number.setdefault(number, []).append(written)
    return (Revision(number, tuple(by_number[number])) for number in sorted(by_number))


def _written(stores: Stores, event: Event) -> Written | None:
    if isinstance(event, DeleteEvent):
        place = keys.parse(event.key)
        return None if place is None else Written(place, None)
    record: Record | None = stores.open(event.item)
    return None if record is None else Written((record.scope, record.path), record.value)
