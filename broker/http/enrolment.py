"""`POST /inner/v1/enrol` and `/renew`: the routes of a machine that has no valid certificate.

What proves the caller stands in the body: a one-time token, or a signature by the key of its last certificate.
"""

from __future__ import annotations

from aiohttp import web

from broker.http.body import parse_object, read_body
from broker.pki.machines import Machines


class EnrolmentRoutes:
    def __init__(self, machines: Machines) -> None:
        self._machines = machines

    def routes(self) -> list[web.RouteDef]:
        return [web.post("/inner/v1/enrol", self.enrol), web.post("/inner/v1/renew", self.renew)]

    async def enrol(self, request: web.Request) -> web.Response:
        return web.json_response(await self._machines.enrol(parse_object(await read_body(request))))

    async def renew(self, request: web.Request) -> web.Response:
        return web.json_response(await self._machines.renew(parse_object(await read_body(request))))
