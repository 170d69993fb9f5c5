"""Tenants of the site, for platform administrators: made, changed, suspended, deleted.

Nothing in a tenant is seen here, only the tenant itself and how much there is of it: who wants to see more enters it
(`entry.py`). Nobody suspends or deletes the tenant that they belong to.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Any

from aiohttp import web

from broker.http.admin.listing import listed
from broker.http.body import Fields, parse_object, read_body, read_fields
from broker.http.middleware import CALLER, Needs, route
from broker.http.platform.tenant_form import Settings, parse_settings
from broker.http.platform.tenant_view import platform_view
from broker.http.services import PublicServices
from broker.http.views import answer
from broker.identity.accounts import Issued
from broker.identity.users import new_user
from broker.repositories.host_names import host_name_of
from broker.repositories.icons import Icon
from portcullis.errors import InvalidInput, Refused
from portcullis.ids import new_id
from portcullis.logs import ids
from portcullis.model.names import NAME_RULE, is_fit_name
from portcullis.model.tenant import Tenant

log = logging.getLogger(__name__)

PATH = "/api/v1/platform/tenants"


class TenantRoutes:
    def __init__(self, services: PublicServices) -> None:
        self._services = services
        self._identity = services.identity
        self._keeper = services.tenants

    def routes(self) -> list[web.RouteDef]:
        one, reads, writes = PATH + "/{name}", Needs("platform.tenants.read"), Needs("platform.tenants.write")
        return [
            route("GET", PATH, reads, self.list),
            route("GET", one, reads, self.show),
            route("PUT", one, writes, self.put),
            route("DELETE", one, writes, self.delete, repeatable=True),
            route("POST", one + "/suspend", writes, self.suspend, repeatable=True),
            route("POST", one + "/resume", writes, self.resume, repeatable=True),
        ]

    async def list(self, request: web.Request) -> web.StreamResponse:
        tenants = sorted(self._identity.tenants.list(), key=lambda tenant: tenant.name.casefold())
        items = [self._view(request, tenant) for tenant in tenants]
        return await listed(request, items, self._services.snapshot.revision)

    async def show(self, request: web.Request) -> web.Response:
        return answer(self._view(request, self._named(request)))

    async def put(self, request: web.Request) -> web.Response:
        """Created with `administrator`, whose enrolment link is answered once; else changed."""
        fields = await read_fields(request)
        name = request.match_info["name"]
        if not is_fit_name(name):
            raise InvalidInput("name", NAME_RULE)
        expected = fields.integer("revision", 0, 2**62) if fields.has("revision") else None
        administrator = fields.optional_text("administrator", NAME_RULE, longest=256)
        settings = parse_settings(fields, whole=True)
        fields.finish()
        known = self._identity.tenants.by_name(name)
        self._check_host_names(settings.apply(Tenant("", name)).host_names)
        if known is None:
            return await self._create(request, name, settings, administrator)
        self._check_revision(request, known, expected)
        changed, revision = await change_settings(self._services, known, settings, request[CALLER].author)
        link = await self._invite(request, changed, administrator)
        log.info("tenant changed", extra=ids(tenant=changed.id, by=request[CALLER].user.id))
        outcome = "unchanged" if changed == known and not link else "changed"
        return answer({"tenant": self._view(request, changed), "outcome": outcome, **link}, revision=revision)

    async def suspend(self, request: web.Request) -> web.Response:
        """New sign-ins and launches are refused at once; sessions are logged off, logins are over."""
        (await read_fields(request)).finish()
        tenant = self._of_others(request)
        written = await self._set_suspended(request, tenant, True)
        await self._keeper.settle(tenant.id)
        return answer({"tenant": self._view(request, written)}, revision=self._services.snapshot.revision)

    async def resume(self, request: web.Request) -> web.Response:
        (await read_fields(request)).finish()
        written = await self._set_suspended(request, self._named(request), False)
        return answer({"tenant": self._view(request, written)}, revision=self._services.snapshot.revision)

    async def delete(self, request: web.Request) -> web.Response:
        """The name must be said twice. Its sessions end, then its data key and all its records are destroyed."""
        body = await read_body(request)
        fields = Fields(parse_object(body or b"{}"))
        confirmed = fields.optional_text("confirm", "the name of the tenant", longest=256)
        fields.finish()
        tenant = self._of_others(request)
        if (confirmed or request.query.get("confirm")) != tenant.name:
            raise InvalidInput("confirm", f"the name of the tenant that is to be deleted, {tenant.name}")
        await self._keeper.records.leave(tenant.id, request[CALLER].author)
        log.warning("tenant deleted", extra=ids(tenant=tenant.id, by=request[CALLER].user.id))
        deleted = await self._keeper.settle(tenant.id)
        return answer({"deleted": deleted}, 200 if deleted else 202, self._services.snapshot.revision)

    async def _create(
        self, request: web.Request, name: str, settings: Settings, administrator: str | None
    ) -> web.Response:
        if administrator is None:
            raise InvalidInput("administrator", "the name of the first administrator of a new tenant")
        new_user(administrator)
        caller = request[CALLER]
        await self._stay_platform(request)
        tenant = settings.apply(Tenant(new_id(), name))
        without_logo = replace(tenant, theme=replace(tenant.theme, logo=None))
        await self._keeper.records.create(without_logo, caller.author)
        tenant, _ = await change_settings(self._services, without_logo, settings, caller.author)
        link = await self._invite(request, tenant, administrator)
        log.info("tenant created", extra=ids(tenant=tenant.id, by=caller.user.id))
        answered = {"tenant": self._view(request, tenant), "outcome": "created", **link}
        return answer(answered, 201, self._services.snapshot.revision)

    async def _stay_platform(self, request: web.Request) -> None:
        """The administrator of a site that was made before there were platform administrators counts as one while it
        has one tenant: from now on by their record.
        """
        caller = request[CALLER]
        if not caller.user.platform:
            user = replace(caller.user, platform=True)
            home = caller.home or caller.tenant
            revision = await self._identity.users.replace(home.id, user, caller.author)
            await self._services.snapshot.until(revision)

    async def _invite(
        self, request: web.Request, tenant: Tenant, administrator: str | None
    ) -> dict[str, Any]:
        """The first administrator, of a tenant without users alone: into any other one somebody has to go."""
        if administrator is None or self._services.snapshot.count(tenant.id, "user"):
            return {}
        user = new_user(administrator, role="administrator")
        accounts = self._identity.accounts
        issued: Issued = await accounts.invite(tenant.id, user, request[CALLER].author)
        await self._services.snapshot.until(issued.revision)
        link = issued.link(self._services.origin_of(tenant))
        return {"enrolment": {"link": link, "expires": issued.user.link_expires}}

    async def _set_suspended(self, request: web.Request, tenant: Tenant, suspended: bool) -> Tenant:
        caller = request[CALLER]
        written = await self._keeper.records.change(
            tenant.id, lambda known: replace(known, suspended=suspended), caller.author
        )
        word = "suspended" if suspended else "resumed"
        log.warning("tenant %s", word, extra=ids(tenant=tenant.id, by=caller.user.id))
        return written.tenant

    def _check_revision(self, request: web.Request, tenant: Tenant, expected: int | None) -> None:
        """Raises Refused("changed_meanwhile") with what is there now."""
        view = self._view(request, tenant)
        if expected is not None and view["revision"] != expected:
            raise Refused("changed_meanwhile", current=view)

    def _check_host_names(self, names: tuple[str, ...]) -> None:
        """Under the site's own names people of every tenant sign in. Raises InvalidInput."""
        own = {host_name_of(origin) for origin in self._services.gateways.listed_origins()}
        for number, name in enumerate(names):
            if name in own:
                raise InvalidInput(f"host_names[{number}]", "a name that is not the site's own")

    def _named(self, request: web.Request) -> Tenant:
        tenant = self._identity.tenants.by_name(request.match_info["name"])
        if tenant is None:
            raise Refused("not_found", "There is no such tenant.")
        return tenant

    def _of_others(self, request: web.Request) -> Tenant:
        tenant, caller = self._named(request), request[CALLER]
        if tenant.id == (caller.home or caller.tenant).id:
            raise Refused("own_tenant")
        return tenant

    def _view(self, request: web.Request, tenant: Tenant) -> dict[str, Any]:
        return platform_view(self._services, tenant, request[CALLER].user.id)


async def change_settings(
    services: PublicServices, tenant: Tenant, settings: Settings, author: str
) -> tuple[Tenant, int]:
    """A new picture is kept before the record names it, an old one goes after. Raises Refused, InvalidInput."""
    if isinstance(settings.logo, Icon):
        await services.icons.put_logo(tenant.id, settings.logo, author)
    written = await services.tenants.records.change(tenant.id, settings.apply, author)
    before, now = tenant.theme.logo, written.tenant.theme.logo
    if before is not None and before != now:
        await services.icons.drop_logo(tenant.id, before)
    return written.tenant, written.revision
