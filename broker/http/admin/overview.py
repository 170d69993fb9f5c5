"""`GET /api/v1/admin/overview`: the first screen in one answer (docs/api.md, Overview)."""

from __future__ import annotations

from aiohttp import web

from broker.http.middleware import CALLER, Needs, route
from broker.http.services import PublicServices
from broker.http.views import answer
from broker.status.overview import Overview


class OverviewRoutes:
    def __init__(self, services: PublicServices, overview: Overview) -> None:
        self._services = services
        self._overview = overview

    def routes(self) -> list[web.RouteDef]:
        return [route("GET", "/api/v1/admin/overview", Needs("status.read"), self.show)]

    async def show(self, request: web.Request) -> web.Response:
        """Of the site only what whoever sees all of it may know."""
        caller = request[CALLER]
        sees_site = caller.may("platform.site.read") and caller.home is None
        return answer(await self._overview.of(caller.tenant.id, sees_site=sees_site))
