"""Records of one kind as rows of a list that is searched, sorted, filtered and paged, kept up with the watch.

A tenant may have 100,000 users and as many sessions, and a console asks again with every change: a page costs what it
shows, a search one look at each row's text. Rows of a tenant are made when somebody asks first, in portions between
which the loop serves others; the order by a column when somebody sorts by it.
"""

from __future__ import annotations

import asyncio
import unicodedata
from bisect import bisect_left, insort
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from itertools import islice

from broker.grid.scopes import Record
from broker.snapshot import Change, Snapshot
from portcullis.tasks import spawn

Value = str | float | bool | tuple[str, ...] | None
Column = Callable[[Record], Value]
Key = tuple[int, float, str]
Row = tuple[Key, str]
"""What it is sorted by, and the id of its record."""

PORTION = 1000
FEW = 0.02
"""Of the rows: so many are sorted by themselves; for more the order is walked until the page is full."""


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
    """`columns`: what can be sorted and filtered by; `searched`: those whose text is searched; `single`: those in which
    hardly two rows have the same.
    """

    def __init__(
        self,
        snapshot: Snapshot,
        kind: str,
        columns: Mapping[str, Column],
        searched: Sequence[str],
        sort: str,
        single: Set[str] = frozenset(),
    ) -> None:
        """`sort`: the column of the order that nobody asked for."""
        self.columns = tuple(columns)
        self._snapshot = snapshot
        self._kind = kind
        self._of = dict(columns)
        self._searched = tuple(searched)
        self._sort = sort
        self._single = single
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

    def warm(self, tenant_id: str) -> None:
        """Somebody is about to ask."""
        if tenant_id not in self._made:
            self._tenants[tenant_id] = _Rows(self.columns, self._single)
            self._made[tenant_id] = spawn(self._make(tenant_id), name=f"table of {self._kind}")

    async def _rows(self, tenant_id: str) -> _Rows:
        self.warm(tenant_id)
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
    def __init__(self, columns: Iterable[str], single: Set[str] = frozenset()) -> None:
        self.facets: dict[str, dict[str, set[str]]] = {name: {} for name in columns if name not in single}
        self._text: dict[str, str] = {}
        self._values: dict[str, Mapping[str, Value]] = {}
        self._orders: dict[str, list[Row]] = {}

    def put(self, row_id: str, values: Mapping[str, Value], text: str) -> None:
        if self._values.get(row_id) == values:
            return
        self.remove(row_id)
        self._values[row_id], self._text[row_id] = values, text
        for name, facet in self.facets.items():
            for each in facets_of(values[name]):
                facet.setdefault(each, set()).add(row_id)
        for name, order in self._orders.items():
            insort(order, (sort_key(values[name]), row_id))

    def remove(self, row_id: str) -> None:
        values = self._values.pop(row_id, None)
        if values is None:
            return
        del self._text[row_id]
        for name, facet in self.facets.items():
            for each in facets_of(values[name]):
                facet[each].discard(row_id)
                if not facet[each]:
                    del facet[each]
        for name, order in self._orders.items():
            at = bisect_left(order, (sort_key(values[name]), row_id))
            del order[at]

    def find(self, wanted: Wanted, sort: str) -> tuple[list[str], int]:
        order = self._order(sort)
        needle, chosen = fold(wanted.search), self._chosen(wanted.filters)
        if needle:
            chosen = self._matching(needle, chosen)
        if chosen is None:
            return _slice(order, wanted), len(order)
        if len(chosen) < len(order) * FEW:
            few = sorted((sort_key(self._values[row_id][sort]), row_id) for row_id in chosen)
            return _slice(few, wanted), len(few)
        rows = reversed(order) if wanted.descending else iter(order)
        found = (row_id for _, row_id in rows if row_id in chosen)
        end = None if wanted.limit is None else wanted.offset + wanted.limit
        return list(islice(found, wanted.offset, end)), len(chosen)

    def _matching(self, needle: str, chosen: Set[str] | None) -> Set[str]:
        """All texts in a row are looked through faster than some here and there."""
        found = {row_id for row_id, text in self._text.items() if needle in text}
        return found if chosen is None else found & chosen

    def _chosen(self, filters: Mapping[str, tuple[str, ...]]) -> Set[str] | None:
        """None: all."""
        sets = [
            self._any_of(self.facets[name], values) if name in self.facets else self._with(name, values)
            for name, values in filters.items()
        ]
        return None if not sets else sets[0] if len(sets) == 1 else set.intersection(*sets)

    def _any_of(self, there: Mapping[str, set[str]], values: tuple[str, ...]) -> set[str]:
        if len(values) == 1:
            return there.get(fold(values[0]), set())
        return set().union(*(there.get(fold(value), ()) for value in values))

    def _with(self, name: str, values: tuple[str, ...]) -> set[str]:
        asked = {fold(value) for value in values}
        return {row_id for row_id, row in self._values.items() if not asked.isdisjoint(facets_of(row[name]))}

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
