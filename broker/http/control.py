"""`GET /control`: where a host's agent opens its control channel (docs/protocol.md 4)."""

from __future__ import annotations

from aiohttp import hdrs, web

from broker.hosts.channel import ControlServer
from broker.http.peers import Peers
from portcullis.errors import Refused
from portcullis.protocol.channel import SUBPROTOCOL


class ControlRoutes:
    def __init__(self, peers: Peers, server: ControlServer) -> None:
        self._peers = peers
        self._server = server

    def routes(self) -> list[web.RouteDef]:
        return [web.get("/control", self.control)]

    async def control(self, request: web.Request) -> web.StreamResponse:
        host = self._peers.host(request)
        offered = request.headers.get(hdrs.SEC_WEBSOCKET_PROTOCOL, "")
        if SUBPROTOCOL not in (name.strip() for name in offered.split(",")):
            raise Refused("invalid_request", f"The control channel speaks {SUBPROTOCOL}.")
        return await self._server.serve(request, host)
