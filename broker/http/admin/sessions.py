"""Sessions of the whole tenant."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from aiohttp import web

from broker.grid.scopes import Record
from broker.http.admin.listing import listed, listed_records
from broker.http.audited import audited
from broker.http.body import read_fields
from broker.http.middleware import CALLER, Needs, route
from broker.http.services import PublicServices
from broker.http.views import answer, figures_view, session_view
from broker.repositories.sessions import session_of
from broker.repositories.tables import SessionTable
from portcullis.errors import InvalidInput, Refused, Unavailable
from portcullis.ids import is_id, new_id
from portcullis.model.session import Session
from portcullis.protocol.acts import LONGEST_TEXT, Act, Acted, Kind, Process, clean_text

PATH = "/api/v1/admin/sessions"
_MESSAGE_RULE = f"1 to {LONGEST_TEXT} characters that can be shown"


class AdminSessionRoutes:
    def __init__(self, services: PublicServices) -> None:
        self._services = services

    def routes(self) -> list[web.RouteDef]:
        return [
            route("GET", PATH, Needs("sessions.read"), self.list),
            route("DELETE", PATH + "/{id}", Needs("sessions.end"), self.log_off),
            route("POST", PATH + "/{id}/disconnect", Needs("sessions.end"), self.disconnect),
            route("POST", PATH + "/{id}/message", Needs("sessions.message"), self.message),
            route("GET", PATH + "/{id}/processes", Needs("sessions.read"), self.processes),
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

    async def disconnect(self, request: web.Request) -> web.Response:
        """Whoever is attached is cut off; the application goes on."""
        (await read_fields(request)).finish()
        await self._ask(request, "disconnect")
        return answer({}, revision=self._services.snapshot.revision)

    async def message(self, request: web.Request) -> web.Response:
        """Shown to whoever is attached, or who attaches next."""
        fields = await read_fields(request)
        text = clean_text(fields.text("text", _MESSAGE_RULE, longest=LONGEST_TEXT))
        fields.finish()
        if not text:
            raise InvalidInput("text", _MESSAGE_RULE)
        audited(request, detail={"text": text})
        await self._ask(request, "tell", text)
        return answer({}, revision=self._services.snapshot.revision)

    async def processes(self, request: web.Request) -> web.StreamResponse:
        found = await self._ask(request, "processes")
        items = [process.to_json() for process in found.processes]
        names = Process.__dataclass_fields__
        return await listed(request, items, self._services.snapshot.revision, names)

    async def _ask(self, request: web.Request, kind: Kind, text: str = "") -> Acted:
        """Raises Refused: session_unknown, host_too_old; Unavailable("host_unreachable")."""
        tenant_id, session_id = request[CALLER].tenant.id, request.match_info["id"]
        session = self._services.sessions.get(tenant_id, session_id) if is_id(session_id) else None
        if session is None:
            raise Refused("session_unknown")
        act = Act(new_id(), tenant_id, session_id, kind, text)
        acted = await self._services.host_acts.ask(session.host_id, act)
        if acted.outcome == "unknown":
            raise Refused("session_unknown", "Its host does not run this session now.")
        if acted.outcome == "older":
            raise Refused("host_too_old")
        if acted.outcome != "done":
            raise Unavailable("host_unreachable", f"The host {session.host_name} cannot be asked now.")
        return acted

    def _view(self, session: Session) -> dict[str, Any]:
        return {
            **session_view(session, self._services.applications, self._services.hosts),
            "user": {"id": session.user_id, "name": session.user_name},
            "stage": session.stage,
            "position": self._services.lines.position(session.host_id, session.id),
            "reference": session.reference,
            "stream": figures_view(self._services.figures.get(session.id)),
        }
