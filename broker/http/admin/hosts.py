"""The machines that serve the tenant: hosts, gateways, and the tokens by which hosts join."""

from __future__ import annotations

import ipaddress
import logging
from typing import Any

from aiohttp import web

from broker.audit.event import Object
from broker.http.admin.listing import listed
from broker.http.admin.policies import expected_revision
from broker.http.audited import audited
from broker.http.body import read_fields
from broker.http.middleware import CALLER, Needs, route
from broker.http.services import PublicServices
from broker.http.views import answer
from broker.live_brokers import LiveBrokers
from broker.pki.claims import parse_machine_name
from portcullis.errors import InvalidInput, Refused
from portcullis.logs import ids
from portcullis.model.host import Host, MachineRole
from portcullis.model.names import GROUP_RULE, is_fit_group
from portcullis.settings import Address

log = logging.getLogger(__name__)

MAXIMUM_GROUPS = 64
"""Of a host, and of those that an application names."""
_GATEWAY_RULE = (
    "Gateways serve every tenant: a platform administrator makes this token, or the operator by "
    "`portcullis-broker init --tokens`."
)


class MachineRoutes:
    def __init__(self, services: PublicServices) -> None:
        self._services = services

    def routes(self) -> list[web.RouteDef]:
        return [
            route("GET", "/api/v1/admin/hosts", Needs("hosts.read"), self.hosts),
            route("PUT", "/api/v1/admin/hosts/{name}", Needs("hosts.write"), self.change_host),
            route("GET", "/api/v1/admin/gateways", Needs("hosts.read"), self.gateways),
            route("POST", "/api/v1/admin/join-tokens", Needs("hosts.write"), self.join_token),
        ]

    async def hosts(self, request: web.Request) -> web.StreamResponse:
        tenant_id = request[CALLER].tenant.id
        hosts = sorted(self._services.hosts.list(), key=lambda host: host.name)
        items = [self._host(host, tenant_id) for host in hosts if tenant_id in host.tenants]
        return await listed(request, items, self._services.snapshot.revision)

    def _host(self, host: Host, tenant_id: str) -> dict[str, Any]:
        """Of the sessions that run there, the tenant's own are counted: others are none of its business."""
        return {
            "id": host.id,
            "name": host.name,
            "slots": host.slots,
            "sessions": self._services.sessions.index.count(host.id, tenant_id),
            "online": self._services.hosts.is_live(host.id),
            "draining": host.draining,
            "revoked": host.revoked,
            "isolation": host.isolation,
            "groups": sorted(host.groups),
            "starting_limit": host.starting_limit,
            "revision": self._services.hosts.revision(host.id),
        }

    async def change_host(self, request: web.Request) -> web.Response:
        """Its groups. They choose where applications run: a tenant's administrator has no say over a host that
        others use as well.
        """
        caller, tenant_id = request[CALLER], request[CALLER].tenant.id
        host = next((h for h in self._services.hosts.list() if h.name == request.match_info["name"]), None)
        everybodys = caller.may("platform.hosts.write")
        if host is None or not (everybodys or tenant_id in host.tenants):
            raise Refused("not_found", "There is no such host.")
        fields = await read_fields(request)
        if not fields.has("groups"):
            raise InvalidInput("groups", "a list of host groups; none is []")
        groups = frozenset(fields.texts("groups", is_fit_group, GROUP_RULE, most=MAXIMUM_GROUPS))
        expected = expected_revision(fields)
        fields.finish()
        if host.tenants != {tenant_id}:
            caller.check(
                "platform.hosts.write",
                f"{host.name} serves several tenants: its groups are not one's to set.",
            )
        hosts = self._services.hosts
        try:
            changed, revision = await hosts.set_groups(host.id, groups, caller.author, expected)
        except Refused as refused:
            raise self._with_current(host.id, tenant_id, refused) from refused
        log.info("host groups set", extra=ids(tenant=tenant_id, host=host.id, by=caller.user.id))
        return answer({"host": self._host(changed, tenant_id)}, revision=revision)

    def _with_current(self, host_id: str, tenant_id: str, refused: Refused) -> Refused:
        """What the host is meanwhile, for who wrote over it."""
        now = next((host for host in self._services.hosts.list() if host.id == host_id), None)
        if refused.code != "changed_meanwhile" or now is None:
            return refused
        return Refused(refused.code, current=self._host(now, tenant_id))

    async def gateways(self, request: web.Request) -> web.StreamResponse:
        gateways = sorted(self._services.gateways.list(), key=lambda gateway: gateway.name)
        items = [
            {
                "id": gateway.id,
                "name": gateway.name,
                "public_origin": gateway.public_origin,
                "online": self._services.gateways.is_live(gateway.id),
                "revoked": gateway.revoked,
                "draining": gateway.draining,
            }
            for gateway in gateways
        ]
        return await listed(request, items, self._services.snapshot.revision)

    async def join_token(self, request: web.Request) -> web.Response:
        """A host's is for hosts of this tenant alone. Gateways see what passes of every tenant: theirs is no tenant's
        to make.
        """
        caller = request[CALLER]
        fields = await read_fields(request)
        role = fields.raw("role")
        if role != "host" and role != "gateway":
            raise InvalidInput("role", "host or gateway")
        audited(request, object=Object("join-token", name=role))
        text = fields.optional_text("name", f"the name of the {role}", longest=63)
        name = None if text is None else parse_machine_name(text)
        fields.finish()
        if role == "gateway":
            caller.check("platform.gateways.write", _GATEWAY_RULE)
        tenants = [caller.tenant.id] if role == "host" else []
        token, record = await self._services.join_tokens.mint(role, tenants=tenants, name=name)
        fields_of_log = ids(tenant=caller.tenant.id, role=role, name=name, by=caller.user.id)
        log.info("join token minted", extra=fields_of_log)
        return answer({"token": token.text, "expires": record.expires, **self._whereabouts(role)}, 201)

    def _whereabouts(self, role: MachineRole) -> dict[str, Any]:
        """Where the machine is to enrol, and whether one elsewhere can: a host needs a gateway, too."""
        brokers = LiveBrokers(self._services.snapshot).addresses()
        gateways = [gateway.address for gateway in self._services.gateways.list() if not gateway.revoked]
        needed = [brokers, gateways] if role == "host" else [brokers]
        reachable = all(any(not is_loopback(address) for address in addresses) for addresses in needed)
        return {"brokers": brokers, "reachable": reachable}


def is_loopback(address: str) -> bool:
    """Of a `host:port` that machines are told."""
    host = Address.parse(address).host
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
