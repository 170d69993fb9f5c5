"""Launches of the past, and why each went as it did: behind the reference that its user was shown, if there was one."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress

from aiohttp import web

from broker.audit.event import is_event_id
from broker.audit.query import Query
from broker.explain.launches import TYPES
from broker.http.access import CALLER, Needs, route
from broker.http.services import PublicServices
from broker.http.views import answer
from portcullis.errors import InvalidInput, Refused

MOST = 200
DEFAULT_LIMIT = 50
LONGEST = 256
_OUTCOMES = {"launched": "launch", "refused": "launch_refused", "failed": "launch_failed"}
_KNOWN = frozenset({"user", "application", "code", "outcome", "from", "to", "limit", "before"})


class LaunchRoutes:
    def __init__(self, services: PublicServices) -> None:
        self._services = services

    def routes(self) -> list[web.RouteDef]:
        return [
            route("GET", "/api/v1/admin/launches", Needs("launches.read"), self.list),
            route("GET", "/api/v1/admin/launches/{reference}", Needs("launches.read"), self.show),
        ]

    async def list(self, request: web.Request) -> web.Response:
        query = parse_query(request[CALLER].tenant.id, request.query)
        launches, page = await self._services.explainer.list(query)
        items = [launch.row() for launch in launches]
        return answer({"items": items, "before": page.before, "missing": list(page.missing)})

    async def show(self, request: web.Request) -> web.Response:
        caller, tenant_id = request[CALLER], request[CALLER].tenant.id
        launch = await self._services.explainer.find(tenant_id, request.match_info["reference"])
        if launch is None:
            raise Refused("reference_unknown")
        return answer(await self._services.explainer.explain(tenant_id, launch, caller.may))


def parse_query(tenant_id: str, asked: Mapping[str, str]) -> Query:
    """Raises InvalidInput naming what is wrong."""
    if unknown := sorted(asked.keys() - _KNOWN):
        raise InvalidInput(unknown[0][:64], "only these: " + ", ".join(sorted(_KNOWN)))
    if too_long := [name for name, text in asked.items() if len(text) > LONGEST]:
        raise InvalidInput(too_long[0], f"at most {LONGEST} characters")
    application, before, outcome = (asked.get(name, "") for name in ("application", "before", "outcome"))
    if before and not is_event_id(before):
        raise InvalidInput("before", "what an answer gave as `before`")
    if outcome and outcome not in _OUTCOMES:
        raise InvalidInput("outcome", "one of " + ", ".join(_OUTCOMES))
    return Query(
        tenant_id,
        (_OUTCOMES[outcome],) if outcome else TYPES,
        user=asked.get("user", ""),
        object=f"application:{application}" if application else "",
        code=asked.get("code", ""),
        start=_time(asked, "from"),
        end=_time(asked, "to"),
        limit=_limit(asked),
        before=before,
        whole=False,
    )


def _time(asked: Mapping[str, str], name: str) -> float | None:
    if not asked.get(name):
        return None
    with suppress(ValueError):
        value = float(asked[name])
        if 0 <= value <= 1e11:
            return value
    raise InvalidInput(name, "a time in Unix seconds")


def _limit(asked: Mapping[str, str]) -> int:
    text = asked.get("limit", str(DEFAULT_LIMIT))
    if text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= MOST:
        return int(text)
    raise InvalidInput("limit", f"a whole number from 1 to {MOST}")
