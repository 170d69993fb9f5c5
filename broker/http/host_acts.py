"""`POST /inner/v1/act`: another broker wants something of a host whose channel is here (docs/api.md, Inner API)."""

from __future__ import annotations

from aiohttp import web

from broker.hosts.acts import PATH, HostActs
from broker.http.peers import Peers


class HostActRoutes:
    def __init__(self, peers: Peers, acts: HostActs) -> None:
        self._peers = peers
        self._acts = acts

    def routes(self) -> list[web.RouteDef]:
        return [web.post(PATH, self.act)]

    async def act(self, request: web.Request) -> web.Response:
        self._peers.broker(request)
        body = await self._acts.answer(await request.read())
        return web.Response(body=body, content_type="application/json")
