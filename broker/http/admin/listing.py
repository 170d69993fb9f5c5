"""How every administrative list is asked (docs/api.md, Lists): `search`, `sort`, `offset`, `limit`, any field as a
filter, and `format=csv`. A list without parameters answers everything, as it always did.

`listed` does it for lists that are at hand; of those that may be large a `RecordTable` finds the records first.
"""

from __future__ import annotations

import asyncio
import csv
import io
import json
import logging
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any

from aiohttp import web

from broker.grid.grid import GridUnavailable
from broker.grid.scopes import Record
from broker.http.views import answer, with_revision
from broker.repositories.record_table import Found, RecordTable, Value, Wanted, facets_of, fold, sort_key
from portcullis.errors import InvalidInput, Unavailable
from portcullis.tasks import Turn

log = logging.getLogger(__name__)

MOST = 10_000
"""Items of one answer in JSON, where a limit is given."""
CSV_PORTION = 500
VIEWED_AT_ONCE = 100
_OWN = frozenset({"search", "sort", "offset", "limit", "format"})
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")

Item = Mapping[str, Any]


async def listed(
    request: web.Request,
    items: Sequence[Item],
    revision: int,
    fields: Iterable[str] = (),
    more: Item | None = None,
) -> web.StreamResponse:
    """All items are at hand, in the order that nobody asked for. `fields`: their names, should there be no item.
    `more`: what stands beside them. Raises InvalidInput.
    """
    known = {name for item in items for name in item} | set(fields)
    wanted = parse_wanted(request, known or _named(request))
    found = select(items, wanted) if request.query else list(items)
    if wants_csv(request):
        page = found[wanted.offset :][: wanted.limit]
        return await csv_answer(request, _portions(page))
    page = found[wanted.offset :][: wanted.limit]
    body = {"items": page, "total": len(found), "revision": revision, **(more or {})}
    return answer(body, revision=revision)


async def listed_records(
    request: web.Request,
    table: RecordTable,
    tenant_id: str,
    view: Callable[[Sequence[Record]], Awaitable[Sequence[Item]]],
    revision: int,
) -> web.StreamResponse:
    """`view` makes items of some records of the page: one of thousands is written in turns. Raises InvalidInput."""
    wanted = parse_wanted(request, set(table.columns))
    found = await table.find(tenant_id, wanted)
    if wants_csv(request):
        return await csv_answer(request, _viewed(found, view))
    portions = [_inside(portion) async for portion in _viewed(found, view)]
    rest = json.dumps({"total": found.total, "revision": revision})
    text = f'{{"items": [{", ".join(filter(None, portions))}], {rest[1:]}'
    return with_revision(web.Response(text=text, content_type="application/json"), revision)


def parse_wanted(request: web.Request, known: Iterable[str]) -> Wanted:
    """Raises InvalidInput naming the parameter."""
    query, columns = request.query, sorted(known)
    for name in _OWN:
        if len(query.getall(name, [])) > 1:
            raise InvalidInput(name, "one value")
    sort = query.get("sort", "")
    if sort.removeprefix("-") not in ("", *columns):
        raise InvalidInput("sort", f"one of {', '.join(columns)}, with - before it for the other way round")
    filters = {name: tuple(query.getall(name)) for name in query if name not in _OWN}
    for name in filters:
        if name not in columns:
            raise InvalidInput(name, f"search, sort, offset, limit, format or one of {', '.join(columns)}")
    if query.get("format", "json") not in ("json", "csv"):
        raise InvalidInput("format", "json or csv")
    return Wanted(
        search=query.get("search", "").strip(),
        sort=sort.removeprefix("-"),
        descending=sort.startswith("-"),
        offset=_number(query, "offset", 10**9) or 0,
        limit=_number(query, "limit", MOST),
        filters=filters,
    )


def wants_csv(request: web.Request) -> bool:
    return request.query.get("format") == "csv"


def select(items: Iterable[Item], wanted: Wanted) -> list[Item]:
    """What matches, in order; not yet the page of it."""
    needle = fold(wanted.search)
    filters = {name: {fold(value) for value in values} for name, values in wanted.filters.items()}
    found = [
        item
        for item in items
        if all(filters[name] & set(_asked(item.get(name))) for name in filters)
        and (not needle or needle in fold("\n".join(_texts(item))))
    ]
    if wanted.sort:
        found.sort(key=lambda item: sort_key(_plain(item.get(wanted.sort))), reverse=wanted.descending)
    return found


async def csv_answer(request: web.Request, portions: AsyncIterable[Sequence[Item]]) -> web.StreamResponse:
    """Streamed: other requests are served between portions. The columns are those of the first item."""
    response = web.StreamResponse(headers={"Cache-Control": "no-store"})
    response.content_type, response.charset = "text/csv", "utf-8"
    response.headers["Content-Disposition"] = 'attachment; filename="export.csv"'
    await response.prepare(request)
    names: list[str] = []
    try:
        async for portion in portions:
            if portion and not names:
                names = list(portion[0])
                await response.write(_line(names))
            await response.write(b"".join(_line([item.get(name) for name in names]) for item in portion))
            await asyncio.sleep(0)
    except ConnectionResetError:
        return response  # whoever asked has gone
    except (Unavailable, GridUnavailable) as exc:
        return cut_short(request, response, exc)
    await response.write_eof()
    return response


def cut_short(request: web.Request, response: web.StreamResponse, error: Exception) -> web.StreamResponse:
    """A stream that cannot go on: its reader must see that it did not end."""
    log.warning("an export is cut short: %s", error)
    if request.transport is not None:
        request.transport.abort()
    return response


def cell(value: Any) -> str:
    """As it stands in CSV: names for what has one, lists by semicolons. What a spreadsheet would take for a formula is
    made a text: names come from people.
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return repr(value)
    if isinstance(value, Mapping):
        named = value.get("name")
        value = named if isinstance(named, str) else json.dumps(value, ensure_ascii=False)
    elif isinstance(value, (list, tuple)):
        value = "; ".join(cell(each) for each in value)
    text = str(value)
    return f"'{text}" if text.startswith(_FORMULA) else text


def _line(values: Iterable[Any]) -> bytes:
    written = io.StringIO()
    csv.writer(written).writerow([cell(value) for value in values])
    return written.getvalue().encode("utf-8", "replace")


async def _portions(items: Sequence[Item]) -> AsyncIterator[Sequence[Item]]:
    for start in range(0, len(items), CSV_PORTION):
        yield items[start : start + CSV_PORTION]


async def _viewed(
    found: Found, view: Callable[[Sequence[Record]], Awaitable[Sequence[Item]]]
) -> AsyncIterator[Sequence[Item]]:
    turn = Turn()
    for start in range(0, len(found.ids), VIEWED_AT_ONCE):
        yield await view(found.records(found.ids[start : start + VIEWED_AT_ONCE]))
        await turn.end()


def _inside(items: Sequence[Item]) -> str:
    """The JSON of a list without its brackets."""
    return json.dumps(items)[1:-1]


def _named(request: web.Request) -> set[str]:
    """Of an empty list nobody knows the fields: any are good."""
    return {request.query.get("sort", "").removeprefix("-"), *request.query} - _OWN


def _plain(value: Any) -> Value:
    """What it is sorted by."""
    if isinstance(value, Mapping):
        value = value.get("name") or value.get("id")
    if isinstance(value, (list, tuple)):
        return tuple(str(each) for each in value)
    return value if value is None or isinstance(value, (bool, int, float)) else str(value)


def _asked(value: Any) -> Iterable[str]:
    """What it is filtered by: of an object its name and its id."""
    if isinstance(value, Mapping):
        return [text for key in ("name", "id") for text in facets_of(_plain(value.get(key)))]
    return facets_of(_plain(value))


def _texts(value: Any) -> Iterable[str]:
    if isinstance(value, Mapping):
        for each in value.values():
            yield from _texts(each)
    elif isinstance(value, (list, tuple)):
        for each in value:
            yield from _texts(each)
    elif isinstance(value, str):
        yield value


def _number(query: Mapping[str, str], name: str, most: int) -> int | None:
    text = query.get(name)
    if text is None:
        return None
    if not (text.isascii() and text.isdigit()) or len(text) > 10 or int(text) > most:
        raise InvalidInput(name, f"a number from 0 to {most}")
    return int(text)
