"""Records of one kind as rows of a list that is searched, sorted, filtered and paged, kept up with the watch.

A tenant may have 100,000 users and as many sessions, and a console asks again with every change: a page costs what it
shows, a search one look at each row's text. Rows of a tenant are made when somebody asks first, in portions between
which the loop serves others; the order by a column when somebody sorts by it.
"""

from __future__ import annotations

import asyncio
import unicodedata
from bisect import bisect_left, insort
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from broker.grid.scopes import Record
from broker.snapshot import Change, Snapshot
from portcullis.tasks import spawn

Value = str | float | bool | tuple[str, ...] | None
Column = Callable[[Record], Value]
Key = tuple[int, float, str]
Row = tuple[Key, str]
"""What it is sorted by, and the id of its record."""

PORTION = 1000
FEW = 0.2
"""Of the rows: so many are sorted by themselves, of more the whole order is walked."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which rows. `filters`: a column's value must be one of these, whatever their case. `limit` None: all."""

    search: str = ""
    sort: str = ""
    descending: bool = False
    offset: int = 0
    limit: int | None = None
    filters: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Found:
    records: Sequence[Record]
    total: int


class RecordTable:
    """`columns`: what can be sorted and filtered by; `searched`: those whose text is searched."""

    def __init__(
        self, snapshot: Snapshot, kind: str, columns: Mapping[str, Column], searched: Sequence[str], sort: str
    ) -> None:
        """`sort`: the column of the order that nobody asked for."""
        self.columns = tuple(columns)
        self._snapshot = snapshot
        self._kind = kind
        self._of = dict(columns)
        self._searched = tuple(searched)
        self._sort = sort
        self._tenants: dict[str, _Rows] = {}
        self._made: dict[str, asyncio.Task[None]] = {}
        snapshot.subscribe(self._changed)

    async def find(self, tenant_id: str, wanted: Wanted) -> Found:
        rows = await self._rows(tenant_id)
        ids, total = rows.find(wanted, wanted.sort or self._sort)
        found = (self._snapshot.get(tenant_id, (self._kind, row_id)) for row_id in ids)
        return Found([record for record in found if record is not None], total)

    async def count(self, tenant_id: str, column: str) -> dict[str, int]:
        """How many rows have each value of the column."""
        rows = await self._rows(tenant_id)
        return {value: len(there) for value, there in rows.facets.get(column, {}).items()}

    async def _rows(self, tenant_id: str) -> _Rows:
        if tenant_id not in self._made:
            self._tenants[tenant_id] = _Rows(self.columns)
            self._made[tenant_id] = spawn(self._make(tenant_id), name=f"table of {self._kind}")
        await asyncio.shield(self._made[tenant_id])
        return self._tenants[tenant_id]

    async def _make(self, tenant_id: str) -> None:
        """Changes meanwhile are taken as they come."""
        paths = [record.path for record in self._snapshot.list(tenant_id, self._kind)]
        for start in range(0, len(paths), PORTION):
            for path in paths[start : start + PORTION]:
                record = self._snapshot.get(tenant_id, path)
                if record is not None:
                    self._put(tenant_id, record)
            await asyncio.sleep(0)

    def _changed(self, change: Change) -> None:
        if change.path[0] != self._kind or change.scope not in self._tenants:
            return
        if change.record is None:
            self._tenants[change.scope].remove(change.path[-1])
        else:
            self._put(change.scope, change.record)

    def _put(self, tenant_id: str, record: Record) -> None:
        values = {name: of(record) for name, of in self._of.items()}
        text = fold("\n".join(_words(values[name] for name in self._searched)))
        self._tenants[tenant_id].put(record.path[-1], values, text)


class _Rows:
    def __init__(self, columns: Iterable[str]) -> None:
        self.facets: dict[str, dict[str, set[str]]] = {name: {} for name in columns}
        self._text: dict[str, str] = {}
        self._values: dict[str, Mapping[str, Value]] = {}
        self._orders: dict[str, list[Row]] = {}

    def put(self, row_id: str, values: Mapping[str, Value], text: str) -> None:
        if self._values.get(row_id) == values:
            return
        self.remove(row_id)
        self._values[row_id], self._text[row_id] = values, text
        for name, value in values.items():
            for each in facets_of(value):
                self.facets[name].setdefault(each, set()).add(row_id)
        for name, order in self._orders.items():
            insort(order, (sort_key(values[name]), row_id))

    def remove(self, row_id: str) -> None:
        values = self._values.pop(row_id, None)
        if values is None:
            return
        del self._text[row_id]
        for name, value in values.items():
            for each in facets_of(value):
                there = self.facets[name][each]
                there.discard(row_id)
                if not there:
                    del self.facets[name][each]
        for name, order in self._orders.items():
            at = bisect_left(order, (sort_key(values[name]), row_id))
            del order[at]

    def find(self, wanted: Wanted, sort: str) -> tuple[list[str], int]:
        order = self._order(sort)
        needle, chosen = fold(wanted.search), self._chosen(wanted.filters)
        if chosen is None and not needle:
            return _slice(order, wanted), len(order)
        if chosen is not None and len(chosen) < len(order) * FEW:
            text = self._text
            kept = [row_id for row_id in chosen if needle in text[row_id]]
            rows = sorted((sort_key(self._values[row_id][sort]), row_id) for row_id in kept)
        else:
            rows = self._walk(order, needle, chosen)
        return _slice(rows, wanted), len(rows)

    def _walk(self, order: list[Row], needle: str, chosen: set[str] | None) -> list[Row]:
        text = self._text
        if chosen is None:
            return [row for row in order if needle in text[row[1]]]
        if not needle:
            return [row for row in order if row[1] in chosen]
        return [row for row in order if row[1] in chosen and needle in text[row[1]]]

    def _chosen(self, filters: Mapping[str, tuple[str, ...]]) -> set[str] | None:
        """None: all."""
        sets = [
            set().union(*(self.facets[name].get(fold(value), ()) for value in values))
            for name, values in filters.items()
        ]
        return set.intersection(*sets) if sets else None

    def _order(self, column: str) -> list[Row]:
        if column not in self._orders:
            rows = ((sort_key(values[column]), row_id) for row_id, values in self._values.items())
            self._orders[column] = sorted(rows)
        return self._orders[column]


def sort_key(value: Value) -> Key:
    """Nothing before numbers before texts; texts whatever their case."""
    if value is None:
        return 0, 0.0, ""
    if isinstance(value, (bool, int, float)):
        return 1, float(value), ""
    return 2, 0.0, fold(value if isinstance(value, str) else "\n".join(value))


def facets_of(value: Value) -> tuple[str, ...]:
    """How a value is asked for: `true`, `3`, a text whatever its case, each of several, the empty text for nothing."""
    if isinstance(value, tuple):
        return tuple({fold(each) for each in value})
    if isinstance(value, bool):
        return ("true" if value else "false",)
    return ("" if value is None else fold(str(value)),)


def fold(text: str) -> str:
    if text.isascii():
        return text.lower()
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())


def _words(values: Iterable[Value]) -> Iterable[str]:
    for value in values:
        if isinstance(value, tuple):
            yield from value
        elif value is not None:
            yield str(value)


def _slice(rows: Sequence[Row], wanted: Wanted) -> list[str]:
    end = len(rows) if wanted.limit is None else min(len(rows), wanted.offset + wanted.limit)
    if wanted.descending:
        size = len(rows)
        return [rows[size - 1 - at][1] for at in range(wanted.offset, end)]
    return [row_id for _, row_id in rows[wanted.offset : end]]
