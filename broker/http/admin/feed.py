"""What changes, as it happens: `GET /api/v1/admin/feed` (docs/api.md, Feed), server-sent events.

An event says which kinds of things changed, never what: whoever shows them asks again, and may only ask for what their
permissions allow. They are asked for with every event, so that a feed ends with the login that opened it. A reader that
takes nothing for `STUCK_SECONDS` is let go.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter

from aiohttp import web

from broker.http.callers import Callers
from broker.http.middleware import CALLER, Caller, Needs, route
from broker.http.services import PublicServices
from broker.news import Follower
from broker.repositories.tables import SessionTable
from portcullis.errors import Refused

ACCESS = Needs("status.read")
HEARTBEAT_SECONDS = 15.0
STUCK_SECONDS = 20.0
MOST_OF_A_USER = 32

NEEDED = {
    "application": "applications.read",
    "user": "users.read",
    "session": "sessions.read",
    "group": "groups.read",
    "policy": "policies.read",
    "role": "roles.read",
    "token": "tokens.read",
    "probe": "probes.read",
    "host": "hosts.read",
    "join-token": "hosts.read",
    "gateway": "hosts.read",
    "tenant": "tenant.read",
    "audit": "audit.read",
    "label": "history.read",
}
"""What one must be allowed to read to be told that it changed; of anything else, the site."""


class FeedRoutes:
    def __init__(self, services: PublicServices) -> None:
        self._services = services
        self._callers = Callers(services)
        self._open: Counter[str] = Counter()

    def routes(self) -> list[web.RouteDef]:
        return [route("GET", "/api/v1/admin/feed", ACCESS, self.follow)]

    async def follow(self, request: web.Request) -> web.StreamResponse:
        caller = request[CALLER]
        user = caller.user.id
        if self._open[user] >= MOST_OF_A_USER:
            raise Refused("too_many_connections")
        sees_site = caller.may("platform.site.read") and caller.home is None
        self._services.snapshot.index(SessionTable).warm(caller.tenant.id)
        follower = self._services.news.follow(caller.tenant.id, sees_site=sees_site)
        self._open[user] += 1
        try:
            return await self._stream(request, follower)
        finally:
            follower.close()
            self._open[user] -= 1

    async def _stream(self, request: web.Request, follower: Follower) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Cache-Control": "no-store"})
        response.content_type, response.charset = "text/event-stream", "utf-8"
        await response.prepare(request)
        try:
            await _write(response, self._event("open", ()))
            while await follower.take(HEARTBEAT_SECONDS) or await _write(response, b": heartbeat\n\n"):
                caller = self._still(request, follower)
                if caller is None:
                    break
                kinds = [kind for kind in sorted(follower.taken()) if _may_hear(caller, kind)]
                if kinds:
                    await _write(response, self._event("changed", kinds))
                    await asyncio.sleep(self._services.news.pause_seconds)
        except (ConnectionResetError, TimeoutError):
            return response  # whoever listened has gone, or does not read
        await response.write_eof()
        return response

    def _still(self, request: web.Request, follower: Follower) -> Caller | None:
        """Who listens, as they are now; None when their login, their role or the tenant is gone."""
        try:
            caller = self._callers.identify(request, ACCESS)
        except Refused:
            return None
        if caller is None or not caller.may(ACCESS.permission) or caller.tenant.id != follower.tenant_id:
            return None
        return caller

    def _event(self, name: str, kinds: list[str] | tuple[()]) -> bytes:
        data = {"kinds": list(kinds), "revision": self._services.snapshot.revision}
        return f"event: {name}\ndata: {json.dumps(data)}\n\n".encode()


def _may_hear(caller: Caller, kind: str) -> bool:
    return NEEDED.get(kind, "platform.site.read") in caller.permissions


async def _write(response: web.StreamResponse, data: bytes) -> bool:
    """Raises ConnectionResetError, TimeoutError."""
    async with asyncio.timeout(STUCK_SECONDS):
        await response.write(data)
    return True
