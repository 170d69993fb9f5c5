"""Who may start what: of an application its users, of a user or a group its applications."""

from __future__ import annotations

from collections.abc import Sequence

from aiohttp import web

from broker.http.admin.listing import MOST, parse_wanted
from broker.http.middleware import CALLER, Needs, route
from broker.http.services import PublicServices
from broker.http.views import answer
from broker.repositories.entitlements import Entitled, Entitlements
from broker.repositories.record_table import Wanted, fold
from portcullis.errors import InvalidInput, Refused

PATH = "/api/v1/admin/entitlements"
SIDES = ("application", "user", "group")


class EntitlementRoutes:
    def __init__(self, services: PublicServices) -> None:
        self._services = services
        self._entitlements = Entitlements(services.identity.users, services.snapshot)

    def routes(self) -> list[web.RouteDef]:
        return [route("GET", PATH, Needs("applications.read"), self.list)]

    async def list(self, request: web.Request) -> web.Response:
        """It tells users and their groups, too."""
        request[CALLER].check("users.read")
        wanted = parse_wanted(request, SIDES)
        if len(wanted.filters) != 1 or any(len(names) != 1 for names in wanted.filters.values()):
            raise InvalidInput("application", f"one of {', '.join(SIDES)}")
        ((side, (name,)),) = wanted.filters.items()
        items, total = await self._found(request[CALLER].tenant.id, side, name, wanted)
        revision = self._services.snapshot.revision
        body = {"items": [each.to_json() for each in items], "total": total, "revision": revision}
        return answer(body, revision=revision)

    async def _found(
        self, tenant_id: str, side: str, name: str, wanted: Wanted
    ) -> tuple[Sequence[Entitled], int]:
        limit = MOST if wanted.limit is None else wanted.limit
        if side == "application":
            application = self._services.applications.by_name(tenant_id, name)
            if application is None:
                raise Refused("not_found", "There is no such application.")
            return await self._entitlements.of_application(
                tenant_id, application, wanted.search, wanted.offset, limit
            )
        found = self._applications_of(tenant_id, side, name)
        needle = fold(wanted.search)
        found = [each for each in found if needle in fold(each.application)]
        return found[wanted.offset : wanted.offset + limit], len(found)

    def _applications_of(self, tenant_id: str, side: str, name: str) -> Sequence[Entitled]:
        if side == "group":
            if self._services.groups.get(tenant_id, name) is None:
                raise Refused("not_found", "There is no such group.")
            return self._entitlements.of_group(tenant_id, name)
        user = self._services.identity.users.by_name(tenant_id, name)
        if user is None:
            raise Refused("not_found", "There is no such user.")
        return self._entitlements.of_user(tenant_id, user)
