"""Entering a tenant: for a reason, for an hour at most, in the tenant's sight.

While the entry lives, its user names the tenant by the header `Portcullis-Tenant` and acts there as an administrator
would (`broker/http/callers.py`). Leaving, and the end of the time, count from the next request.
"""

from __future__ import annotations

import logging

from aiohttp import web

from broker.http.audited import audited
from broker.http.body import read_fields
from broker.http.middleware import CALLER, Needs, route
from broker.http.platform.tenants import PATH
from broker.http.services import PublicServices
from broker.http.views import answer, done
from broker.repositories.entries import LONGEST_MINUTES
from portcullis.errors import InvalidInput, Refused
from portcullis.logs import ids
from portcullis.model.tenant import Tenant

log = logging.getLogger(__name__)

LONGEST_REASON = 200


class EntryRoutes:
    def __init__(self, services: PublicServices) -> None:
        self._services = services

    def routes(self) -> list[web.RouteDef]:
        path, needs = PATH + "/{name}/entry", Needs("platform.enter")
        return [
            route("POST", path, needs, self.enter, repeatable=True),
            route("DELETE", path, needs, self.leave, repeatable=True),
        ]

    async def enter(self, request: web.Request) -> web.Response:
        caller, tenant = request[CALLER], self._tenant(request)
        fields = await read_fields(request)
        expected = f"why, in 1 to {LONGEST_REASON} printable characters"
        reason = fields.text("reason", expected, longest=LONGEST_REASON).strip()
        if not reason or not reason.isprintable():
            raise InvalidInput("reason", expected)
        minutes = fields.integer("minutes", 1, LONGEST_MINUTES)
        fields.finish()
        if tenant.id == (caller.home or caller.tenant).id:
            raise Refused("own_tenant", "You belong to this tenant: no entry is needed.")
        # In the tenant's own records: it sees who was there, and why.
        audited(request, tenant=tenant.id, reason=reason, detail={"minutes": minutes})
        entry, revision = await self._services.identity.entries.open(
            tenant.id, caller.user.id, caller.user.name, reason, minutes
        )
        log.warning("tenant entered", extra=ids(tenant=tenant.id, by=caller.user.id, minutes=minutes))
        return answer({"until": entry.until}, revision=revision)

    async def leave(self, request: web.Request) -> web.Response:
        caller, tenant = request[CALLER], self._tenant(request)
        audited(request, tenant=tenant.id)
        revision = await self._services.identity.entries.close(tenant.id, caller.user.id)
        log.info("tenant left", extra=ids(tenant=tenant.id, by=caller.user.id))
        return done(revision)

    def _tenant(self, request: web.Request) -> Tenant:
        tenant = self._services.identity.tenants.by_name(request.match_info["name"])
        if tenant is None:
            raise Refused("not_found", "There is no such tenant.")
        return tenant
