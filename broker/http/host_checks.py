"""`POST /inner/v1/check`: another broker wants a dry run on a host whose channel is here (docs/api.md, Inner API)."""

from __future__ import annotations

from aiohttp import web

from broker.hosts.checks import PATH, HostChecks
from broker.http.peers import Peers


class HostCheckRoutes:
    def __init__(self, peers: Peers, checks: HostChecks) -> None:
        self._peers = peers
        self._checks = checks

    def routes(self) -> list[web.RouteDef]:
        return [web.post(PATH, self.check)]

    async def check(self, request: web.Request) -> web.Response:
        self._peers.broker(request)
        body = await self._checks.answer(await request.read())
        return web.Response(body=body, content_type="application/json")
