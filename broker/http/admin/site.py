"""The site as `portcullis doctor` asks for it: what runs in which version, and what was left open."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

from aiohttp import web

from broker.http.middleware import CALLER, Caller, Needs, route
from broker.http.services import PublicServices
from broker.http.views import answer
from portcullis.model.host import JoinToken


class SiteRoutes:
    def __init__(self, services: PublicServices) -> None:
        self._services = services

    def routes(self) -> list[web.RouteDef]:
        return [route("GET", "/api/v1/admin/site", Needs("status.read"), self.show)]

    async def show(self, request: web.Request) -> web.Response:
        tenant_id = request[CALLER].tenant.id
        return answer(
            {
                "time": self._services.clock.now(),
                "version": version("portcullis"),
                "brokers": self._brokers(),
                "host_versions": self._host_versions(tenant_id),
                "join_tokens": self._join_tokens(request[CALLER]),
                "first_passwords": self._first_passwords(tenant_id),
            }
        )

    def _brokers(self) -> list[dict[str, Any]]:
        live = self._services.snapshot.list("site", "live", "broker")
        return [
            {"address": str(record.value["address"]), "version": str(record.value.get("version", ""))}
            for record in sorted(live, key=lambda record: str(record.value["address"]))
        ]

    def _host_versions(self, tenant_id: str) -> dict[str, str]:
        hosts = (host for host in self._services.hosts.list() if tenant_id in host.tenants)
        live = {host.id: self._services.hosts.live(host.id) for host in hosts}
        return {host_id: found.version for host_id, found in live.items() if found is not None}

    def _join_tokens(self, caller: Caller) -> list[dict[str, Any]]:
        """Never their text. Those of gateways concern whoever runs the site."""
        records = self._services.snapshot.list("site", "join")
        tokens = [JoinToken.from_json(record.value) for record in records]
        gateways_too = caller.may("platform.site.read")
        return [
            {"role": token.role, "name": token.name, "expires": token.expires}
            for token in sorted(tokens, key=lambda token: token.expires)
            if caller.tenant.id in token.tenants or (gateways_too and token.role == "gateway")
        ]

    def _first_passwords(self, tenant_id: str) -> list[str]:
        return sorted(
            user.name for user in self._services.identity.users.list(tenant_id) if user.first_password
        )
