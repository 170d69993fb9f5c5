"""Roles: the built-in ones, which stay as they are, and those that the tenant makes for itself."""

from __future__ import annotations

import logging
import unicodedata
from typing import Any

from aiohttp import web

from broker.http.admin.listing import listed
from broker.http.admin.policies import expected_revision
from broker.http.body import Fields, read_fields
from broker.http.middleware import CALLER, Needs, route
from broker.http.services import PublicServices
from broker.http.views import answer, done
from portcullis.errors import InvalidInput, Refused
from portcullis.logs import ids
from portcullis.model.names import NAME_RULE, is_fit_name
from portcullis.model.roles import BUILT_IN_ROLES, PERMISSIONS, TENANT_PERMISSIONS, Role

log = logging.getLogger(__name__)

PATH = "/api/v1/admin/roles"


class RoleRoutes:
    def __init__(self, services: PublicServices) -> None:
        self._services = services
        self._roles = services.identity.roles

    def routes(self) -> list[web.RouteDef]:
        role = PATH + "/{name}"
        return [
            route("GET", PATH, Needs("roles.read"), self.list),
            route("PUT", role, Needs("roles.write"), self.put),
            route("DELETE", role, Needs("roles.write"), self.delete),
        ]

    async def list(self, request: web.Request) -> web.StreamResponse:
        tenant_id = request[CALLER].tenant.id
        built_in = [Role(name, permissions) for name, permissions in BUILT_IN_ROLES.items()]
        users = self._roles.users(tenant_id)
        roles = (*built_in, *self._roles.list(tenant_id))
        items = [self._view(tenant_id, role, users[role.name]) for role in roles]
        revision, more = self._services.snapshot.revision, {"permissions": PERMISSIONS}
        return await listed(request, items, revision, more=more)

    async def put(self, request: web.Request) -> web.Response:
        """Nobody makes a role, or changes one, that allows more than they may do themselves."""
        caller, name = request[CALLER], parse_role_name(request.match_info["name"])
        fields = await read_fields(request)
        role, expected = Role(name, parse_permissions(fields)), expected_revision(fields)
        fields.finish()
        old = self._roles.get(caller.tenant.id, name)
        caller.check_covers(role.permissions | (old.permissions if old else frozenset()))
        tenant_id = caller.tenant.id
        try:
            outcome, role, revision = await self._roles.put(tenant_id, role, caller.author, expected)
        except Refused as refused:
            now = self._roles.get(tenant_id, name)
            if refused.code != "changed_meanwhile" or now is None:
                raise
            raise Refused(refused.code, current=self._shown(tenant_id, now)) from refused
        log.info("role %s", outcome, extra=ids(tenant=caller.tenant.id, role=role.name, by=caller.user.id))
        return answer({"role": self._shown(tenant_id, role), "outcome": outcome}, revision=revision)

    async def delete(self, request: web.Request) -> web.Response:
        """One that no user has."""
        caller, name = request[CALLER], parse_role_name(request.match_info["name"])
        old = self._roles.get(caller.tenant.id, name)
        caller.check_covers(old.permissions if old else frozenset())
        revision = await self._roles.delete(caller.tenant.id, name, caller.author)
        log.info("role deleted", extra=ids(tenant=caller.tenant.id, role=name, by=caller.user.id))
        return done(revision)

    def _shown(self, tenant_id: str, role: Role) -> dict[str, Any]:
        return self._view(tenant_id, role, self._roles.users(tenant_id)[role.name])

    def _view(self, tenant_id: str, role: Role, users: int) -> dict[str, Any]:
        record = self._roles.record(tenant_id, role.name)
        return {
            "name": role.name,
            "permissions": sorted(role.permissions),
            "built_in": role.name in BUILT_IN_ROLES,
            "users": users,
            "revision": record.mod_revision if record else 0,
        }


def parse_role_name(text: str) -> str:
    """Raises InvalidInput."""
    name = unicodedata.normalize("NFC", text)
    if not is_fit_name(name):
        raise InvalidInput("name", NAME_RULE)
    return name


def parse_permissions(fields: Fields, allowed: frozenset[str] = TENANT_PERMISSIONS) -> frozenset[str]:
    """The field must be there: a role that was meant to hold something is not emptied by a misspelt word."""
    if not fields.has("permissions"):
        raise InvalidInput(fields.name("permissions"), "a list of permissions; none is []")
    expected = "a permission (`portcullis role permissions` lists them)"
    return frozenset(fields.texts("permissions", allowed.__contains__, expected, most=len(PERMISSIONS)))
