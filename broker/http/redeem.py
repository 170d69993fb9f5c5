"""`POST /inner/v1/redeem`: a gateway spends a browser's ticket. The ticket never stands in a URL or a log."""

from __future__ import annotations

from aiohttp import web

from broker.http.body import read_fields
from broker.http.peers import Peers
from broker.peers.clock_guard import ClockGuard
from broker.sessions.attach import Attach

MAXIMUM_TICKET_CHARACTERS = 256


class RedeemRoutes:
    def __init__(self, peers: Peers, attach: Attach, clock_guard: ClockGuard) -> None:
        self._peers = peers
        self._clock_guard = clock_guard
        self._attach = attach

    def routes(self) -> list[web.RouteDef]:
        return [web.post("/inner/v1/redeem", self.redeem)]

    async def redeem(self, request: web.Request) -> web.Response:
        self._peers.gateway(request)
        await self._clock_guard.check()
        fields = await read_fields(request)
        ticket = fields.text("ticket", "a ticket", longest=MAXIMUM_TICKET_CHARACTERS)
        redeemed = await self._attach.redeem(ticket)
        return web.json_response(
            {
                "session": redeemed.session.id,
                "tenant": redeemed.tenant,
                "host": redeemed.host,
                "grant": redeemed.grant,
            }
        )
