"""Which tenants a host serves: the platform's to say, for hosts are machines of the site.

A host that runs every session under one account serves one tenant, and always the same: what its sessions leave behind
belongs to that account.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Any

from aiohttp import web

from broker.http.admin.listing import listed
from broker.http.body import Fields, read_fields
from broker.http.middleware import CALLER, Needs, route
from broker.http.services import PublicServices
from broker.http.views import answer
from portcullis.errors import InvalidInput, Refused
from portcullis.logs import ids
from portcullis.model.host import Host
from portcullis.model.names import is_fit_name

log = logging.getLogger(__name__)

PATH = "/api/v1/platform/hosts"
MAXIMUM_TENANTS = 1000


class PlatformHostRoutes:
    def __init__(self, services: PublicServices) -> None:
        self._services = services

    def routes(self) -> list[web.RouteDef]:
        return [
            route("GET", PATH, Needs("platform.tenants.read"), self.list),
            route("PUT", PATH + "/{name}/tenants", Needs("platform.hosts.write"), self.assign),
        ]

    async def list(self, request: web.Request) -> web.StreamResponse:
        hosts = sorted(self._services.hosts.list(), key=lambda host: (host.name, host.id))
        return await listed(request, [self._view(host) for host in hosts], self._services.snapshot.revision)

    async def assign(self, request: web.Request) -> web.Response:
        """All of them. Sessions of a tenant that the host serves no more go on until they end."""
        host = self._named(request.match_info["name"])
        fields = await read_fields(request)
        if not fields.has("tenants"):
            raise InvalidInput("tenants", "a list of tenants; none is []")
        tenants = self._tenants(fields)
        fields.finish()

        def assigned(known: Host) -> Host:
            if known.isolation == "none" and not tenants <= known.tenants:
                raise Refused("host_not_isolated")
            return replace(known, tenants=tenants)

        changed, revision = await self._services.hosts.change(host.id, assigned, request[CALLER].author)
        by = request[CALLER].user.id
        log.warning("tenants of a host set", extra=ids(host=host.id, by=by, tenants=len(tenants)))
        return answer({"host": self._view(changed)}, revision=revision)

    def _tenants(self, fields: Fields) -> frozenset[str]:
        names = fields.texts("tenants", is_fit_name, "the name of a tenant", most=MAXIMUM_TENANTS)
        found = set()
        for number, name in enumerate(names):
            tenant = self._services.identity.tenants.by_name(name)
            if tenant is None:
                raise InvalidInput(f"tenants[{number}]", "the name of a tenant of this site")
            found.add(tenant.id)
        return frozenset(found)

    def _named(self, name: str) -> Host:
        """By name, or by id where two share one. Raises Refused("not_found")."""
        found = [host for host in self._services.hosts.list() if name in (host.id, host.name)]
        if len(found) != 1:
            raise Refused("not_found", "There is no such host." if not found else "Two share it: say the id.")
        return found[0]

    def _view(self, host: Host) -> dict[str, Any]:
        tenants = (self._services.identity.tenants.get(tenant_id) for tenant_id in host.tenants)
        return {
            "id": host.id,
            "name": host.name,
            "tenants": sorted(tenant.name for tenant in tenants if tenant is not None),
            "isolation": host.isolation,
            "online": self._services.hosts.is_live(host.id),
            "slots": host.slots,
        }
