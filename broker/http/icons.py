"""Icons by content hash, of the caller's tenant alone. What a hash names never changes, so browsers keep
it.
"""

from __future__ import annotations

from aiohttp import web

from broker.http.middleware import CALLER, Policy, route
from broker.http.services import PublicServices
from portcullis.errors import Refused

HEADERS = {
    "Cache-Control": "private, max-age=31536000, immutable",
    # An SVG that is opened by itself is a document of our origin: it must not act like one.
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox",
    "X-Content-Type-Options": "nosniff",
}


class IconRoutes:
    def __init__(self, services: PublicServices) -> None:
        self._services = services

    def routes(self) -> list[web.RouteDef]:
        return [route("GET", "/api/v1/icons/{hash:[0-9a-f]{64}}", Policy.USER, self.show)]

    async def show(self, request: web.Request) -> web.Response:
        icon = await self._services.icons.get(request[CALLER].tenant.id, request.match_info["hash"])
        if icon is None:
            raise Refused("not_found")
        return web.Response(body=icon.data, content_type=icon.content_type, headers=HEADERS)
