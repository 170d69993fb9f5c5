"""What a user may launch, and what of it runs."""

from __future__ import annotations

from aiohttp import web

from broker.http.middleware import CALLER, Policy, route
from broker.http.services import PublicServices
from broker.http.views import answer, session_view, tile_view
from broker.repositories.policy_index import PolicyIndex
from portcullis.model.host import Isolation


class CatalogueRoutes:
    def __init__(self, services: PublicServices) -> None:
        self._services = services

    def routes(self) -> list[web.RouteDef]:
        return [route("GET", "/api/v1/catalogue", Policy.USER, self.show)]

    async def show(self, request: web.Request) -> web.Response:
        caller, services = request[CALLER], self._services
        groups = services.snapshot.index(PolicyIndex).groups(caller.tenant.id, caller.user)
        applications = [
            application
            for application in services.applications.list(caller.tenant.id)
            if not application.disabled and application.entitlement.admits(caller.user.name, groups)
        ]
        running = [
            session
            for session in services.sessions.of_user(caller.tenant.id, caller.user.id)
            if session.state != "ending"
        ]
        running.sort(key=lambda session: session.created)
        return answer(
            {
                "applications": [tile_view(application) for application in applications],
                "sessions": [
                    session_view(session, services.applications, services.hosts) for session in running
                ],
                "isolation": self._isolation(caller.tenant.id),
            }
        )

    def _isolation(self, tenant_id: str) -> Isolation:
        """The weakest of the hosts that may run the tenant's sessions: people are told."""
        hosts = [
            host for host in self._services.hosts.list() if tenant_id in host.tenants and not host.revoked
        ]
        return "none" if any(host.isolation == "none" for host in hosts) else "accounts"
