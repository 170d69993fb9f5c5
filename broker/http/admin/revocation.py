"""Taking rights back: sign a user out everywhere, end an orphan, panic. All of it works without the grid."""

from __future__ import annotations

import logging
from typing import Any

from aiohttp import web

from broker.http.body import read_fields
from broker.http.middleware import CALLER, Caller, Needs, route
from broker.http.services import PublicServices
from broker.http.views import answer
from broker.peers.message import Orphan
from portcullis.errors import InvalidInput, Refused
from portcullis.logs import ids

log = logging.getLogger(__name__)

ORPHANS = "/api/v1/admin/orphans"


class RevocationRoutes:
    def __init__(self, services: PublicServices) -> None:
        self._services = services

    def routes(self) -> list[web.RouteDef]:
        always = {"repeatable": True, "without_grid": True}
        sign_out = "/api/v1/admin/users/{name}/sign-out"
        return [
            route("POST", sign_out, Needs("users.write"), self.sign_out, **always),
            route("POST", "/api/v1/admin/panic", Needs("platform.panic"), self.panic, **always),
            route("GET", ORPHANS, Needs("sessions.read"), self.orphans),
            route("DELETE", ORPHANS + "/{name}/{session}", Needs("sessions.end"), self.end_orphan, **always),
        ]

    async def sign_out(self, request: web.Request) -> web.Response:
        caller = request[CALLER]
        (await read_fields(request)).finish()
        user = self._services.identity.users.by_name(caller.tenant.id, request.match_info["name"])
        if user is None:
            raise Refused("not_found", "There is no such user.")
        held = self._services.identity.authority.permissions(caller.tenant.id, user)
        caller.check_covers(held, "This user may do more than you.")
        merged = await self._services.acts.sign_out(caller.tenant.id, user, caller.author)
        names = ids(tenant=caller.tenant.id, user=user.id, by=caller.user.id)
        log.info("user signed out everywhere", extra=names)
        return answer({"user": {"id": user.id, "name": user.name}, "merged": merged})

    async def panic(self, request: web.Request) -> web.Response:
        caller = request[CALLER]
        fields = await read_fields(request)
        confirmed = fields.text("confirm", "the name of the site", longest=256)
        api_tokens = fields.flag("api_tokens", default=False)
        fields.finish()
        if confirmed != self._services.identity.tenants.site().name:
            raise InvalidInput("confirm", "the name of the site")
        merged = await self._services.acts.panic(caller.author, api_tokens=api_tokens)
        return answer({"merged": merged, "epoch": self._services.identity.tenants.epoch()})

    async def orphans(self, request: web.Request) -> web.Response:
        """Of the tenant; all, for who sees the whole site: an orphan's tenant may be gone as well."""
        caller = request[CALLER]
        everybodys = caller.may("platform.site.read")
        found = [one for one in self._found(caller) if everybodys or one.tenant == caller.tenant.id]
        return answer({"items": [self._view(one) for one in sorted(set(found), key=_order)]})

    async def end_orphan(self, request: web.Request) -> web.Response:
        caller = request[CALLER]
        name, session_id = request.match_info["name"], request.match_info["session"]
        hosts = {host.id for host in self._services.hosts.list() if name in (host.id, host.name)}
        found = [one for one in self._found(caller) if one.host in hosts and one.session == session_id]
        if not found:
            raise Refused("session_unknown", "No host reports such a session without a record.")
        if found[0].tenant != caller.tenant.id:
            caller.check("platform.hosts.write", "The session is another tenant's.")
        merged = await self._services.acts.end_session(found[0].tenant, session_id, caller.author)
        names = ids(tenant=found[0].tenant, session=session_id, host=found[0].host, by=caller.user.id)
        log.info("orphan is ended", extra=names)
        return answer({"merged": merged}, 202)

    def _found(self, caller: Caller) -> list[Orphan]:
        """Hosts say this themselves. None speaks for a tenant that it does not serve, nor of a session that has its
        record: ending that one would end it where it really runs.
        """
        tenants = {host.id: host.tenants for host in self._services.hosts.list()}
        return [
            one
            for one in self._services.orphans()
            if (caller.may("platform.site.read") or one.tenant in tenants.get(one.host, ()))
            and self._services.sessions.get(one.tenant, one.session) is None
        ]

    def _view(self, orphan: Orphan) -> dict[str, Any]:
        host = self._services.hosts.get(orphan.host)
        tenant = self._services.identity.tenants.get(orphan.tenant)
        return {
            "host": host.name if host else orphan.host,
            "session": orphan.session,
            "tenant": tenant.name if tenant else orphan.tenant,
            "state": orphan.state,
        }


def _order(orphan: Orphan) -> tuple[str, str]:
    return orphan.host, orphan.session
