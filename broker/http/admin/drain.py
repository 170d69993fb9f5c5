"""Draining by name: `POST /api/v1/admin/{hosts|gateways|brokers}/<name>/drain {"draining": bool}`."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Protocol, TypeVar

from aiohttp import web

from broker.drain import Drains
from broker.http.body import read_fields
from broker.http.middleware import CALLER, Needs, route
from broker.http.services import PublicServices
from broker.http.views import answer
from broker.live_brokers import LiveBrokers
from portcullis.errors import InvalidInput, Refused
from portcullis.logs import ids

log = logging.getLogger(__name__)


class _Named(Protocol):
    @property
    def id(self) -> str: ...

    @property
    def name(self) -> str: ...


T = TypeVar("T", bound=_Named)


class DrainRoutes:
    def __init__(self, services: PublicServices, drains: Drains, brokers: LiveBrokers) -> None:
        self._services = services
        self._drains = drains
        self._brokers = brokers

    def routes(self) -> list[web.RouteDef]:
        admin = "/api/v1/admin"
        return [
            route("POST", f"{admin}/{kind}/{{name}}/drain", Needs(permission), handler, repeatable=True)
            for kind, permission, handler in (
                ("hosts", "hosts.write", self.host),
                ("gateways", "platform.gateways.write", self.gateway),
                ("brokers", "platform.brokers.write", self.broker),
            )
        ]

    async def host(self, request: web.Request) -> web.Response:
        """One that serves this tenant alone, or any that serves it for who has a say over all of them."""
        caller = request[CALLER]
        everybodys = caller.may("platform.hosts.write")
        hosts = [
            host for host in self._services.hosts.list() if everybodys or caller.tenant.id in host.tenants
        ]
        host = _only("host", hosts, request)
        if host.tenants != {caller.tenant.id}:
            caller.check("platform.hosts.write", f"{host.name} serves several tenants.")
        draining = await _draining(request)
        revision = await self._drains.host(host.id, draining, caller.author)
        return self._answer(request, "host", host.name, draining, revision)

    async def gateway(self, request: web.Request) -> web.Response:
        gateways = [one for one in self._services.gateways.list() if not one.revoked]
        gateway = _only("gateway", gateways, request)
        draining = await _draining(request)
        revision = await self._drains.gateway(gateway.id, draining, request[CALLER].author)
        return self._answer(request, "gateway", gateway.name, draining, revision)

    async def broker(self, request: web.Request) -> web.Response:
        broker = _only("broker", self._brokers.live(), request)
        draining = await _draining(request)
        if draining and not self._brokers.others_serve(broker.id):
            raise Refused("last_broker")
        revision = await self._drains.broker(broker.id, draining, request[CALLER].author)
        return self._answer(request, "broker", broker.name, draining, revision)

    def _answer(
        self, request: web.Request, kind: str, name: str, draining: bool, revision: int
    ) -> web.Response:
        log.info(
            "a %s is drained" if draining else "a %s is drained no more",
            kind,
            extra=ids(name=name, by=request[CALLER].user.id),
        )
        return answer({"kind": kind, "name": name, "draining": draining}, revision=revision)


async def _draining(request: web.Request) -> bool:
    fields = await read_fields(request)
    draining = fields.raw("draining")
    fields.finish()
    if not isinstance(draining, bool):
        raise InvalidInput("draining", "true or false")
    return draining


def _only(kind: str, found: Sequence[T], request: web.Request) -> T:
    """By its name, or by its id where two share a name. Raises Refused("not_found"), InvalidInput."""
    wanted = request.match_info["name"]
    named = [one for one in found if one.name.casefold() == wanted.casefold()]
    if len(named) > 1:
        raise InvalidInput("name", f"the id of one of those called {wanted}")
    chosen = named or [one for one in found if one.id == wanted]
    if not chosen:
        raise Refused("not_found", f"There is no such {kind}. `portcullis status` lists all.")
    return chosen[0]
