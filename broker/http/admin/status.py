"""The state of the whole site, and what is wrong with it. Site-wide: where there are several tenants it is nobody's."""

from __future__ import annotations

from aiohttp import web

from broker.http.middleware import Policy, route
from broker.http.services import PublicServices
from broker.http.views import answer
from broker.status.findings import findings
from broker.status.picture import to_json
from broker.status.watch import StatusWatch
from portcullis.errors import Refused


class StatusRoutes:
    def __init__(self, services: PublicServices, watch: StatusWatch) -> None:
        self._services = services
        self._watch = watch

    def routes(self) -> list[web.RouteDef]:
        return [route("GET", "/api/v1/admin/status", Policy.ADMINISTRATOR, self.show)]

    async def show(self, request: web.Request) -> web.Response:
        check_alone(self._services, "The state of the site concerns every tenant")
        picture = await self._watch.picture()
        return answer(to_json(picture, findings(picture)))


def check_alone(services: PublicServices, what: str) -> None:
    """What concerns the whole site is for whoever runs it. Raises Refused("not_permitted")."""
    if len(services.identity.tenants.list()) > 1:
        raise Refused("not_permitted", f"{what}: with several of them it is for whoever runs the site.")
