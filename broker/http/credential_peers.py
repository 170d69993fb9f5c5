"""`POST /inner/v1/credentials`: another broker wants what was entered for a launch that this one took (docs/api.md)."""

from __future__ import annotations

from aiohttp import web

from broker.credentials.giving import PATH, GivesCredentials
from broker.http.peers import Peers


class CredentialPeerRoutes:
    def __init__(self, peers: Peers, giving: GivesCredentials) -> None:
        self._peers = peers
        self._giving = giving

    def routes(self) -> list[web.RouteDef]:
        return [web.post(PATH, self.give)]

    async def give(self, request: web.Request) -> web.Response:
        self._peers.broker(request)
        body = await self._giving.answer(await request.read())
        return web.Response(body=body, content_type="application/json")
