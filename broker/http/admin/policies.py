"""Policies: what stands at each level, and what counts for somebody with where it came from (docs/policies.md)."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from broker.http.admin.listing import listed
from broker.http.body import Fields, read_fields
from broker.http.middleware import CALLER, Needs, route
from broker.http.named import name_of
from broker.http.services import PublicServices
from broker.http.views import answer, done
from broker.repositories.policies import Kept
from broker.repositories.policy_index import PolicyIndex
from portcullis.errors import InvalidInput, Refused
from portcullis.logs import ids
from portcullis.model.group import group_key
from portcullis.model.policy import (
    FIELDS,
    OF_TENANT,
    SETTABLE_LEVELS,
    Effective,
    LevelKind,
    Policy,
    parse_locked,
    parse_values,
)
from portcullis.model.user import User

log = logging.getLogger(__name__)

PATH = "/api/v1/admin/policies"
LARGEST_REVISION = 2**53
LISTED = ("level", "name", "values", "locked", "ineffective", "revision")


@dataclass(frozen=True, slots=True)
class Target:
    """What a policy is of. `name` as people write it."""

    level: LevelKind
    id: str
    name: str
    user: User | None = None


class PolicyRoutes:
    def __init__(self, services: PublicServices) -> None:
        self._services = services
        self._index = services.snapshot.index(PolicyIndex)

    def routes(self) -> list[web.RouteDef]:
        one = PATH + "/{level}/{name}"
        return [
            route("GET", PATH, Needs("policies.read"), self.list),
            route("GET", PATH + "/fields", Needs("policies.read"), self.fields),
            route("GET", PATH + "/effective", Needs("policies.read"), self.effective),
            route("GET", one, Needs("policies.read"), self.show),
            route("PUT", one, Needs("policies.write"), self.put),
            route("DELETE", one, Needs("policies.write"), self.delete),
        ]

    async def list(self, request: web.Request) -> web.StreamResponse:
        """Those of objects that are there, the most general first."""
        tenant_id = request[CALLER].tenant.id
        found = [
            (target, kept)
            for level, object_id, kept in self._services.policies.all(tenant_id)
            if (target := self._of_id(tenant_id, level, object_id)) is not None
        ]
        found.sort(key=lambda each: (SETTABLE_LEVELS.index(each[0].level), each[0].name.casefold()))
        items = [self._view(tenant_id, target, kept) for target, kept in found]
        return await listed(request, items, self._services.snapshot.revision, LISTED)

    async def fields(self, request: web.Request) -> web.Response:
        items = [
            {
                "name": field.name,
                "kind": field.kind,
                "default": field.default,
                "meaning": field.meaning,
                "expected": field.value.expected,
                "choices": list(field.value.choices),
            }
            for field in FIELDS.values()
        ]
        return answer({"items": items, "levels": list(SETTABLE_LEVELS)})

    async def effective(self, request: web.Request) -> web.Response:
        tenant_id = request[CALLER].tenant.id
        user = application = None
        if (name := request.query.get("user")) is not None:
            user = self._services.identity.users.by_name(tenant_id, name)
            if user is None:
                raise Refused("not_found", "There is no such user.")
        if (name := request.query.get("application")) is not None:
            application = self._services.applications.by_name(tenant_id, name)
            if application is None:
                raise Refused("not_found", "There is no such application.")
        values = self._index.effective(tenant_id, user, application)
        groups = sorted(self._index.groups(tenant_id, user)) if user else []
        return answer(
            {
                "user": user.name if user else None,
                "application": application.name if application else None,
                "groups": groups,
                "fields": [effective_view(name, each) for name, each in values.items()],
            }
        )

    async def show(self, request: web.Request) -> web.Response:
        tenant_id = request[CALLER].tenant.id
        target = self._target(request)
        kept = self._services.policies.get(tenant_id, target.level, target.id)
        return answer({"policy": self._view(tenant_id, target, kept)})

    async def put(self, request: web.Request) -> web.Response:
        """The whole of it: what is not named is not set any more."""
        target = self._target(request)
        fields = await read_fields(request)
        policy = Policy(parse_values(fields.raw("values", {})), parse_locked(fields.raw("locked", [])))
        revision = expected_revision(fields)
        fields.finish()
        return await self._put(request, target, policy, revision)

    async def delete(self, request: web.Request) -> web.Response:
        caller, target = request[CALLER], self._target(request)
        revision = await self._services.policies.put(
            caller.tenant.id, target.level, target.id, Policy(), caller.author
        )
        self._log(request, target, "deleted")
        return done(revision)

    async def _put(
        self, request: web.Request, target: Target, policy: Policy, expected: int | None
    ) -> web.Response:
        caller, policies = request[CALLER], self._services.policies
        tenant_id = caller.tenant.id
        try:
            revision = await policies.put(tenant_id, target.level, target.id, policy, caller.author, expected)
        except Refused as refused:
            if refused.code == "changed_meanwhile":
                kept = policies.get(tenant_id, target.level, target.id)
                raise Refused(refused.code, current=self._view(tenant_id, target, kept)) from refused
            raise
        self._log(request, target, "set")
        kept = policies.get(tenant_id, target.level, target.id)
        return answer({"policy": self._view(tenant_id, target, kept)}, revision=revision)

    def _target(self, request: web.Request) -> Target:
        """Raises Refused("not_found"): there is no such level, or nothing of that name."""
        tenant_id = request[CALLER].tenant.id
        level = request.match_info["level"]
        name = name_of(request) if level == "group" else request.match_info["name"]
        target = self._of_name(tenant_id, level, name)
        if target is None:
            raise Refused("not_found", f"There is no {level} of this name that could have a policy.")
        return target

    def _of_name(self, tenant_id: str, level: str, name: str) -> Target | None:
        match level:
            case "tenant":
                return Target("tenant", OF_TENANT, OF_TENANT) if name == OF_TENANT else None
            case "group":
                known = self._services.groups.get(tenant_id, name)
                return Target("group", group_key(name), name) if known else None
            case "application":
                application = self._services.applications.by_name(tenant_id, name)
                return Target("application", application.id, application.name) if application else None
            case "user":
                user = self._services.identity.users.by_name(tenant_id, name)
                return Target("user", user.id, user.name, user) if user else None
        return None

    def _of_id(self, tenant_id: str, level: LevelKind, object_id: str) -> Target | None:
        """None when the object is gone."""
        match level:
            case "tenant":
                return Target("tenant", OF_TENANT, OF_TENANT)
            case "group":
                name = self._services.groups.name_of(tenant_id, object_id)
                return Target("group", object_id, name) if name is not None else None
            case "application":
                application = self._services.applications.get(tenant_id, object_id)
                return Target("application", object_id, application.name) if application else None
            case "user":
                user = self._services.identity.users.get(tenant_id, object_id)
                return Target("user", object_id, user.name, user) if user else None
        return None

    def _view(self, tenant_id: str, target: Target, kept: Kept) -> dict[str, Any]:
        return {
            "level": target.level,
            "name": target.name,
            **kept.policy.to_json(),
            "ineffective": list(self._ineffective(tenant_id, target, kept.policy)),
            "revision": kept.revision,
        }

    def _ineffective(self, tenant_id: str, target: Target, policy: Policy) -> Iterator[dict[str, str]]:
        """Fields that it sets or locks and that a level above has locked for everybody, or for this user."""
        if target.level == "tenant":
            return
        above = self._index.effective(tenant_id, None, None)
        of_user = self._index.effective(tenant_id, target.user, None) if target.user else above
        for name in FIELDS:
            if name in policy.values or name in policy.locked:
                locked_by = above[name].locked_by or of_user[name].locked_by
                if locked_by is not None and locked_by != f"{target.level}:{target.name}":
                    yield {"field": name, "locked_by": locked_by}

    def _log(self, request: web.Request, target: Target, event: str) -> None:
        caller = request[CALLER]
        log.info(
            "policy %s",
            event,
            extra=ids(tenant=caller.tenant.id, level=target.level, name=target.name, by=caller.user.id),
        )


def effective_view(name: str, each: Effective) -> dict[str, Any]:
    return {
        "name": name,
        "value": each.value,
        "origin": each.origin,
        "locked_by": each.locked_by,
        "ignored": list(each.ignored),
        "meaning": FIELDS[name].meaning,
    }


def expected_revision(fields: Fields) -> int | None:
    """Of the object as the caller read it; absent: whatever it is by now. Raises InvalidInput."""
    raw = fields.raw("revision")
    if raw is None:
        return None
    if type(raw) is not int or not 0 <= raw < LARGEST_REVISION:
        raise InvalidInput(fields.name("revision"), "the revision of the object as it was read")
    return raw
