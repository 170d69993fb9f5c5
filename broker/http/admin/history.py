"""Who changed what and when, and taking it back."""

from __future__ import annotations

import logging
import sys

from aiohttp import web

from broker.configuration.history import Question
from broker.configuration.planning import Unfit
from broker.configuration.service import Order
from broker.configuration.wanted import Request
from broker.http.access import CALLER, Needs, route
from broker.http.admin.configuration_form import Sent, powers_of, reason_of
from broker.http.audited import audited, only_asked
from broker.http.body import read_fields
from broker.http.services import PublicServices
from broker.http.views import answer
from portcullis.errors import InvalidInput
from portcullis.logs import ids

log = logging.getLogger(__name__)

PATH = "/api/v1/admin/history"
MAXIMUM_LIMIT = 1000
_ASKED = frozenset({"kind", "name", "author", "limit", "before"})


class HistoryRoutes:
    def __init__(self, services: PublicServices) -> None:
        self._services = services
        self._configuration = services.configuration

    def routes(self) -> list[web.RouteDef]:
        return [
            route("GET", PATH, Needs("history.read"), self.list),
            route("POST", PATH + "/rollback", Needs("history.rollback"), self.roll_back),
        ]

    async def list(self, request: web.Request) -> web.Response:
        """The newest first; `before` is the lowest revision of the page before."""
        query = request.query
        unknown = sorted(set(query) - _ASKED)
        if unknown:
            raise InvalidInput(unknown[0][:64], f"only these: {', '.join(sorted(_ASKED))}")
        question = Question(
            query.get("kind", ""),
            query.get("name", ""),
            query.get("author", ""),
            _number(query.get("limit", "100"), "limit", MAXIMUM_LIMIT),
            _number(query["before"], "before", sys.maxsize) if "before" in query else sys.maxsize,
        )
        entries = await self._configuration.history.entries(request[CALLER].tenant.id, question)
        return answer({"items": [entry.to_json() for entry in entries]})

    async def roll_back(self, request: web.Request) -> web.Response:
        """To how everything was at a revision. `dry`: only the plan."""
        caller, fields = request[CALLER], await read_fields(request)
        revision = fields.integer("revision", 0, sys.maxsize)
        dry = fields.flag("dry", default=False)
        reason = reason_of(fields) or f"rollback to revision {revision}"
        fields.finish()
        tenant_id, powers = caller.tenant.id, powers_of(self._services, caller)
        order = Order(caller.author, reason)
        try:
            if dry:
                only_asked(request)
                return answer(
                    (await self._configuration.plan_rollback(tenant_id, revision, powers)).to_json()
                )
            planned, applied = await self._configuration.roll_back(tenant_id, revision, powers, order)
        except Unfit as unfit:
            raise Sent(Request()).invalid(unfit) from unfit
        counted = {"changes": len(planned.changes), "change": applied.change, "to": revision}
        audited(request, reason=reason, revision=applied.revision, detail=counted)
        log.info("configuration rolled back", extra=ids(tenant=tenant_id, by=caller.user.id, **counted))
        body = {**planned.to_json(), "revision": applied.revision, "change": applied.change}
        return answer(body, revision=applied.revision)


def _number(text: str, name: str, highest: int) -> int:
    if not text.isascii() or not text.isdecimal() or not 1 <= int(text) <= highest:
        raise InvalidInput(name, f"a whole number from 1 to {highest}")
    return int(text)
