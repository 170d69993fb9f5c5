"""`POST /inner/v1/discover`: another broker asks what a host has installed whose channel is here (docs/api.md)."""

from __future__ import annotations

from aiohttp import web

from broker.hosts.discovery import PATH, HostDiscovery
from broker.http.peers import Peers


class HostDiscoveryRoutes:
    def __init__(self, peers: Peers, discovery: HostDiscovery) -> None:
        self._peers = peers
        self._discovery = discovery

    def routes(self) -> list[web.RouteDef]:
        return [web.post(PATH, self.discover)]

    async def discover(self, request: web.Request) -> web.Response:
        self._peers.broker(request)
        body = await self._discovery.answer(await request.read())
        return web.Response(body=body, content_type="application/json")
