"""`POST /inner/v1/peer`: one broker tells another how it is, and hears the same (docs/api.md, Inner API)."""

from __future__ import annotations

from aiohttp import web

from broker.http.peers import Peers
from broker.peers.exchange import PATH, PeerExchange


class PeerRoutes:
    def __init__(self, peers: Peers, exchange: PeerExchange) -> None:
        self._peers = peers
        self._exchange = exchange

    def routes(self) -> list[web.RouteDef]:
        return [web.post(PATH, self.exchange)]

    async def exchange(self, request: web.Request) -> web.Response:
        broker_id = self._peers.broker(request)
        body = self._exchange.answer(broker_id, await request.read())
        return web.Response(body=body, content_type="application/json")
