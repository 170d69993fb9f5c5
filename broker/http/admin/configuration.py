"""Configuration as documents: plan, apply, export; icons that are sent ahead (docs/configuration.md)."""

from __future__ import annotations

import logging

from aiohttp import web

from broker.configuration.objects import ORDER
from broker.configuration.planning import Unfit
from broker.configuration.service import Order
from broker.http.access import CALLER, Needs, route
from broker.http.admin.configuration_form import planning_powers_of, powers_of, read_sent, reason_of
from broker.http.admin.icon_form import read_icon
from broker.http.audited import audited
from broker.http.body import Fields, read_fields
from broker.http.services import PublicServices
from broker.http.views import answer
from portcullis.errors import InvalidInput
from portcullis.logs import ids

log = logging.getLogger(__name__)

PATH = "/api/v1/admin/configuration"
MAXIMUM_REVISION = 2**62


class ConfigurationRoutes:
    def __init__(self, services: PublicServices) -> None:
        self._services = services
        self._configuration = services.configuration

    def routes(self) -> list[web.RouteDef]:
        applying = Needs("configuration.apply")
        return [
            route(
                "POST",
                PATH + "/plan",
                Needs("configuration.plan"),
                self.plan,
                repeatable=True,
                without_grid=True,
            ),
            route("POST", PATH + "/apply", applying, self.apply, repeatable=True),
            route("GET", PATH + "/export", Needs("configuration.plan"), self.export),
            route("POST", PATH + "/icons", applying, self.send_icon, repeatable=True),
        ]

    async def plan(self, request: web.Request) -> web.Response:
        """Changes nothing."""
        caller, fields = request[CALLER], await read_fields(request)
        sent = await read_sent(fields)
        fields.finish()
        powers = planning_powers_of(self._services, caller)
        try:
            planned = await self._configuration.plan(caller.tenant.id, sent.request, powers)
        except Unfit as unfit:
            raise sent.invalid(unfit) from unfit
        return answer(planned.to_json())

    async def apply(self, request: web.Request) -> web.Response:
        """All of it or nothing."""
        caller, fields = request[CALLER], await read_fields(request)
        sent = await read_sent(fields)
        reason, revision = reason_of(fields), revision_of(fields)
        fields.finish()
        order = Order(caller.author, reason, revision, sent.pictures)
        powers = powers_of(self._services, caller)
        try:
            planned, applied = await self._configuration.apply(caller.tenant.id, sent.request, powers, order)
        except Unfit as unfit:
            raise sent.invalid(unfit) from unfit
        counted = {"changes": len(planned.changes), "change": applied.change}
        audited(request, reason=reason, revision=applied.revision, detail=counted)
        log.info("configuration applied", extra=ids(tenant=caller.tenant.id, by=caller.user.id, **counted))
        body = {**planned.to_json(), "revision": applied.revision, "change": applied.change}
        return answer(body, revision=applied.revision)

    async def export(self, request: web.Request) -> web.Response:
        """Of some kinds (`kinds=application,policy`) or of all, as documents."""
        caller = request[CALLER]
        kinds = [kind for kind in request.query.get("kinds", "").split(",") if kind]
        for kind in kinds:
            if kind not in ORDER:
                raise InvalidInput("kinds", f"some of {', '.join(ORDER)}, with commas between")
        revision, documents = await self._configuration.export(caller.tenant.id, kinds)
        return answer({"revision": revision, "documents": documents})

    async def send_icon(self, request: web.Request) -> web.Response:
        """For documents that name it by its hash: a request holds 1 MiB, and many icons more."""
        icon = read_icon(await read_fields(request))
        await self._configuration.pictures.send_ahead(request[CALLER].tenant.id, icon)
        return answer({"hash": icon.hash}, 201)


def revision_of(fields: Fields) -> int | None:
    return fields.integer("revision", 0, MAXIMUM_REVISION) if fields.has("revision") else None
