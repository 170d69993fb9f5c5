"""Filling an empty grid with the records of another one, so that it is a site only when it is whole.

First comes `site/arriving`, which says what is on its way; brokers refuse such a grid. Then all records, in the order
in which they were created, those of one revision together; last, in one transaction, `site/meta` for the mark. An
interrupted filling is taken up again where it was, if it is the same that arrives, else begun anew.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from broker.grid import keys
from broker.grid.grid import (
    MAXIMUM_OPERATIONS,
    MAXIMUM_VALUE_BYTES,
    CreateRevision,
    Delete,
    Grid,
    KeyValue,
    Put,
)
from broker.grid.seal import Seal, SealBroken
from portcullis.errors import Refused

META = keys.key(keys.SITE, ("meta",))
ARRIVING = keys.key(keys.SITE, ("arriving",))

Progress = Callable[[int, int], None]
"""Called with how many records are there, of how many."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """What is on its way into a grid. Equal ones are the same."""

    source: str
    site_id: str
    revision: int
    created: float

    def to_json(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__dataclass_fields__}


class Filling:
    """One filling of `grid`; `seal` is the site's."""

    def __init__(self, grid: Grid, seal: Seal, arrival: Arrival) -> None:
        self._grid = grid
        self._seal = seal
        self._arrival = arrival

    async def begin(self, found: Sequence[KeyValue], *, may_clear: bool) -> set[str]:
        """Mark the grid, whose content is `found`; answers which keys an interrupted filling left there for good.

        Raises Refused("grid_not_empty") where something lies there that may not be cleared.
        """
        mark = next((item for item in found if item.key == ARRIVING), None)
        if mark is None and found and not may_clear:
            raise Refused("grid_not_empty")
        arriving = None if mark is None else self._opened(mark)
        if mark is not None and arriving is None and not may_clear:
            raise Refused("grid_not_empty", "Something of another site is on its way into this grid.")
        if arriving == self._arrival.to_json():
            return {item.key for item in found if item.key != ARRIVING}
        # The mark goes last: without it, what is left would be taken for somebody's.
        await clear(self._grid, [item for item in found if item.key != ARRIVING])
        plain = json.dumps(self._arrival.to_json()).encode()
        await self._grid.txn((), [Put(ARRIVING, self._seal.seal(ARRIVING, plain))])
        return set()

    async def put(
        self,
        items: Iterable[KeyValue],
        leases: Mapping[int, int] | None = None,
        progress: Progress = lambda done, total: None,
    ) -> None:
        """All but `site/meta`. `leases`: those of the items -> those of this grid."""
        ordered = sorted(items, key=lambda item: (item.create_revision, item.key))
        done = 0
        for batch in _batches(item for item in ordered if item.key != META):
            puts = [Put(item.key, item.value, (leases or {}).get(item.lease, 0)) for item in batch]
            await self._grid.txn((), puts)
            done += len(batch)
            progress(done, len(ordered))

    async def finish(self, meta: Mapping[str, Any]) -> None:
        """The grid is a site from here on. Raises Refused("grid_not_empty") when it became one meanwhile."""
        plain = json.dumps(dict(meta)).encode()
        done = await self._grid.txn(
            [CreateRevision(META, 0)], [Put(META, self._seal.seal(META, plain)), Delete(ARRIVING)]
        )
        if not done.succeeded and await self._grid.get(ARRIVING) is not None:
            raise Refused("grid_not_empty")

    def _opened(self, mark: KeyValue) -> dict[str, Any] | None:
        """None under another site key."""
        try:
            value: dict[str, Any] = json.loads(self._seal.open(mark.key, mark.value))
        except SealBroken:
            return None
        return value


async def clear(grid: Grid, items: Sequence[KeyValue]) -> None:
    for start in range(0, len(items), MAXIMUM_OPERATIONS):
        await grid.txn((), [Delete(item.key) for item in items[start : start + MAXIMUM_OPERATIONS]])


def _batches(items: Iterable[KeyValue]) -> Iterator[list[KeyValue]]:
    """What was created at one revision stays at one; no transaction that was ever sent is too big to be sent again.

    An item that was changed since may have grown, so a batch is split where it must be.
    """
    for _, group in groupby(items, key=lambda item: item.create_revision):
        batch: list[KeyValue] = []
        size = 0
        for item in group:
            weight = len(item.key.encode()) + len(item.value)
            if batch and (len(batch) == MAXIMUM_OPERATIONS or size + weight > MAXIMUM_VALUE_BYTES):
                yield batch
                batch, size = [], 0
            batch.append(item)
            size += weight
        if batch:
            yield batch
