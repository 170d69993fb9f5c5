"""Logos by content hash: of the caller's tenant, and of the one whose own host name was called, which its sign-in page
shows to strangers.
"""

from __future__ import annotations

from aiohttp import web

from broker.http.icons import HEADERS
from broker.http.middleware import CALLER, Policy, route
from broker.http.services import PublicServices
from portcullis.errors import Refused
from portcullis.model.tenant import Tenant


class LogoRoutes:
    def __init__(self, services: PublicServices) -> None:
        self._services = services

    def routes(self) -> list[web.RouteDef]:
        return [route("GET", "/api/v1/logos/{hash:[0-9a-f]{64}}", Policy.ANYONE, self.show)]

    async def show(self, request: web.Request) -> web.Response:
        """Raises Refused("not_found") for whatever is not shown here, also for what another tenant has."""
        wanted = request.match_info["hash"]
        for tenant in self._shown(request):
            if tenant.theme.logo == wanted:
                logo = await self._services.icons.logo(tenant.id, wanted)
                if logo is not None:
                    return web.Response(body=logo.data, content_type=logo.content_type, headers=HEADERS)
        raise Refused("not_found")

    def _shown(self, request: web.Request) -> list[Tenant]:
        tenants = self._services.identity.tenants
        door = tenants.by_origin(request.headers.get("Portcullis-Origin", ""))
        caller = request.get(CALLER)
        return [tenant for tenant in (door, caller.tenant if caller else None) if tenant is not None]
