"""What people do to their own account, besides signing in and out."""

from __future__ import annotations

import logging

from aiohttp import web

from broker.audit.event import Object
from broker.http.audited import audited
from broker.http.body import read_fields
from broker.http.middleware import CALLER, Policy, login_of, route
from broker.http.services import PublicServices
from broker.http.views import answer
from portcullis.logs import ids

log = logging.getLogger(__name__)

PATH = "/api/v1/account"


class AccountRoutes:
    def __init__(self, services: PublicServices) -> None:
        self._services = services

    def routes(self) -> list[web.RouteDef]:
        path = PATH + "/sign-out-everywhere"
        return [
            route("POST", path, Policy.BROWSER, self.sign_out_everywhere, repeatable=True, without_grid=True),
            route("POST", PATH + "/recovery-codes", Policy.BROWSER, self.renew_recovery_codes),
        ]

    async def sign_out_everywhere(self, request: web.Request) -> web.Response:
        """This browser as well: whoever lost a device cannot tell its login from this one."""
        caller = request[CALLER]
        (await read_fields(request)).finish()
        merged = await self._services.acts.sign_out(caller.tenant.id, caller.user, caller.author)
        log.info("signed out everywhere", extra=ids(tenant=caller.tenant.id, user=caller.user.id))
        return answer({"merged": merged})

    async def renew_recovery_codes(self, request: web.Request) -> web.Response:
        """Who found an open browser must not take the account with them: it takes a code of now."""
        caller, identity = request[CALLER], self._services.identity
        fields = await read_fields(request)
        code = fields.text("code", "a verification code or a recovery code", longest=64)
        fields.finish()
        await identity.factor_again.prove(login_of(request), code)
        codes, revision = await identity.accounts.renew_recovery_codes(caller.tenant.id, caller.user.id)
        audited(request, object=Object("user", caller.user.id, caller.user.name))
        log.info("recovery codes renewed", extra=ids(tenant=caller.tenant.id, user=caller.user.id))
        return answer({"recovery_codes": codes}, 201, revision)
