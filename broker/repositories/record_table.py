"""Records of one kind as rows of a list that is searched, sorted, filtered and paged, kept up with the watch.

A tenant may have 100,000 users and as many sessions, and a console asks again with every change: a page costs what it
shows, a search one look at each row's text. Rows of a tenant are made when somebody asks first, the order by a column
when somebody sorts by it, both in slices between which the loop serves others.
"""

from __future__ import annotations

import asyncio
import unicodedata
from bisect import bisect_left, insort
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from typing import Any, Protocol

from broker.grid.scopes import Record
from broker.snapshot import Change, Snapshot
from portcullis.tasks import Turn, spawn

Value = str | float | bool | tuple[str, ...] | None
Column = Callable[[Any], Value]
Key = tuple[int, float, str]
Row = tuple[int, float, str, str]
"""What it is sorted by, and the id of its record."""
Values = tuple[Value, ...]

PORTION = 200
PART = 4000
SAMPLES = 8
"""Of a part: so many of its rows are looked at for the bounds."""
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
    """`records` of some ids: of thousands, a few at a time. Those that are gone meanwhile are left out."""

    ids: Sequence[str]
    total: int
    records: Callable[[Sequence[str]], Sequence[Record]]


class Source(Protocol):
    """What rows are made of, kept up with the snapshot before the table is."""

    def all(self, tenant_id: str) -> Mapping[str, Any]: ...


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
        source: Source | None = None,
    ) -> None:
        """`sort`: the column of the order that nobody asked for. `source`: what columns are of; None: the records."""
        self.columns = tuple(columns)
        self._snapshot = snapshot
        self._kind = kind
        self._of = tuple(columns.values())
        self._searched = tuple(self.columns.index(name) for name in searched)
        self._sort = sort
        self._single = single
        self._source = source or _Records(snapshot, kind)
        self._tenants: dict[str, Rows] = {}
        self._made: dict[str, asyncio.Task[None]] = {}
        snapshot.subscribe(self._changed)

    async def find(self, tenant_id: str, wanted: Wanted) -> Found:
        ids, total = await self._find(tenant_id, wanted)
        return Found(ids, total, partial(self._records, tenant_id))

    def _records(self, tenant_id: str, ids: Sequence[str]) -> Sequence[Record]:
        found = (self._snapshot.get(tenant_id, (self._kind, row_id)) for row_id in ids)
        return [record for record in found if record is not None]

    async def ids(self, tenant_id: str, wanted: Wanted) -> Sequence[str]:
        """For whoever needs no records."""
        return (await self._find(tenant_id, wanted))[0]

    async def _find(self, tenant_id: str, wanted: Wanted) -> tuple[Sequence[str], int]:
        self.warm(tenant_id)
        await asyncio.shield(self._made[tenant_id])
        return await self._tenants[tenant_id].find(wanted, wanted.sort or self._sort)

    def warm(self, tenant_id: str) -> None:
        """Somebody is about to ask."""
        if tenant_id not in self._made:
            self._tenants[tenant_id] = Rows(self.columns, self._single)
            self._made[tenant_id] = spawn(self._make(tenant_id), name=f"table of {self._kind}")

    async def _make(self, tenant_id: str) -> None:
        """Changes meanwhile are taken as they come."""
        ids, turn = list(self._source.all(tenant_id)), Turn()
        for start in range(0, len(ids), PORTION):
            there = self._source.all(tenant_id)
            for row_id in ids[start : start + PORTION]:
                if row_id in there:
                    self._put(tenant_id, row_id, there[row_id])
            await turn.end()
        await self._tenants[tenant_id].order(self._sort)

    def _changed(self, change: Change) -> None:
        if change.path[0] != self._kind or change.scope not in self._tenants:
            return
        row_id = change.path[-1]
        item = self._source.all(change.scope).get(row_id)
        if item is None:
            self._tenants[change.scope].remove(row_id)
        else:
            self._put(change.scope, row_id, item)

    def _put(self, tenant_id: str, row_id: str, item: Any) -> None:
        values = tuple(of(item) for of in self._of)
        text = fold("\n".join(_words(values[at] for at in self._searched)))
        self._tenants[tenant_id].put(row_id, values, text)


class _Records:
    """The records themselves."""

    def __init__(self, snapshot: Snapshot, kind: str) -> None:
        self._snapshot = snapshot
        self._kind = kind

    def all(self, tenant_id: str) -> Mapping[str, Record]:
        return _OfTenant(self._snapshot, self._kind, tenant_id)


class _OfTenant(Mapping[str, Record]):
    def __init__(self, snapshot: Snapshot, kind: str, tenant_id: str) -> None:
        self._snapshot = snapshot
        self._place = (tenant_id, kind)

    def __getitem__(self, row_id: str) -> Record:
        record = self._snapshot.get(self._place[0], (self._place[1], row_id))
        if record is None:
            raise KeyError(row_id)
        return record

    def __iter__(self) -> Iterator[str]:
        return (record.path[-1] for record in self._snapshot.list(*self._place))

    def __len__(self) -> int:
        return self._snapshot.count(*self._place)


class Rows:
    """Of one tenant. `put` and `remove` may come while something is made in slices."""

    def __init__(self, columns: Sequence[str], single: Set[str] = frozenset()) -> None:
        self._at = {name: at for at, name in enumerate(columns)}
        self._single = single
        self._text: dict[str, str] = {}
        self._values: dict[str, Values] = {}
        self._facets: dict[str, dict[str, set[str]]] = {}
        self._orders: dict[str, list[Row]] = {}
        self._ordering: dict[str, asyncio.Task[None]] = {}
        self._touched: dict[str, set[str]] = {}
        """By column whose order is being made: the rows that changed meanwhile."""

    def put(self, row_id: str, values: Values, text: str) -> None:
        if self._values.get(row_id) == values:
            return
        self.remove(row_id)
        self._values[row_id], self._text[row_id] = values, text
        for name, facet in self._facets.items():
            for each in facets_of(values[self._at[name]]):
                facet.setdefault(each, set()).add(row_id)
        for name, order in self._orders.items():
            insort(order, self._row(row_id, name))

    def remove(self, row_id: str) -> None:
        for touched in self._touched.values():
            touched.add(row_id)
        if row_id not in self._values:
            return
        for name, order in self._orders.items():
            del order[bisect_left(order, self._row(row_id, name))]
        values = self._values.pop(row_id)
        del self._text[row_id]
        for name, facet in self._facets.items():
            for each in facets_of(values[self._at[name]]):
                facet[each].discard(row_id)
                if not facet[each]:
                    del facet[each]

    async def find(self, wanted: Wanted, sort: str) -> tuple[list[str], int]:
        order = await self.order(sort)
        for name in wanted.filters.keys() & self._single:
            await self.order(name)
        needle, chosen = fold(wanted.search), self._chosen(wanted.filters)
        if needle:
            chosen = self._matching(needle, chosen)
        if chosen is None:
            return _slice(order, wanted), len(order)
        if len(chosen) < len(order) * FEW:
            few = sorted(self._row(row_id, sort) for row_id in chosen)
            return _slice(few, wanted), len(few)
        rows = reversed(order) if wanted.descending else iter(order)
        found = (row[3] for row in rows if row[3] in chosen)
        end = None if wanted.limit is None else wanted.offset + wanted.limit
        return list(islice(found, wanted.offset, end)), len(chosen)

    async def order(self, column: str) -> list[Row]:
        """All rows by this column."""
        if column not in self._orders:
            if column not in self._ordering:
                self._ordering[column] = spawn(self._make_order(column), name=f"order by {column}")
            await asyncio.shield(self._ordering[column])
        return self._orders[column]

    async def _make_order(self, column: str) -> None:
        """Python sorts without a pause: so rows are dealt to parts that follow each other, and these are sorted."""
        touched = self._touched[column] = set()
        try:
            order: list[Row] = []
            turn = Turn()
            for part in await self._parts(column):
                part.sort()
                order += part
                await turn.end()
            if touched:
                order = [row for row in order if row[3] not in touched]
                for row_id in touched & self._values.keys():
                    insort(order, self._row(row_id, column))
            self._orders[column] = order
        finally:
            del self._touched[column], self._ordering[column]

    async def _parts(self, column: str) -> list[list[Row]]:
        """About PART rows each, by bounds that some of the rows tell."""
        ids, turn = list(self._values), Turn()
        number = max(1, len(ids) // PART)
        some = sorted(self._row(row_id, column) for row_id in ids[:: max(1, len(ids) // (number * SAMPLES))])
        bounds = some[SAMPLES::SAMPLES]
        parts: list[list[Row]] = [[] for _ in range(len(bounds) + 1)]
        for start in range(0, len(ids), PORTION):
            for row_id in ids[start : start + PORTION]:
                if row_id in self._values:
                    row = self._row(row_id, column)
                    parts[bisect_left(bounds, row)].append(row)
            await turn.end()
        return parts

    def _row(self, row_id: str, column: str) -> Row:
        return *sort_key(self._values[row_id][self._at[column]]), row_id

    def _matching(self, needle: str, chosen: Set[str] | None) -> Set[str]:
        """All texts in a row are looked through faster than some here and there."""
        found = {row_id for row_id, text in self._text.items() if needle in text}
        return found if chosen is None else found & chosen

    def _chosen(self, filters: Mapping[str, tuple[str, ...]]) -> Set[str] | None:
        """None: all."""
        sets = [
            self._with(name, values) if name in self._single else self._any_of(self._facet(name), values)
            for name, values in filters.items()
        ]
        return None if not sets else sets[0] if len(sets) == 1 else set.intersection(*sets)

    def _any_of(self, there: Mapping[str, set[str]], values: tuple[str, ...]) -> set[str]:
        if len(values) == 1:
            return there.get(fold(values[0]), set())
        return set().union(*(there.get(fold(value), ()) for value in values))

    def _facet(self, name: str) -> Mapping[str, set[str]]:
        """Which rows have each value. Many share a few, so that values are folded once they are together."""
        if name not in self._facets:
            at, together = self._at[name], dict[tuple[type, Value], set[str]]()
            for row_id, values in self._values.items():
                value = values[at]
                together.setdefault((type(value), value), set()).add(row_id)
            facet = self._facets[name] = {}
            for (_, value), row_ids in together.items():
                for each in facets_of(value):
                    facet.setdefault(each, set()).update(row_ids)
        return self._facets[name]

    def _with(self, name: str, values: tuple[str, ...]) -> set[str]:
        """Found by the order: a set for each value would be one a row."""
        order, found = self._orders[name], set[str]()
        for asked in map(fold, values):
            for key in _keys_of(asked):
                for at in range(bisect_left(order, (*key, "")), len(order)):
                    if order[at][:3] != key:
                        break
                    row_id = order[at][3]
                    if asked in facets_of(self._values[row_id][self._at[name]]):
                        found.add(row_id)
        return found


def sort_key(value: Value) -> Key:
    """Nothing before numbers before texts; texts whatever their case."""
    if value is None:
        return 0, 0.0, ""
    if isinstance(value, (bool, int, float)):
        return 1, float(value), ""
    return 2, 0.0, fold(value if isinstance(value, str) else "\n".join(value))


def _keys_of(asked: str) -> Iterable[Key]:
    """Of the values that may be asked for so."""
    yield 2, 0.0, asked
    if asked in ("true", "false"):
        yield 1, float(asked == "true"), ""
    elif not asked:
        yield 0, 0.0, ""
    else:
        try:
            yield 1, float(asked), ""
        except ValueError:
            return


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
        return [rows[size - 1 - at][3] for at in range(wanted.offset, end)]
    return [row[3] for row in rows[wanted.offset : end]]
