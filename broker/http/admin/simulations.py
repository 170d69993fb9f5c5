"""Launch Simulation: what would happen if this user launched this application (docs/simulation.md)."""

from __future__ import annotations

import ipaddress

from aiohttp import web

from broker.http.access import CALLER, Needs, route
from broker.http.body import Fields, read_fields
from broker.http.services import PublicServices
from broker.http.sessions import TIME_ZONE
from broker.http.views import answer
from broker.simulation.question import Question
from portcullis.errors import InvalidInput

LONGEST_NAME = 256
LATEST_TIME = 1e11
LONGEST_AGE_MINUTES = 1e9


class SimulationRoutes:
    def __init__(self, services: PublicServices) -> None:
        self._services = services

    def routes(self) -> list[web.RouteDef]:
        """It changes nothing, and so is answered while the grid takes no changes."""
        path = "/api/v1/admin/simulations"
        return [
            route("POST", path, Needs("simulate"), self.simulate, repeatable=True, without_grid=True),
        ]

    async def simulate(self, request: web.Request) -> web.Response:
        fields = await read_fields(request)
        user = fields.text("user", "the name of a user", longest=LONGEST_NAME)
        application = fields.text("application", "the name or id of an application", longest=LONGEST_NAME)
        context = fields.nested("context", default={})
        question = parse_question(user, application, context)
        fields.finish()
        simulation = await self._services.simulator.simulate(request[CALLER].tenant.id, question)
        return answer(simulation.view())


def parse_question(user: str, application: str, context: Fields) -> Question:
    """Circumstances that are not named are those of somebody who has just signed in, nobody knows from where."""
    question = Question(
        user,
        application,
        client_address=_address(context),
        time=None if context.raw("time") is None else context.number("time", 0, LATEST_TIME),
        factor_age_minutes=_factor_age(context),
        time_zone=context.text("time_zone", "a time zone such as Europe/Berlin", longest=64, default="UTC"),
        dry_run=context.flag("dry_run", False),
    )
    if not TIME_ZONE.fullmatch(question.time_zone):
        raise InvalidInput(context.name("time_zone"), "a time zone such as Europe/Berlin")
    context.finish()
    return question


def _address(context: Fields) -> str | None:
    text = context.optional_text("client_address", "an IP address", longest=64)
    if text is None:
        return None
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        raise InvalidInput(context.name("client_address"), "an IP address") from None


def _factor_age(context: Fields) -> float | None:
    if context.has("factor_age_minutes") and context.raw("factor_age_minutes") is None:
        return None
    return context.number("factor_age_minutes", 0, LONGEST_AGE_MINUTES, default=0)
