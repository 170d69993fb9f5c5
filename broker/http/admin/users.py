"""Users of the tenant. No secret of theirs is ever here: an administrator hands on the link by which they enrol."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from aiohttp import web

from broker.audit.event import Object
from broker.grid.grid import GridUnavailable
from broker.grid.scopes import Condition, Record
from broker.http.admin.listing import listed_records
from broker.http.admin.policies import expected_revision
from broker.http.audited import audited
from broker.http.body import Fields, read_fields
from broker.http.middleware import CALLER, Caller, Needs, route
from broker.http.services import PublicServices
from broker.http.views import answer, done, user_view
from broker.identity.accounts import Changes, Issued
from broker.identity.lockout import Attempts
from broker.identity.users import MAXIMUM_GROUPS, account_state, new_user
from broker.repositories.tables import UserTable
from portcullis.errors import InvalidInput, Refused
from portcullis.logs import ids
from portcullis.model.names import GROUP_RULE, NAME_RULE, is_fit_group
from portcullis.model.roles import ENROL, PERMISSIONS
from portcullis.model.user import User

log = logging.getLogger(__name__)

PATH = "/api/v1/admin/users"
_ROLE_RULE = "the name of a role: user, administrator, help_desk, auditor or one of your own"


class UserRoutes:
    def __init__(self, services: PublicServices) -> None:
        self._services = services
        self._accounts = services.identity.accounts

    def routes(self) -> list[web.RouteDef]:
        user = PATH + "/{name}"
        return [
            route("GET", PATH, Needs("users.read"), self.list),
            route("POST", PATH, Needs(ENROL), self.invite),
            route("PUT", user, Needs("users.write"), self.change),
            route("POST", user + "/reset", Needs(ENROL), self.reset),
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

    async def list(self, request: web.Request) -> web.StreamResponse:
        tenant_id, snapshot = request[CALLER].tenant.id, self._services.snapshot

        async def views(records: Sequence[Record]) -> list[dict[str, Any]]:
            users = [User.from_json(record.value) for record in records]
            attempts = await self._attempts(tenant_id, [user.id for user in users])
            return [self._view(tenant_id, user, attempts.get(user.id, {})) for user in users]

        return await listed_records(request, snapshot.index(UserTable), tenant_id, views, snapshot.revision)

    async def invite(self, request: web.Request) -> web.Response:
        caller = request[CALLER]
        caller.check("users.write")
        fields = await read_fields(request)
        name = fields.text("name", NAME_RULE, longest=256)
        groups = fields.texts("groups", is_fit_group, GROUP_RULE, most=MAXIMUM_GROUPS)
        role = self._role(fields, caller) or "user"
        platform = _platform(fields, caller) or False
        fields.finish()
        user = new_user(name, groups=groups, role=role, platform=platform)
        audited(request, object=Object("user", name=user.name))
        await self._stay_platform(caller, platform)
        issued = await self._accounts.invite(caller.tenant.id, user, caller.author)
        return await self._issued(request, issued, "user invited", 201)

    async def change(self, request: web.Request) -> web.Response:
        """What is not named stays as it is."""
        caller, name = request[CALLER], request.match_info["name"]
        fields = await read_fields(request)
        role = self._role(fields, caller)
        groups = None
        if fields.has("groups"):
            groups = frozenset(fields.texts("groups", is_fit_group, GROUP_RULE, most=MAXIMUM_GROUPS))
        wanted = Changes(groups, role, _platform(fields, caller), expected_revision(fields))
        fields.finish()
        self._check_reach(caller, name)
        relied_on = await self._relied_on(caller, role)
        await self._stay_platform(caller, wanted.platform)
        try:
            user, revision = await self._accounts.change(
                caller.tenant.id, name, wanted, caller.author, relied_on
            )
        except Refused as refused:
            raise await self._with_current(caller.tenant.id, name, refused) from refused
        await self._services.snapshot.until(revision)
        what = ids(tenant=caller.tenant.id, user=user.id, role=user.role, by=caller.user.id)
        log.info("user changed", extra=what)
        return answer({"user": await self._shown(caller.tenant.id, user)}, revision=revision)

    async def reset(self, request: web.Request) -> web.Response:
        caller = request[CALLER]
        (await read_fields(request)).finish()
        self._check_reach(caller, request.match_info["name"])
        issued = await self._accounts.reset(caller.tenant.id, request.match_info["name"], caller.author)
        return await self._issued(request, issued, "user reset", 200)

    async def disable(self, request: web.Request) -> web.Response:
        """Also without the grid: then the record follows when it is back (`merged`)."""
        caller = request[CALLER]
        (await read_fields(request)).finish()
        name = request.match_info["name"]
        self._check_reach(caller, name)
        user, merged = await self._services.acts.disable(caller.tenant.id, name, caller.author)
        return await self._changed(request, replace(user, disabled=True), {"merged": merged})

    async def enable(self, request: web.Request) -> web.Response:
        caller, name = request[CALLER], request.match_info["name"]
        (await read_fields(request)).finish()
        self._check_reach(caller, name)
        user, revision = await self._accounts.set_disabled(caller.tenant.id, name, False, caller.author)
        await self._services.snapshot.until(revision)
        return await self._changed(request, user, {})

    async def delete(self, request: web.Request) -> web.Response:
        """Their sessions are logged off; a session that ends by itself meanwhile is no trouble."""
        caller = request[CALLER]
        tenant_id = caller.tenant.id
        self._check_reach(caller, request.match_info["name"])
        user, revision = await self._accounts.delete(tenant_id, request.match_info["name"], caller.author)
        await self._services.snapshot.until(revision)
        for session in self._services.sessions.of_user(tenant_id, user.id):
            try:
                await self._services.lifecycle.log_off(tenant_id, session.id, by=caller.user.id)
            except Refused as gone:
                log.info("a session ended by itself: %s", gone.code, extra=ids(session=session.id))
        log.info("user deleted", extra=ids(tenant=tenant_id, user=user.id, by=caller.user.id))
        return done(revision)

    def _check_reach(self, caller: Caller, name: str) -> None:
        """Who may do more than the caller is out of reach: to reset them would be to become them. Raises
        Refused("not_permitted").
        """
        user = self._services.identity.users.by_name(caller.tenant.id, name)
        if user is not None and user.id != caller.user.id:
            held = self._services.identity.authority.permissions(caller.tenant.id, user)
            caller.check_covers(held, "This user may do more than you.")

    def _role(self, fields: Fields, caller: Caller) -> str | None:
        """As it is written in the tenant; None where none is named. Raises InvalidInput, Refused."""
        if not fields.has("role"):
            return None
        name = fields.text("role", _ROLE_RULE, longest=256)
        role = self._services.identity.roles.get(caller.tenant.id, name)
        if role is None:
            raise InvalidInput(fields.name("role"), _ROLE_RULE)
        caller.check_covers(role.permissions, "This role allows more than you may do yourself.")
        return role.name

    async def _stay_platform(self, caller: Caller, platform: bool | None) -> None:
        """Who is a platform administrator because nobody else is one, is one by their record before another one is."""
        if platform and not caller.user.platform:
            home = caller.home or caller.tenant
            by_record = Changes(platform=True)
            _, revision = await self._accounts.change(home.id, caller.user.name, by_record, caller.author)
            await self._services.snapshot.until(revision)

    async def _relied_on(self, caller: Caller, role: str | None) -> Sequence[Condition]:
        """That the role that is given is still the one that was judged."""
        roles = self._services.identity.roles
        return () if role is None else await roles.unchanged(caller.tenant.id, role)

    async def _changed(self, request: web.Request, user: User, more: dict[str, Any]) -> web.Response:
        caller = request[CALLER]
        log.info(
            "user %s",
            "disabled" if user.disabled else "enabled",
            extra=ids(tenant=caller.tenant.id, user=user.id, by=caller.user.id),
        )
        view = await self._shown(caller.tenant.id, user)
        return answer({"user": view, **more}, revision=self._services.snapshot.revision)

    async def _issued(self, request: web.Request, issued: Issued, event: str, status: int) -> web.Response:
        caller, user = request[CALLER], issued.user
        await self._services.snapshot.until(issued.revision)
        log.info(event, extra=ids(tenant=caller.tenant.id, user=user.id, role=user.role, by=caller.user.id))
        origin = self._services.origin_of(caller.tenant)
        enrolment = {"link": issued.link(origin), "expires": user.link_expires}
        view = self._view(caller.tenant.id, user, {})
        return answer({"user": view, "enrolment": enrolment}, status, issued.revision)

    async def _attempts(self, tenant_id: str, user_ids: Sequence[str]) -> dict[str, dict[str, Any]]:
        """None while the grid does not answer: who is there is known all the same."""
        if not self._services.health.writable:
            return {}
        try:
            return await self._services.identity.attempts.of_users(tenant_id, user_ids)
        except GridUnavailable as exc:
            log.warning("users are listed without their failures: %s", exc, extra=ids(tenant=tenant_id))
            return {}

    async def _with_current(self, tenant_id: str, name: str, refused: Refused) -> Refused:
        """What the user is meanwhile, for who wrote over it."""
        user = self._services.identity.users.by_name(tenant_id, name)
        if refused.code != "changed_meanwhile" or user is None:
            return refused
        return Refused(refused.code, current=await self._shown(tenant_id, user))

    async def _shown(self, tenant_id: str, user: User) -> dict[str, Any]:
        attempts = await self._attempts(tenant_id, [user.id])
        return self._view(tenant_id, user, attempts.get(user.id, {}))

    def _view(self, tenant_id: str, user: User, attempts: dict[str, Any]) -> dict[str, Any]:
        record = self._services.identity.users.record(tenant_id, user.id)
        state = account_state(user, Attempts.from_json(attempts), self._services.clock.now())
        return user_view(user, state, record.mod_revision if record else 0)


def _platform(fields: Fields, caller: Caller) -> bool | None:
    """Whether they shall be a platform administrator: another one says so. Raises InvalidInput, Refused."""
    if not fields.has("platform"):
        return None
    platform = fields.flag("platform", default=False)
    caller.check_covers(frozenset(PERMISSIONS), "Only a platform administrator makes or unmakes another one.")
    return platform
