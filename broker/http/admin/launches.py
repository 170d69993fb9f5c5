"""Why a launch was refused or failed: the trace behind the reference that the user was shown."""

from __future__ import annotations

from aiohttp import web

from broker.http.middleware import CALLER, Needs, route
from broker.http.services import PublicServices
from broker.http.views import answer
from portcullis.errors import Refused


class LaunchRoutes:
    def __init__(self, services: PublicServices) -> None:
        self._services = services

    def routes(self) -> list[web.RouteDef]:
        return [route("GET", "/api/v1/admin/launches/{reference}", Needs("launches.read"), self.show)]

    async def show(self, request: web.Request) -> web.Response:
        tenant_id, reference = request[CALLER].tenant.id, request.match_info["reference"]
        trace = await self._services.traces.get(tenant_id, reference)
        if trace is None:
            raise Refused("reference_unknown")
        return answer(trace.view())
