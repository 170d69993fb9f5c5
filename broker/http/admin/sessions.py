"""Sessions of the whole tenant."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from aiohttp import web

from broker.grid.scopes import Record
from broker.http.admin.listing import listed_records
from broker.http.middleware import CALLER, Needs, route
from broker.http.services import PublicServices
from broker.http.views import answer, figures_view, session_view
from broker.repositories.sessions import session_of
from broker.repositories.tables import SessionTable
from portcullis.errors import Refused
from portcullis.ids import is_id
from portcullis.model.session import Session

PATH = "/api/v1/admin/sessions"


class AdminSessionRoutes:
    def __init__(self, services: PublicServices) -> None:
        self._services = services

    def routes(self) -> list[web.RouteDef]:
        return [
            route("GET", PATH, Needs("sessions.read"), self.list),
            route("DELETE", PATH + "/{id}", Needs("sessions.end"), self.log_off),
        ]

    async def list(self, request: web.Request) -> web.StreamResponse:
        tenant_id, snapshot = request[CALLER].tenant.id, self._services.snapshot

        async def views(records: Sequence[Record]) -> list[dict[str, Any]]:
            return [self._view(session_of(record)) for record in records]

        table = snapshot.index(SessionTable)
        return await listed_records(request, table, tenant_id, views, snapshot.revision)

    async def log_off(self, request: web.Request) -> web.Response:
        caller, session_id = request[CALLER], request.match_info["id"]
        if not is_id(session_id):
            raise Refused("session_unknown")
        await self._services.lifecycle.log_off(caller.tenant.id, session_id, by=caller.user.id)
        return answer({}, 202, self._services.snapshot.revision)

    def _view(self, session: Session) -> dict[str, Any]:
        return {
            **session_view(session, self._services.applications, self._services.hosts),
            "user": {"id": session.user_id, "name": session.user_name},
            "stage": session.stage,
            "position": self._services.lines.position(session.host_id, session.id),
            "reference": session.reference,
            "stream": figures_view(self._services.figures.get(session.id)),
        }
