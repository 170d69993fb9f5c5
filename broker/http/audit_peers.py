"""`POST /inner/v1/audit/...`: what brokers ask each other about their audits (docs/api.md, Inner API)."""

from __future__ import annotations

from aiohttp import web

from broker.audit.copies import PATH, Copies
from broker.audit.everywhere import COUNTS_PATH, SEARCH_PATH, AuditEverywhere
from broker.http.peers import Peers


class AuditPeerRoutes:
    def __init__(self, peers: Peers, everywhere: AuditEverywhere, copies: Copies) -> None:
        self._peers = peers
        self._everywhere = everywhere
        self._copies = copies

    def routes(self) -> list[web.RouteDef]:
        return [
            web.post(SEARCH_PATH, self.search),
            web.post(COUNTS_PATH, self.counts),
            web.post(PATH, self.copy),
        ]

    async def search(self, request: web.Request) -> web.Response:
        self._peers.broker(request)
        return _packed(await self._everywhere.answer_search(await request.read()))

    async def counts(self, request: web.Request) -> web.Response:
        self._peers.broker(request)
        return _packed(self._everywhere.answer_counts())

    async def copy(self, request: web.Request) -> web.Response:
        self._peers.broker(request)
        return _packed(await self._copies.answer(await request.read()))


def _packed(body: bytes) -> web.Response:
    return web.Response(body=body, content_type="application/octet-stream")
