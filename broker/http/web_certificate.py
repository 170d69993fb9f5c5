"""`POST /inner/v1/web-certificate`: a gateway gets the certificate that it shows to browsers."""

from __future__ import annotations

from aiohttp import web

from broker.http.body import parse_object, read_body
from broker.http.peers import Peers
from broker.pki.web_authority import WebAuthority


class WebCertificateRoutes:
    def __init__(self, peers: Peers, authority: WebAuthority) -> None:
        self._peers = peers
        self._authority = authority

    def routes(self) -> list[web.RouteDef]:
        return [web.post("/inner/v1/web-certificate", self.issue)]

    async def issue(self, request: web.Request) -> web.Response:
        gateway = self._peers.gateway(request)
        return web.json_response(await self._authority.issue(gateway, parse_object(await read_body(request))))
