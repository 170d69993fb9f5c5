"""Which machine calls: by its certificate, which the TLS listener verified, and the site's own record of it."""

from __future__ import annotations

from typing import cast

from aiohttp import web

from broker.pki.machines import Machines
from portcullis.errors import Refused
from portcullis.model.host import Gateway, Host
from portcullis.site_tls import MachineIdentity, peer_identity


class Peers:
    """Every method raises Refused("certificate_refused") for any other caller, and for one that was revoked."""

    def __init__(self, machines: Machines) -> None:
        self._machines = machines

    def gateway(self, request: web.Request) -> Gateway:
        return cast(Gateway, self._machines.admit(_identity(request), "gateway"))

    def host(self, request: web.Request) -> Host:
        return cast(Host, self._machines.admit(_identity(request), "host"))

    def broker(self, request: web.Request) -> str:
        """The id of a broker of this site; its certificate, made by itself with the site's key, is all there is."""
        identity = _identity(request)
        if identity is None or identity.role != "broker" or identity.site_id != self._machines.site_id:
            raise Refused("certificate_refused")
        return identity.id

    def is_gateway(self, request: web.Request) -> bool:
        try:
            self.gateway(request)
        except Refused:
            return False
        return True


def _identity(request: web.Request) -> MachineIdentity | None:
    transport = request.transport
    return None if transport is None else peer_identity(transport.get_extra_info("peercert"))
