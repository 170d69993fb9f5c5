"""Scheduled test launches, and how they went (docs/simulation.md, Probes)."""

from __future__ import annotations

import logging
from typing import Any

from aiohttp import web

from broker.audit.event import Object
from broker.http.access import CALLER, Needs, route
from broker.http.audited import audited
from broker.http.body import read_fields
from broker.http.services import PublicServices
from broker.http.views import answer
from broker.identity.users import MAXIMUM_GROUPS, new_user
from broker.probes.result import DEFAULT_SECONDS, LONGEST_SECONDS, SHORTEST_SECONDS, Probe, Result
from portcullis import reasons
from portcullis.errors import InvalidInput, Refused
from portcullis.logs import ids
from portcullis.model.application import Application
from portcullis.model.names import GROUP_RULE, NAME_RULE, is_fit_group

log = logging.getLogger(__name__)

PATH = "/api/v1/admin/probes"
ACCOUNTS_PATH = "/api/v1/admin/probe-accounts"
LONGEST_NAME = 256
_NO_PROBE = "No probe is set for this application."
MOST = 200
"""Of a tenant: each is a launch every few minutes."""


class ProbeRoutes:
    def __init__(self, services: PublicServices) -> None:
        self._services = services

    def routes(self) -> list[web.RouteDef]:
        one = PATH + "/{name}"
        return [
            route("GET", PATH, Needs("probes.read"), self.list),
            route("GET", one, Needs("probes.read"), self.show),
            route("PUT", one, Needs("probes.write"), self.change),
            route("DELETE", one, Needs("probes.write"), self.delete, repeatable=True),
            route("POST", ACCOUNTS_PATH, Needs("users.write"), self.make_account),
        ]

    async def list(self, request: web.Request) -> web.Response:
        tenant_id = request[CALLER].tenant.id
        results = await self._services.probe_results.of_tenant(tenant_id)
        views = [
            self._view(tenant_id, probe, results.get(probe.application_id))
            for probe in self._services.probes.list(tenant_id)
        ]
        return answer({"items": sorted(views, key=lambda view: str(view["application"]).casefold())})

    async def show(self, request: web.Request) -> web.Response:
        tenant_id, application = request[CALLER].tenant.id, self._application(request)
        probe = self._services.probes.get(tenant_id, application.id)
        if probe is None:
            raise Refused("not_found", _NO_PROBE)
        results = await self._services.probe_results.of_tenant(tenant_id)
        return answer({"probe": self._view(tenant_id, probe, results.get(application.id))})

    async def change(self, request: web.Request) -> web.Response:
        """Whoever has a probe act as somebody must be allowed all that they are."""
        caller, application = request[CALLER], self._application(request)
        fields = await read_fields(request)
        name = fields.text("user", "the name of the user that the probe acts as", longest=LONGEST_NAME)
        every = fields.integer("every_seconds", SHORTEST_SECONDS, LONGEST_SECONDS, DEFAULT_SECONDS)
        fields.finish()
        if application.desktop is not None:
            raise InvalidInput(
                "application", "a program or a server: at a desktop somebody would be asked each time"
            )
        user = self._services.identity.users.by_name(caller.tenant.id, name)
        if user is None:
            raise InvalidInput("user", "the name of a user")
        caller.check_covers(self._services.identity.authority.permissions(caller.tenant.id, user))
        known = self._services.probes.list(caller.tenant.id)
        if len(known) >= MOST and application.id not in {probe.application_id for probe in known}:
            raise Refused("invalid_request", f"There are {MOST} probes already.")
        probe = Probe(application.id, user.id, every)
        revision = await self._services.probes.put(caller.tenant.id, probe, caller.author)
        log.info(
            "probe set", extra=ids(tenant=caller.tenant.id, application=application.id, by=caller.user.id)
        )
        await self._services.snapshot.until(revision)
        return answer({"probe": self._view(caller.tenant.id, probe, None)}, revision=revision)

    async def delete(self, request: web.Request) -> web.Response:
        """Also of an application that is gone: its id names it then."""
        caller, name = request[CALLER], request.match_info["name"]
        application = self._services.applications.by_name(caller.tenant.id, name)
        application_id = application.id if application else name
        if self._services.probes.get(caller.tenant.id, application_id) is None:
            raise Refused("not_found", _NO_PROBE)
        revision = await self._services.probes.delete(caller.tenant.id, application_id, caller.author)
        await self._services.snapshot.until(revision)
        return answer({}, revision=revision)

    async def make_account(self, request: web.Request) -> web.Response:
        """It holds no permission, whatever its maker holds."""
        caller = request[CALLER]
        fields = await read_fields(request)
        name = fields.text("name", NAME_RULE, longest=LONGEST_NAME)
        groups = fields.texts("groups", is_fit_group, GROUP_RULE, most=MAXIMUM_GROUPS)
        fields.finish()
        user = new_user(name, groups=groups)
        audited(request, object=Object("user", name=user.name))
        made, revision = await self._services.probe_accounts.make(caller.tenant.id, user, caller.author)
        log.info(
            "account for probes made", extra=ids(tenant=caller.tenant.id, user=made.id, by=caller.user.id)
        )
        await self._services.snapshot.until(revision)
        view = {"id": made.id, "name": made.name, "groups": sorted(made.groups)}
        return answer({"user": view}, status=201, revision=revision)

    def _application(self, request: web.Request) -> Application:
        found = self._services.applications.by_name(request[CALLER].tenant.id, request.match_info["name"])
        if found is None:
            raise Refused("not_found", "There is no such application.")
        return found

    def _view(self, tenant_id: str, probe: Probe, result: Result | None) -> dict[str, Any]:
        """`state` is `waiting` until there is a result."""
        application = self._services.applications.get(tenant_id, probe.application_id)
        user = self._services.identity.users.get(tenant_id, probe.user_id)
        return {
            "application": application.name if application else probe.application_id,
            "application_id": probe.application_id,
            "user": user.name if user else None,
            "every_seconds": probe.every_seconds,
            "state": result.state if result else "waiting",
            "remedy": reasons.remedy(result.code, sees_steps=True) if result and result.code else None,
            "last": result.to_json() if result else None,
        }
