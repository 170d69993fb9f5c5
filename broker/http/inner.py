"""The inner listener's own routes (docs/api.md, Inner API), beside which the public API is mounted.

Callers are machines of the site: each route asks `Peers` for the role it serves; enrolment and health ask nobody.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

from aiohttp import hdrs, web

from broker.gateways.channel import GatewayServer
from broker.gateways.directory import GatewayDirectory
from broker.grid.grid import GridError
from broker.hosts.channel import ControlServer
from broker.http.control import ControlRoutes
from broker.http.enrolment import EnrolmentRoutes
from broker.http.peer import PeerRoutes
from broker.http.peers import Peers
from broker.http.probe_results import ProbeResultRoutes
from broker.http.redeem import RedeemRoutes
from broker.http.web_certificate import WebCertificateRoutes
from broker.peers.clock_guard import ClockGuard
from broker.peers.exchange import PeerExchange
from broker.pki.machines import Machines
from broker.pki.web_authority import WebAuthority
from broker.probes.results import ProbeResults
from broker.sessions.attach import Attach
from portcullis.errors import Refused, Unavailable
from portcullis.logs import ids
from portcullis.protocol.gateway_channel import PATH, SUBPROTOCOL

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class InnerServices:
    peers: Peers
    machines: Machines
    directory: GatewayDirectory
    attach: Attach
    control: ControlServer
    web_authority: WebAuthority
    gateways: GatewayServer
    exchange: PeerExchange
    clock_guard: ClockGuard
    probe_results: ProbeResults


def inner_routes(services: InnerServices) -> list[web.RouteDef]:
    return [
        *EnrolmentRoutes(services.machines).routes(),
        *RedeemRoutes(services.peers, services.attach, services.clock_guard).routes(),
        *ControlRoutes(services.peers, services.control).routes(),
        *GatewayRoutes(services).routes(),
        *PeerRoutes(services.peers, services.exchange).routes(),
        *ProbeResultRoutes(services.peers, services.probe_results).routes(),
        *WebCertificateRoutes(services.peers, services.web_authority).routes(),
        web.get("/healthz", healthy),
    ]


class GatewayRoutes:
    """The channel of a gateway, and what one of before the channel calls instead."""

    def __init__(self, services: InnerServices) -> None:
        self._services = services

    def routes(self) -> list[web.RouteDef]:
        return [web.get(PATH, self.channel), web.get("/inner/v1/gateway", self.registered)]

    async def channel(self, request: web.Request) -> web.StreamResponse:
        gateway = self._services.peers.gateway(request)
        offered = request.headers.get(hdrs.SEC_WEBSOCKET_PROTOCOL, "")
        if SUBPROTOCOL not in (name.strip() for name in offered.split(",")):
            raise Refused("invalid_request", f"The gateway channel speaks {SUBPROTOCOL}.")
        return await self._services.gateways.serve(request, gateway)

    async def registered(self, request: web.Request) -> web.Response:
        """A gateway says that it lives and hears what it has to know."""
        gateway = self._services.peers.gateway(request)
        try:
            await self._services.directory.seen(gateway.id)
        except (GridError, Unavailable) as exc:
            # What a gateway needs to admit resumes is in memory: it must reach it without the grid.
            log.warning("a gateway's liveness is not renewed: %s", exc, extra=ids(gateway=gateway.id))
        return web.json_response(self._services.machines.directory())


async def healthy(request: web.Request) -> web.Response:
    """The listener opens only when the snapshot is loaded."""
    return web.json_response({"status": "ok"})
