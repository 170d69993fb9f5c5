"""Groups: who is in them, and which are inside which."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Any

from aiohttp import web

from broker.configuration.service import Members
from broker.http.admin.listing import listed
from broker.http.admin.policies import expected_revision
from broker.http.body import Fields, read_fields
from broker.http.middleware import CALLER, Needs, route
from broker.http.named import name_of
from broker.http.services import PublicServices
from broker.http.views import answer
from broker.identity.users import MAXIMUM_GROUPS
from broker.repositories.groups import MAXIMUM_INNER, Known
from portcullis.errors import InvalidInput, Refused
from portcullis.logs import ids
from portcullis.model.group import Group
from portcullis.model.names import GROUP_RULE, is_fit_group

log = logging.getLogger(__name__)

PATH = "/api/v1/admin/groups"
LISTED = ("name", "description", "members", "user_count", "revision")
LONGEST_DESCRIPTION = 256
MOST_USERS = 10_000
"""Whose membership one request sets."""


class GroupRoutes:
    def __init__(self, services: PublicServices) -> None:
        self._services = services
        self._groups = services.groups

    def routes(self) -> list[web.RouteDef]:
        one = PATH + "/{name}"
        return [
            route("GET", PATH, Needs("groups.read"), self.list),
            route("GET", one, Needs("groups.read"), self.show),
            route("PUT", one, Needs("groups.write"), self.put),
            route("DELETE", one, Needs("groups.write"), self.delete),
        ]

    async def list(self, request: web.Request) -> web.StreamResponse:
        items = [group_view(known) for known in self._groups.list(request[CALLER].tenant.id)]
        return await listed(request, items, self._services.snapshot.revision, LISTED)

    async def show(self, request: web.Request) -> web.Response:
        tenant_id, name = request[CALLER].tenant.id, name_of(request)
        known = self._groups.get(tenant_id, name)
        if known is None:
            raise Refused("not_found", "There is no such group.")
        return answer({"group": await self._whole(tenant_id, known)})

    async def put(self, request: web.Request) -> web.Response:
        """What is absent stays as it is. The record first: where that is refused, nobody's groups change."""
        caller, tenant_id = request[CALLER], request[CALLER].tenant.id
        name = name_of(request)
        if not is_fit_group(name):
            raise InvalidInput("name", GROUP_RULE)
        fields = await read_fields(request)
        known = self._groups.get(tenant_id, name) or Known(Group(name), 0, 0)
        group = _changed(known.group, fields)
        members = self._members(tenant_id, name, fields)
        expected = expected_revision(fields)
        fields.finish()
        if members is not None:
            self._services.configuration.check_free(tenant_id)
        try:
            revision = await self._groups.put(tenant_id, group, caller.author, expected)
        except Refused as refused:
            if refused.code == "changed_meanwhile" and (now := self._groups.get(tenant_id, name)):
                raise Refused(refused.code, current=await self._whole(tenant_id, now)) from refused
            raise
        if members is not None:
            revision = await self._services.configuration.set_members(tenant_id, name, members, caller.author)
        log.info("group set", extra=ids(tenant=tenant_id, name=name, by=caller.user.id))
        now = self._groups.get(tenant_id, name)
        return answer({"group": await self._whole(tenant_id, now) if now else None}, revision=revision)

    async def delete(self, request: web.Request) -> web.Response:
        """Nobody is in it any more, nor is it inside other groups. Applications go on naming it: `applications`."""
        caller, tenant_id = request[CALLER], request[CALLER].tenant.id
        name = name_of(request)
        known = self._groups.get(tenant_id, name)
        if known is None:
            raise Refused("not_found", "There is no such group.")
        await self._services.configuration.set_members(tenant_id, name, lambda there: set(), caller.author)
        revision = await self._groups.delete(tenant_id, name, caller.author)
        log.info("group deleted", extra=ids(tenant=tenant_id, name=name, by=caller.user.id))
        applications = list(self._groups.applications(tenant_id, name))
        return answer({"users": known.users, "applications": applications}, revision=revision)

    def _members(self, tenant_id: str, name: str, fields: Fields) -> Members | None:
        """Who shall be in it: exactly `users`, or whoever is with `add_users` and without `remove_users`."""
        if fields.has("users"):
            users = self._named(tenant_id, name, fields, "users")
            return lambda there: users
        added = self._named(tenant_id, name, fields, "add_users") if fields.has("add_users") else set()
        gone = self._named(tenant_id, name, fields, "remove_users") if fields.has("remove_users") else set()
        return (lambda there: (there | added) - gone) if added or gone else None

    def _named(self, tenant_id: str, group: str, fields: Fields, field: str) -> set[str]:
        """Raises InvalidInput naming the user that is not there, or is in too many groups."""
        rule = "the name of a user"
        names = fields.texts(field, lambda text: 0 < len(text) <= 256, rule, most=MOST_USERS)
        members: set[str] = set()
        for index, each in enumerate(names):
            user = self._services.identity.users.by_name(tenant_id, each)
            if user is None:
                raise InvalidInput(f"{field}[{index}]", rule)
            if field != "remove_users" and len(user.groups | {group}) > MAXIMUM_GROUPS:
                raise InvalidInput(f"{field}[{index}]", f"a user in at most {MAXIMUM_GROUPS} groups")
            members.add(user.id)
        return members

    async def _whole(self, tenant_id: str, known: Known) -> dict[str, Any]:
        name = known.group.name
        outer = [each.group.name for each in self._groups.list(tenant_id) if name in each.group.groups]
        return {
            **group_view(known),
            "users": list(await self._groups.user_names(tenant_id, name)),
            "inside": outer,
            "applications": list(self._groups.applications(tenant_id, name)),
        }


def group_view(known: Known) -> dict[str, Any]:
    return {**known.group.to_json(), "user_count": known.users, "revision": known.revision}


def _changed(group: Group, fields: Fields) -> Group:
    """Raises InvalidInput."""
    if fields.has("description"):
        text = fields.raw("description")
        if not isinstance(text, str) or len(text) > LONGEST_DESCRIPTION or not text.isprintable():
            raise InvalidInput("description", f"one line of at most {LONGEST_DESCRIPTION} characters")
        group = replace(group, description=text.strip())
    if fields.has("members"):
        members = fields.nested("members")
        inner = members.texts("groups", is_fit_group, GROUP_RULE, most=MAXIMUM_INNER)
        members.finish()
        group = replace(group, groups=frozenset(inner))
    return group
