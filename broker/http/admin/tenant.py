"""The tenant itself, for its own administrators: its title and theme; names, quotas and who has entered, to look at."""

from __future__ import annotations

import logging

from aiohttp import web

from broker.http.body import read_fields
from broker.http.middleware import CALLER, Needs, route
from broker.http.platform.tenant_form import parse_settings
from broker.http.platform.tenant_view import own_view
from broker.http.platform.tenants import change_settings
from broker.http.services import PublicServices
from broker.http.views import answer
from portcullis.errors import Refused
from portcullis.logs import ids
from portcullis.model.tenant import Tenant

log = logging.getLogger(__name__)

PATH = "/api/v1/admin/tenant"
_PLATFORM = "Host names and quotas are the platform's to set."


class OwnTenantRoutes:
    def __init__(self, services: PublicServices) -> None:
        self._services = services

    def routes(self) -> list[web.RouteDef]:
        return [
            route("GET", PATH, Needs("tenant.read"), self.show),
            route("PUT", PATH, Needs("tenant.write"), self.change),
        ]

    async def show(self, request: web.Request) -> web.Response:
        return answer(self._view(request[CALLER].tenant))

    async def change(self, request: web.Request) -> web.Response:
        caller = request[CALLER]
        fields = await read_fields(request)
        expected = fields.integer("revision", 0, 2**62) if fields.has("revision") else None
        if fields.has("host_names") or fields.has("quotas"):
            caller.check("platform.tenants.write", _PLATFORM)
        settings = parse_settings(fields, whole=True)
        fields.finish()
        view = self._view(caller.tenant)
        if expected is not None and view["revision"] != expected:
            raise Refused("changed_meanwhile", current=view)
        changed, revision = await change_settings(self._services, caller.tenant, settings, caller.author)
        log.info("tenant changed", extra=ids(tenant=changed.id, by=caller.user.id))
        return answer(self._view(changed), revision=revision)

    def _view(self, tenant: Tenant) -> dict[str, object]:
        record = self._services.identity.tenants.record(tenant.id)
        entries = self._services.identity.entries.list(tenant.id)
        return own_view(tenant, entries, record.mod_revision if record else 0)
