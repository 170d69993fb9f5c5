"""What if: a change that nobody has made, replayed over all entitlements or over last week's launches.

The answer comes at once, or, to whoever asks for `text/event-stream`, with its progress: `event: progress` and in the
end `event: result`, or `event: failed`.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any

from aiohttp import web

from broker.audit.query import MOST, Query
from broker.configuration.planning import Unfit
from broker.configuration.replay import PastLaunch, Progress
from broker.configuration.service import WhatIf
from broker.explain.launches import TYPES
from broker.explain.launches import PastLaunch as Recorded
from broker.http.access import CALLER, Caller, Needs, route
from broker.http.admin.configuration_form import Sent, planning_powers_of, read_sent
from broker.http.body import Fields, read_fields
from broker.http.errors import error_body
from broker.http.services import PublicServices
from broker.http.views import answer
from portcullis.errors import InvalidInput, PortcullisError
from portcullis.tasks import cancel_and_wait, spawn

PATH = "/api/v1/admin/what-if"
WEEK_SECONDS = 7 * 24 * 3600.0
MAXIMUM_LAUNCHES = 5000
TOLD_EVERY_SECONDS = 0.25
_REPLAYS = ("entitlements", "launches", "both")


class WhatIfRoutes:
    def __init__(self, services: PublicServices) -> None:
        self._services = services
        self._configuration = services.configuration

    def routes(self) -> list[web.RouteDef]:
        planning = Needs("configuration.plan")
        return [route("POST", PATH, planning, self.ask, repeatable=True, without_grid=True)]

    async def ask(self, request: web.Request) -> web.StreamResponse:
        caller, fields = request[CALLER], await read_fields(request)
        replayed = (
            fields.optional_text("replay", f"one of {', '.join(_REPLAYS)}", longest=16) or "entitlements"
        )
        if replayed not in _REPLAYS:
            raise InvalidInput("replay", f"one of {', '.join(_REPLAYS)}")
        sent = await read_sent(with_changes(fields))
        fields.finish()
        progress = Progress()
        work = self._work(caller, sent, replayed, progress)
        if "text/event-stream" not in request.headers.get("Accept", ""):
            return answer(await work)
        return await _streamed(request, spawn(work, name="what if"), progress)

    async def _work(self, caller: Caller, sent: Sent, replayed: str, progress: Progress) -> dict[str, Any]:
        launches = None if replayed == "entitlements" else await self._launches(caller.tenant.id)
        asked = WhatIf(sent.request, launches, progress, entitlements=replayed != "launches")
        powers = planning_powers_of(self._services, caller)
        try:
            return await self._configuration.what_if(caller.tenant.id, asked, powers)
        except Unfit as unfit:
            raise sent.invalid(unfit) from unfit

    async def _launches(self, tenant_id: str) -> list[PastLaunch]:
        """Of the last week, the newest first: of every broker that lives, and with the copies that they have those of
        others.
        """
        since, before = self._services.clock.now() - WEEK_SECONDS, ""
        found: dict[str, PastLaunch] = {}
        while len(found) < MAXIMUM_LAUNCHES:
            query = Query(tenant_id, TYPES, start=since, limit=MOST, before=before, whole=False)
            launches, page = await self._services.explainer.list(query)
            for launch in launches:
                if (past := _past(launch)) is not None:
                    found.setdefault(launch.trace.reference or launch.id, past)
            before = page.before
            if not before:
                break
        return list(found.values())[:MAXIMUM_LAUNCHES]


def with_changes(fields: Fields) -> Fields:
    """`changes`, as a plan has them, as documents and deletes. Raises InvalidInput."""
    if not fields.has("changes"):
        return fields
    changes = fields.raw("changes")
    if not isinstance(changes, list) or not all(isinstance(change, dict) for change in changes):
        raise InvalidInput("changes", 'a list of {"action", "kind", "name", "fields"}')
    documents = list(fields.raw("documents", []))
    deletes = list(fields.raw("delete", []))
    for index, change in enumerate(changes):
        if change.get("action") == "delete":
            deletes.append({"kind": change.get("kind"), "name": change.get("name")})
        elif isinstance(change.get("fields", {}), dict):
            named = {"name": change["name"]} if "name" in change else {}
            documents.append({"kind": change.get("kind"), **named, **change.get("fields", {})})
        else:
            raise InvalidInput(f"changes[{index}].fields", "an object of fields and their values")
    return Fields(
        {"documents": documents, "text": fields.raw("text"), "delete": deletes, "prune": fields.raw("prune")}
    )


def _past(launch: Recorded) -> PastLaunch | None:
    trace = launch.trace
    if not trace.user or not trace.application:
        return None
    told = trace.circumstances
    age = told.factor_age_minutes if told else 0.0
    address = launch.client_address or None
    return PastLaunch(trace.reference, trace.time, trace.user, trace.application, address, age)


async def _streamed(
    request: web.Request, work: asyncio.Task[dict[str, Any]], progress: Progress
) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Cache-Control": "no-store"})
    response.content_type = "text/event-stream"
    response.charset = "utf-8"
    try:
        await response.prepare(request)
        while not work.done():
            await asyncio.wait({work}, timeout=TOLD_EVERY_SECONDS)
            await response.write(_event("progress", {"done": progress.done, "total": progress.total}))
        try:
            await response.write(_event("result", work.result()))
        except PortcullisError as error:
            await response.write(_event("failed", error_body(error)["error"]))
        await response.write_eof()
    except ConnectionResetError:
        pass  # the browser has gone: there is nobody to tell
    finally:
        progress.stopped = True
        await cancel_and_wait(work)
    return response


def _event(kind: str, data: Any) -> bytes:
    return f"event: {kind}\ndata: {json.dumps(data)}\n\n".encode()
