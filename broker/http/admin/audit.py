"""What happened: `GET /api/v1/admin/audit` of the tenant, `GET /api/v1/platform/audit` of the site (docs/audit.md).

All live brokers are asked. As CSV or JSON lines everything that matches is streamed, page by page.
"""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from aiohttp import web

from broker.audit.event import Event, is_event_id
from broker.audit.everywhere import AuditEverywhere
from broker.audit.query import Page, Query
from broker.http.admin.listing import csv_answer, cut_short
from broker.http.middleware import CALLER, Needs, route
from broker.http.services import PublicServices
from broker.http.views import answer
from portcullis.errors import InvalidInput, Unavailable

MOST = 500
EXPORTED_AT_ONCE = 500
_TEXTS = ("user", "object", "code", "reference", "text")
_KNOWN = frozenset({"type", *_TEXTS, "from", "to", "limit", "before", "format", "steps"})
_TIME = "seconds since 1970, or a time such as 2026-11-21T09:12:00+01:00"


class AuditRoutes:
    def __init__(self, services: PublicServices, everywhere: AuditEverywhere) -> None:
        self._services = services
        self._everywhere = everywhere

    def routes(self) -> list[web.RouteDef]:
        return [
            route("GET", "/api/v1/admin/audit", Needs("audit.read"), self.of_tenant),
            route("GET", "/api/v1/platform/audit", Needs("platform.site.read"), self.of_site),
        ]

    async def of_tenant(self, request: web.Request) -> web.StreamResponse:
        return await self._answer(request, request[CALLER].tenant.id)

    async def of_site(self, request: web.Request) -> web.StreamResponse:
        return await self._answer(request, None)

    async def _answer(self, request: web.Request, tenant_id: str | None) -> web.StreamResponse:
        query = parse_query(request, tenant_id)
        form = request.query.get("format", "json")
        if form == "csv":
            return await csv_answer(request, self._rows(query))
        if form == "jsonl":
            return await self._lines(request, query)
        if form != "json":
            raise InvalidInput("format", "json, jsonl or csv")
        return answer((await self._everywhere.search(query)).to_json())

    async def _rows(self, query: Query) -> AsyncIterator[Sequence[dict[str, Any]]]:
        async for page in self._pages(query):
            yield [_row(event) for event in page.items]

    async def _lines(self, request: web.Request, query: Query) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Cache-Control": "no-store"})
        response.content_type, response.charset = "application/jsonl", "utf-8"
        await response.prepare(request)
        try:
            async for page in self._pages(query):
                lines = (json.dumps(event.to_json(), ensure_ascii=False) + "\n" for event in page.items)
                await response.write("".join(lines).encode("utf-8", "replace"))
        except ConnectionResetError:
            return response  # whoever asked has gone
        except Unavailable as exc:
            return cut_short(request, response, exc)
        await response.write_eof()
        return response

    async def _pages(self, query: Query) -> AsyncIterator[Page]:
        """As many events as were asked for; all, when no limit was. One that fails midway cuts the answer short, and
        the reader sees that it does not end.
        """
        left = query.limit or None
        while True:
            at_once = EXPORTED_AT_ONCE if left is None else min(left, EXPORTED_AT_ONCE)
            page = await self._everywhere.search(replace(query, limit=at_once))
            yield page
            if left is not None:
                left -= len(page.items)
            if not page.before or left == 0:
                return
            query = replace(query, before=page.before)


def parse_query(request: web.Request, tenant_id: str | None) -> Query:
    """Raises InvalidInput."""
    query = request.query
    for name in query:
        if name not in _KNOWN:
            raise InvalidInput(name, f"one of {', '.join(sorted(_KNOWN))}")
    before = query.get("before", "")
    if before and not is_event_id(before):
        raise InvalidInput("before", "the `before` of an answer")
    form = query.get("format", "json")
    exported = form != "json"
    steps = query.get("steps", "yes" if form == "jsonl" else "no")
    if steps not in ("yes", "no"):
        raise InvalidInput("steps", "yes or no")
    return Query(
        tenant_id,
        types=tuple(each for value in query.getall("type", []) for each in value.split(",") if each),
        **{name: query.get(name, "").strip()[:256] for name in _TEXTS},
        start=_moment(query.get("from"), "from"),
        end=_moment(query.get("to"), "to"),
        limit=_limit(query.get("limit"), exported),
        before=before,
        whole=steps == "yes",
    )


def _limit(text: str | None, exported: bool) -> int:
    """0: all."""
    if text is None:
        return 0 if exported else 100
    if not (text.isascii() and text.isdigit()) or len(text) > 8 or int(text) < 1:
        raise InvalidInput("limit", "a number from 1")
    return int(text) if exported else min(int(text), MOST)


def _moment(text: str | None, name: str) -> float | None:
    if not text:
        return None
    try:
        return float(text) if text.replace(".", "", 1).isdigit() else datetime.fromisoformat(text).timestamp()
    except (ValueError, OverflowError, OSError) as exc:
        raise InvalidInput(name, _TIME) from exc


def _row(event: Event) -> dict[str, Any]:
    stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(event.time))
    return {
        "time": f"{stamp}Z",
        "type": event.type,
        "user": event.actor.user,
        "address": event.actor.address,
        "token": event.actor.token,
        "kind": event.object.kind,
        "object": event.object.name or event.object.id,
        "code": event.code,
        "reason": event.reason,
        "revision": event.revision or None,
        "reference": event.reference,
        "detail": json.dumps(
            {name: value for name, value in event.detail.items() if name != "steps"}, ensure_ascii=False
        ),
        "id": event.id,
    }
