"""A verification code once more, while signed in: a launch may ask for one that was given lately (`factor_needed`)."""

from __future__ import annotations

import logging

from aiohttp import web

from broker.http.body import read_fields
from broker.http.middleware import CALLER, Policy, login_of, route
from broker.http.services import PublicServices
from broker.http.views import answer
from portcullis.logs import ids

log = logging.getLogger(__name__)

PATH = "/api/v1/login/factor"


class FactorRoutes:
    def __init__(self, services: PublicServices) -> None:
        self._again = services.identity.factor_again

    def routes(self) -> list[web.RouteDef]:
        return [route("POST", PATH, Policy.BROWSER, self.prove)]

    async def prove(self, request: web.Request) -> web.Response:
        fields = await read_fields(request)
        code = fields.text("code", "a verification code or a recovery code", longest=64)
        fields.finish()
        login, revision = await self._again.prove(login_of(request), code)
        user = request[CALLER].user
        log.info("factor proven again", extra=ids(tenant=login.tenant_id, user=user.id))
        return answer({"factor_time": login.factor_time}, revision=revision)
