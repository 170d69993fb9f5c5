"""What people do to their own logins, besides signing in and out."""

from __future__ import annotations

import logging

from aiohttp import web

from broker.http.body import read_fields
from broker.http.middleware import CALLER, Policy, route
from broker.http.services import PublicServices
from broker.http.views import answer
from portcullis.logs import ids

log = logging.getLogger(__name__)


class AccountRoutes:
    def __init__(self, services: PublicServices) -> None:
        self._services = services

    def routes(self) -> list[web.RouteDef]:
        path = "/api/v1/account/sign-out-everywhere"
        return [
            route("POST", path, Policy.BROWSER, self.sign_out_everywhere, repeatable=True, without_grid=True)
        ]

    async def sign_out_everywhere(self, request: web.Request) -> web.Response:
        """This browser as well: whoever lost a device cannot tell its login from this one."""
        caller = request[CALLER]
        (await read_fields(request)).finish()
        merged = await self._services.acts.sign_out(caller.tenant.id, caller.user, caller.author)
        log.info("signed out everywhere", extra=ids(tenant=caller.tenant.id, user=caller.user.id))
        return answer({"merged": merged})
