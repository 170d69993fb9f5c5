"""TLS among the machines of a site: who a peer is, and the contexts that accept nobody else.

Machines are known by the URI in their certificate, `portcullis://<site id>/<role>/<id>`, under the site's own
CA; DNS names mean nothing here. A client context judges its peer inside the handshake, so that no caller can
forget to. TLS 1.3 only; no session tickets, since a resumed session would outlive its certificate.

`ca_pem` is a bundle: while a site changes its CA, both are trusted (docs/backup.md).
"""

from __future__ import annotations

import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast, get_args

from portcullis.errors import Refused

PeerRole = Literal["host", "gateway", "broker"]

_URI = re.compile(r"portcullis://([0-9a-f]{16})/([a-z]+)/([0-9a-f]{16})", re.ASCII)


@dataclass(frozen=True, slots=True)
class MachineIdentity:
    """What a certificate of the site says. `name` is for people; `generation` counts a machine's certificates."""

    site_id: str
    role: PeerRole
    id: str
    name: str = ""
    generation: int = 0

    @property
    def uri(self) -> str:
        return f"portcullis://{self.site_id}/{self.role}/{self.id}"


def parse_uri(uri: str) -> MachineIdentity | None:
    match = _URI.fullmatch(uri)
    if match is None or match.group(2) not in get_args(PeerRole):
        return None
    return MachineIdentity(match.group(1), cast(PeerRole, match.group(2)), match.group(3))


def peer_identity(certificate: Mapping[str, Any] | None) -> MachineIdentity | None:
    """Of a verified peer's certificate, as `getpeercert()` or `get_extra_info("peercert")` gives it.

    None without a certificate, or for one that does not name exactly one machine.
    """
    if not certificate:
        return None
    uris = [value for kind, value in certificate.get("subjectAltName", ()) if kind == "URI"]
    identity = parse_uri(uris[0]) if len(uris) == 1 else None
    if identity is None:
        return None
    subject = {name: value for part in certificate.get("subject", ()) for name, value in part}
    generation = str(subject.get("serialNumber", ""))
    return MachineIdentity(
        identity.site_id,
        identity.role,
        identity.id,
        str(subject.get("commonName", "")),
        int(generation) if generation.isascii() and generation.isdigit() else 0,
    )


def check_peer(
    ssl_object: ssl.SSLObject | ssl.SSLSocket,
    *,
    role: PeerRole,
    site_id: str | None = None,
    id: str | None = None,
    name: str | None = None,
) -> MachineIdentity:
    """The peer, if it is what is asked for. Raises Refused("certificate_refused")."""
    identity = peer_identity(ssl_object.getpeercert())
    if (
        identity is None
        or identity.role != role
        or (site_id is not None and identity.site_id != site_id)
        or (id is not None and identity.id != id)
        or (name is not None and identity.name != name)
    ):
        raise Refused(
            "certificate_refused", f"The peer is {_shown(identity)}, not the {role} that was dialled."
        )
    return identity


class SiteClientContext(ssl.SSLContext):
    """Trusts one site's CA and completes no handshake but with a machine of the wanted role."""

    wanted_role: PeerRole
    wanted_site: str | None

    def __new__(cls, ca_pem: str, role: PeerRole, site_id: str | None = None) -> SiteClientContext:
        context = super().__new__(cls, ssl.PROTOCOL_TLS_CLIENT)
        context.wanted_role = role
        context.wanted_site = site_id
        context.check_hostname = False
        context.verify_mode = ssl.CERT_REQUIRED
        _restrict(context)
        context.load_verify_locations(cadata=ca_pem)
        context.sslobject_class = _CheckedObject
        context.sslsocket_class = _CheckedSocket
        return context

    def check(self, peer: ssl.SSLObject | ssl.SSLSocket) -> None:
        """asyncio ends a handshake in order only for errors of the ssl module."""
        try:
            check_peer(peer, role=self.wanted_role, site_id=self.wanted_site)
        except Refused as exc:
            raise ssl.SSLCertVerificationError(exc.message) from exc


class ReplaceableContext(ssl.SSLContext):
    """Stands for another context, which can be exchanged: a renewed certificate, and what is trusted no more, count
    for every handshake from then on. It is handed around and listened with once.
    """

    now: ssl.SSLContext

    def __new__(cls, context: ssl.SSLContext) -> ReplaceableContext:
        self = super().__new__(cls, context.protocol)
        self.check_hostname = False
        self.replace(context)
        return self

    def replace(self, context: ssl.SSLContext) -> None:
        self.now = context

    def load_cert_chain(self, *arguments: Any, **named: Any) -> None:
        self.now.load_cert_chain(*arguments, **named)

    def load_verify_locations(self, *arguments: Any, **named: Any) -> None:
        self.now.load_verify_locations(*arguments, **named)

    def wrap_bio(self, *arguments: Any, **named: Any) -> ssl.SSLObject:
        return self.now.wrap_bio(*arguments, **named)

    def wrap_socket(self, *arguments: Any, **named: Any) -> ssl.SSLSocket:
        return self.now.wrap_socket(*arguments, **named)


class _CheckedObject(ssl.SSLObject):
    def do_handshake(self) -> None:
        super().do_handshake()
        cast(SiteClientContext, self.context).check(self)


class _CheckedSocket(ssl.SSLSocket):
    def do_handshake(self, block: bool = False) -> None:
        super().do_handshake(block)
        cast(SiteClientContext, self.context).check(self)


def worker_context(ca_pem: str, site_id: str | None = None) -> ssl.SSLContext:
    """For a worker's dial: a gateway of the site, to which the worker shows no certificate."""
    return SiteClientContext(ca_pem, "gateway", site_id)


def machine_server_context(pem: Path | str, ca_pem: str, passphrase: bytes | None = None) -> ssl.SSLContext:
    """A listener with the key and certificates of `pem`, which verifies the certificate of a client that has one.

    A client without one is let in: `peer_identity` is then None, and what it may do is the handlers' to decide.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    _restrict(context)
    context.num_tickets = 0
    context.verify_mode = ssl.CERT_OPTIONAL
    context.load_verify_locations(cadata=ca_pem)
    context.load_cert_chain(pem, password=passphrase)
    return context


def _restrict(context: ssl.SSLContext) -> None:
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.verify_flags |= ssl.VERIFY_X509_STRICT


def _shown(identity: MachineIdentity | None) -> str:
    return "nobody of a site" if identity is None else identity.uri
