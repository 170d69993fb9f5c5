"""What a user may launch, and what of it runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from aiohttp import web

from broker.http.middleware import CALLER, Caller, Policy, route
from broker.http.services import PublicServices
from broker.http.views import answer, asked_view, desktop_view, session_view, tile_view
from broker.repositories.policy_index import PolicyIndex
from portcullis.model.application import Application
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
                "applications": await self._tiles(caller, applications),
                "sessions": [
                    session_view(session, services.applications, services.hosts) for session in running
                ],
                "isolation": self._isolation(caller.tenant.id),
            }
        )

    async def _tiles(self, caller: Caller, applications: Sequence[Application]) -> list[dict[str, Any]]:
        """Of one that shows a server also whether its user will be asked for something."""
        kept: frozenset[tuple[str, str]] = frozenset()
        if any(each.rdp is not None and each.rdp.credentials == "vault" for each in applications):
            found = await self._services.vault.list(caller.tenant.id, caller.user.id)
            kept = frozenset((each.application_id, each.destination) for each in found)
        return [
            {**tile_view(each), **asked_view(each, caller.user.name, kept), **desktop_view(each)}
            for each in applications
        ]

    def _isolation(self, tenant_id: str) -> Isolation:
        """The weakest of the hosts that may run the tenant's sessions: people are told."""
        hosts = [
            host for host in self._services.hosts.list() if tenant_id in host.tenants and not host.revoked
        ]
        return "none" if any(host.isolation == "none" for host in hosts) else "accounts"
