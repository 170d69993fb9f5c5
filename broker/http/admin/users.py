"""Users of the tenant. Their secrets leave once, in the answer that creates them."""

from __future__ import annotations

import logging

from aiohttp import web

from broker.http.body import Fields, read_fields
from broker.http.middleware import CALLER, Policy, route
from broker.http.services import PublicServices
from broker.http.views import answer, user_view
from broker.identity.passwords import generate_password
from broker.identity.users import MAXIMUM_GROUPS, new_user
from portcullis.errors import InvalidInput
from portcullis.logs import ids
from portcullis.model.names import GROUP_RULE, NAME_RULE, is_fit_group
from portcullis.model.user import Role

log = logging.getLogger(__name__)

PATH = "/api/v1/admin/users"


class UserRoutes:
    def __init__(self, services: PublicServices) -> None:
        self._services = services

    def routes(self) -> list[web.RouteDef]:
        return [
            route("GET", PATH, Policy.ADMINISTRATOR, self.list),
            route("POST", PATH, Policy.ADMINISTRATOR, self.create),
        ]

    async def list(self, request: web.Request) -> web.Response:
        users = self._services.identity.users.list(request[CALLER].tenant.id)
        return answer({"items": [user_view(user) for user in users]})

    async def create(self, request: web.Request) -> web.Response:
        caller, identity = request[CALLER], self._services.identity
        fields = await read_fields(request)
        name = fields.text("name", NAME_RULE, longest=256)
        groups = fields.texts("groups", is_fit_group, GROUP_RULE, most=MAXIMUM_GROUPS)
        role = _role(fields)
        fields.finish()
        password = generate_password()
        made = new_user(
            name,
            password,
            await identity.passwords.hash(password),
            issuer=caller.tenant.name,
            groups=groups,
            role=role,
        )
        revision = await identity.users.create(caller.tenant.id, made.user, caller.author)
        await self._services.snapshot.until(revision)
        log.info(
            "user created",
            extra=ids(tenant=caller.tenant.id, user=made.user.id, role=role, by=caller.user.id),
        )
        secrets = {"password": made.password, "totp_secret": made.totp_secret, "totp_uri": made.totp_uri}
        return answer({"user": user_view(made.user), **secrets}, 201, revision)


def _role(fields: Fields) -> Role:
    role = fields.raw("role", "user")
    if role == "user":
        return "user"
    if role == "administrator":
        return "administrator"
    raise InvalidInput(fields.name("role"), "user or administrator")
