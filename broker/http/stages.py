"""The stages of a launch as server-sent events (docs/api.md, Work).

One task a follower reads the next stage; while there is none, a comment every 10 s keeps proxies from
closing the stream and finds out that the browser has gone.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

from aiohttp import web

from broker.http.errors import error_body
from broker.http.middleware import CALLER, Policy, route
from broker.http.services import PublicServices
from broker.sessions.stages import StageEvent
from portcullis.errors import PortcullisError, Refused
from portcullis.ids import is_id
from portcullis.tasks import cancel_and_wait, spawn

HEARTBEAT_SECONDS = 10.0


class StageRoutes:
    def __init__(self, services: PublicServices, heartbeat_seconds: float = HEARTBEAT_SECONDS) -> None:
        self._services = services
        self._heartbeat_seconds = heartbeat_seconds

    def routes(self) -> list[web.RouteDef]:
        return [route("GET", "/api/v1/sessions/{id}/stages", Policy.USER, self.follow)]

    async def follow(self, request: web.Request) -> web.StreamResponse:
        """A launch that failed a moment ago has no record any more; its stages still tell why."""
        caller, session_id = request[CALLER], request.match_info["id"]
        session = self._services.stages.known(caller.tenant.id, session_id) if is_id(session_id) else None
        if session is None or session.user_id != caller.user.id:
            raise Refused("session_ended")
        response = web.StreamResponse(headers={"Cache-Control": "no-store"})
        response.content_type = "text/event-stream"
        response.charset = "utf-8"
        await response.prepare(request)
        try:
            async with aclosing(self._services.stages.follow(caller.tenant.id, session_id)) as events:
                await self._send(response, events)
        except PortcullisError as error:
            await response.write(_event("failed", error_body(error)["error"]))
        except ConnectionResetError:
            return response  # the browser has gone: there is nobody to tell
        await response.write_eof()
        return response

    async def _send(self, response: web.StreamResponse, events: AsyncIterator[StageEvent]) -> None:
        """Until the event that ends the stream. Raises what following or writing raises."""
        following: asyncio.Task[StageEvent | PortcullisError | None] | None = None
        try:
            while True:
                following = following or spawn(_next(events), name="next launch stage")
                done, _ = await asyncio.wait({following}, timeout=self._heartbeat_seconds)
                if not done:
                    await response.write(b": heartbeat\n\n")
                    continue
                event, following = following.result(), None
                if isinstance(event, PortcullisError):
                    raise event
                if event is None:
                    return
                await response.write(_event(event.kind, _data(event)))
                if event.kind != "stage":
                    return
        finally:
            await cancel_and_wait(following)


async def _next(events: AsyncIterator[StageEvent]) -> StageEvent | PortcullisError | None:
    """The next event, what was raised instead of it, or None at the end."""
    try:
        return await anext(events, None)
    except PortcullisError as error:
        return error


def _data(event: StageEvent) -> dict[str, Any]:
    if event.kind == "stage":
        waits = {} if event.position is None else {"position": event.position}
        ends = {} if event.code is None else {"code": event.code}
        return {"stage": event.stage, "state": event.state, **waits, **ends}
    if event.kind == "failed":
        return {"code": event.code, "message": event.message, "reference": event.reference}
    return {}


def _event(name: str, data: dict[str, Any]) -> bytes:
    return f"event: {name}\ndata: {json.dumps(data)}\n\n".encode()
