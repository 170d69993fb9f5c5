"""The state of the whole site, and what is wrong with it. Site-wide."""

from __future__ import annotations

from aiohttp import web

from broker.http.middleware import Needs, route
from broker.http.services import PublicServices
from broker.http.views import answer
from broker.status.findings import findings
from broker.status.picture import to_json
from broker.status.watch import StatusWatch


class StatusRoutes:
    def __init__(self, services: PublicServices, watch: StatusWatch) -> None:
        self._services = services
        self._watch = watch

    def routes(self) -> list[web.RouteDef]:
        return [route("GET", "/api/v1/admin/status", Needs("platform.site.read"), self.show)]

    async def show(self, request: web.Request) -> web.Response:
        picture = await self._watch.picture()
        return answer(to_json(picture, findings(picture)))
