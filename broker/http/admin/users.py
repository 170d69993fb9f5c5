"""Users of the tenant. No secret of theirs is ever here: an administrator hands on the link by which they enrol."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Any

from aiohttp import web

from broker.grid.grid import GridUnavailable
from broker.http.body import Fields, read_fields
from broker.http.middleware import CALLER, Needs, route
from broker.http.services import PublicServices
from broker.http.views import answer, done, user_view
from broker.identity.accounts import Issued
from broker.identity.lockout import Attempts
from broker.identity.users import MAXIMUM_GROUPS, account_state, new_user
from portcullis.errors import InvalidInput, Refused
from portcullis.logs import ids
from portcullis.model.names import GROUP_RULE, NAME_RULE, is_fit_group
from portcullis.model.user import User

log = logging.getLogger(__name__)

PATH = "/api/v1/admin/users"


class UserRoutes:
    def __init__(self, services: PublicServices) -> None:
        self._services = services
        self._accounts = services.identity.accounts

    def routes(self) -> list[web.RouteDef]:
        user = PATH + "/{name}"
        return [
            route("GET", PATH, Needs("users.read"), self.list),
            route("POST", PATH, Needs("users.write"), self.invite),
            route("POST", user + "/reset", Needs("users.write"), self.reset),
            route(
                "POST",
                user + "/disable",
                Needs("users.write"),
                self.disable,
                repeatable=True,
                without_grid=True,
            ),
            route("POST", user + "/enable", Needs("users.write"), self.enable),
            route("DELETE", user, Needs("users.write"), self.delete),
        ]

    async def list(self, request: web.Request) -> web.Response:
        tenant_id = request[CALLER].tenant.id
        attempts = await self._attempts(tenant_id)
        users = self._services.identity.users.list(tenant_id)
        return answer({"items": [self._view(user, attempts.get(user.id, {})) for user in users]})

    async def invite(self, request: web.Request) -> web.Response:
        caller = request[CALLER]
        fields = await read_fields(request)
        name = fields.text("name", NAME_RULE, longest=256)
        groups = fields.texts("groups", is_fit_group, GROUP_RULE, most=MAXIMUM_GROUPS)
        role = _role(fields)
        fields.finish()
        user = new_user(name, groups=groups, role=role)
        issued = await self._accounts.invite(caller.tenant.id, user, caller.author)
        return await self._issued(request, issued, "user invited", 201)

    async def reset(self, request: web.Request) -> web.Response:
        caller = request[CALLER]
        (await read_fields(request)).finish()
        issued = await self._accounts.reset(caller.tenant.id, request.match_info["name"], caller.author)
        return await self._issued(request, issued, "user reset", 200)

    async def disable(self, request: web.Request) -> web.Response:
        """Also without the grid: then the record follows when it is back (`merged`)."""
        caller = request[CALLER]
        (await read_fields(request)).finish()
        name = request.match_info["name"]
        user, merged = await self._services.acts.disable(caller.tenant.id, name, caller.author)
        return await self._changed(request, replace(user, disabled=True), {"merged": merged})

    async def enable(self, request: web.Request) -> web.Response:
        caller, name = request[CALLER], request.match_info["name"]
        (await read_fields(request)).finish()
        user, revision = await self._accounts.set_disabled(caller.tenant.id, name, False, caller.author)
        await self._services.snapshot.until(revision)
        return await self._changed(request, user, {})

    async def delete(self, request: web.Request) -> web.Response:
        """Their sessions are logged off; a session that ends by itself meanwhile is no trouble."""
        caller = request[CALLER]
        tenant_id = caller.tenant.id
        user, revision = await self._accounts.delete(tenant_id, request.match_info["name"], caller.author)
        await self._services.snapshot.until(revision)
        for session in self._services.sessions.of_user(tenant_id, user.id):
            try:
                await self._services.lifecycle.log_off(tenant_id, session.id, by=caller.user.id)
            except Refused as gone:
                log.info("a session ended by itself: %s", gone.code, extra=ids(session=session.id))
        log.info("user deleted", extra=ids(tenant=tenant_id, user=user.id, by=caller.user.id))
        return done(revision)

    async def _changed(self, request: web.Request, user: User, more: dict[str, Any]) -> web.Response:
        caller = request[CALLER]
        log.info(
            "user %s",
            "disabled" if user.disabled else "enabled",
            extra=ids(tenant=caller.tenant.id, user=user.id, by=caller.user.id),
        )
        attempts = await self._attempts(caller.tenant.id)
        view = self._view(user, attempts.get(user.id, {}))
        return answer({"user": view, **more}, revision=self._services.snapshot.revision)

    async def _issued(self, request: web.Request, issued: Issued, event: str, status: int) -> web.Response:
        caller, user = request[CALLER], issued.user
        await self._services.snapshot.until(issued.revision)
        log.info(event, extra=ids(tenant=caller.tenant.id, user=user.id, role=user.role, by=caller.user.id))
        origin = self._services.identity.tenants.site().public_origins[0]
        enrolment = {"link": issued.link(origin), "expires": user.link_expires}
        return answer({"user": self._view(user, {}), "enrolment": enrolment}, status, issued.revision)

    async def _attempts(self, tenant_id: str) -> dict[str, dict[str, Any]]:
        """None while the grid does not answer: who is there is known all the same."""
        if not self._services.health.writable:
            return {}
        try:
            return await self._services.identity.attempts.of_tenant(tenant_id)
        except GridUnavailable as exc:
            log.warning("users are listed without their failures: %s", exc, extra=ids(tenant=tenant_id))
            return {}

    def _view(self, user: User, attempts: dict[str, Any]) -> dict[str, Any]:
        state = account_state(user, Attempts.from_json(attempts), self._services.clock.now())
        return user_view(user, state)


def _role(fields: Fields) -> str:
    role = fields.raw("role", "user")
    if role not in ("user", "administrator"):
        raise InvalidInput(fields.name("role"), "user or administrator")
    return str(role)
