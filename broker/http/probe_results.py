"""`POST /inner/v1/probes`: another broker asks what came of a tenant's probes (docs/api.md, Inner API)."""

from __future__ import annotations

from aiohttp import web

from broker.http.peers import Peers
from broker.probes.results import PATH, ProbeResults


class ProbeResultRoutes:
    def __init__(self, peers: Peers, results: ProbeResults) -> None:
        self._peers = peers
        self._results = results

    def routes(self) -> list[web.RouteDef]:
        return [web.post(PATH, self.show)]

    async def show(self, request: web.Request) -> web.Response:
        self._peers.broker(request)
        return web.Response(body=self._results.answer(await request.read()), content_type="application/json")
