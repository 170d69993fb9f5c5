"""Publishing applications."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from aiohttp import web

from broker.grid.scopes import Record
from broker.http.admin.application_form import parse_name, parse_publication
from broker.http.admin.listing import listed_records
from broker.http.admin.policies import expected_revision
from broker.http.body import read_fields
from broker.http.middleware import CALLER, Needs, route
from broker.http.services import PublicServices
from broker.http.views import answer, application_view, done
from broker.repositories.tables import ApplicationTable
from portcullis.errors import Refused
from portcullis.logs import ids
from portcullis.model.application import Application

log = logging.getLogger(__name__)

PATH = "/api/v1/admin/applications"


class ApplicationRoutes:
    def __init__(self, services: PublicServices) -> None:
        self._services = services

    def routes(self) -> list[web.RouteDef]:
        return [
            route("GET", PATH, Needs("applications.read"), self.list),
            route("PUT", PATH + "/{name}", Needs("applications.write"), self.publish),
            route("DELETE", PATH + "/{name}", Needs("applications.write"), self.delete),
        ]

    async def list(self, request: web.Request) -> web.StreamResponse:
        tenant_id, snapshot = request[CALLER].tenant.id, self._services.snapshot

        async def views(records: Sequence[Record]) -> list[dict[str, Any]]:
            return [self._view(tenant_id, Application.from_json(record.value)) for record in records]

        table = snapshot.index(ApplicationTable)
        return await listed_records(request, table, tenant_id, views, snapshot.revision)

    async def publish(self, request: web.Request) -> web.Response:
        caller = request[CALLER]
        tenant_id = caller.tenant.id
        fields = await read_fields(request)
        expected = expected_revision(fields)
        publication = parse_publication(
            request.match_info["name"],
            fields,
            lambda name: self._services.identity.users.by_name(tenant_id, name),
        )
        applications = self._services.applications
        try:
            published = await applications.publish(tenant_id, publication, caller.author, expected)
        except Refused as refused:
            raise self._with_current(tenant_id, publication.name, refused) from refused
        log.info(
            "application %s",
            published.outcome,
            extra=ids(tenant=tenant_id, application=published.application.id, by=caller.user.id),
        )
        return answer(
            {"application": self._view(tenant_id, published.application), "outcome": published.outcome},
            revision=published.revision,
        )

    async def delete(self, request: web.Request) -> web.Response:
        """Sessions that run it go on."""
        caller, name = request[CALLER], parse_name(request.match_info["name"])
        revision = await self._services.applications.delete(caller.tenant.id, name, caller.author)
        log.info("application deleted", extra=ids(tenant=caller.tenant.id, name=name, by=caller.user.id))
        return done(revision)

    def _view(self, tenant_id: str, application: Application) -> dict[str, Any]:
        revision = self._services.applications.revision(tenant_id, application.id)
        return {**application_view(application), "revision": revision}

    def _with_current(self, tenant_id: str, name: str, refused: Refused) -> Refused:
        """What the application is meanwhile, for who wrote over it."""
        now = self._services.applications.by_name(tenant_id, name)
        if refused.code != "changed_meanwhile" or now is None:
            return refused
        return Refused(refused.code, current=self._view(tenant_id, now))
