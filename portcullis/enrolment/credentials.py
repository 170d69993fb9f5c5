"""A machine's identity as it lies in its state folder, and TLS with it.

The state folder holds `machine.pem` (key and certificate chain, mode 0600, replaced as one file), `machine.json` (what
else is known of the site) and, while a renewal is under way, `renewal.pem`: the key that was sent, so that a renewal
whose answer was lost is asked for again under the same key.
"""

from __future__ import annotations

import json
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

from cryptography import x509

from portcullis import authorities
from portcullis.durable import replace_file
from portcullis.errors import InvalidInput
from portcullis.model.host import MachineRole
from portcullis.settings import Address
from portcullis.site_tls import PeerRole, ReplaceableContext, SiteClientContext, machine_server_context


class KeyProtection(Protocol):
    """What keeps a machine's key from others where modes of files do not: on Windows."""

    def prepare(self, state: Path) -> None:
        """Make the folder, for the eyes of this machine's agent and administrators alone. Raises OSError."""
        ...

    def passphrase(self, state: Path) -> bytes:
        """What the keys of this folder are encrypted with; made at the first call. Raises InvalidInput, OSError."""
        ...


@dataclass(frozen=True, slots=True)
class Credentials:
    """A machine's identity as it lies in its state folder. The key is in `pem` alone, never in memory here."""

    state: Path
    role: MachineRole
    id: str
    name: str
    site_id: str
    site_name: str
    ca: str
    """The bundle of the site's CAs (`portcullis.authorities`)."""
    brokers: tuple[str, ...]
    """Addresses, `host:port`, of brokers that were live when this was written."""
    grant_keys: Mapping[str, str]
    """kid -> raw Ed25519 public key, base64url."""
    public_origins: tuple[str, ...]
    public_origin: str = ""
    """Of a gateway: where browsers reach it."""
    own_names: tuple[str, ...] = ()
    """Of a gateway: origins of tenants' own host names."""
    told: tuple[str, ...] = ()
    """Pins of the CAs that it last said to trust."""
    protection: KeyProtection | None = field(default=None, compare=False, repr=False)
    """None: the key lies there as it is, in a file that nobody else may read."""

    @property
    def authorities(self) -> tuple[str, ...]:
        """Pins of the CAs that it knows, the one that signs in front."""
        return authorities.pins(self.ca)

    @property
    def pem(self) -> Path:
        return self.state / "machine.pem"

    @property
    def passphrase(self) -> bytes | None:
        return None if self.protection is None else self.protection.passphrase(self.state)

    @property
    def certificate(self) -> x509.Certificate:
        return x509.load_pem_x509_certificate(self.pem.read_bytes())

    @classmethod
    def load(cls, state: Path, protection: KeyProtection | None = None) -> Credentials | None:
        """None when the machine has not joined yet. Raises InvalidInput for a damaged folder."""
        try:
            data = json.loads((state / "machine.json").read_text())
            credentials = cls.from_json(state, data, protection)
            _ = credentials.certificate
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError) as exc:
            raise InvalidInput(
                str(state), "the credentials of a machine: remove the folder to join again"
            ) from exc
        return credentials

    def with_site(
        self,
        *,
        brokers: tuple[str, ...] | None = None,
        grant_keys: Mapping[str, str] | None = None,
        public_origins: tuple[str, ...] | None = None,
        own_names: tuple[str, ...] | None = None,
    ) -> Credentials:
        """The same machine with what a broker said since; written to the folder when it differs."""
        changed = replace(
            self,
            brokers=self.brokers if brokers is None else brokers,
            grant_keys=self.grant_keys if grant_keys is None else grant_keys,
            public_origins=self.public_origins if public_origins is None else public_origins,
            own_names=self.own_names if own_names is None else own_names,
        )
        if changed != self:
            changed.write()
        return changed

    def write(self) -> None:
        data = {
            "role": self.role,
            "id": self.id,
            "name": self.name,
            "site": {"id": self.site_id, "name": self.site_name},
            "ca": self.ca,
            "brokers": list(self.brokers),
            "grant_keys": dict(self.grant_keys),
            "public_origins": list(self.public_origins),
            "public_origin": self.public_origin,
            "own_names": list(self.own_names),
            "told": list(self.told),
        }
        replace_file(self.state / "machine.json", json.dumps(data, indent=2) + "\n")

    @classmethod
    def from_json(
        cls, state: Path, data: dict[str, Any], protection: KeyProtection | None = None
    ) -> Credentials:
        """Of a file of ours or of an enrolment answer. Raises KeyError, TypeError, ValueError."""
        if data["role"] not in ("host", "gateway"):
            raise ValueError("role")
        return cls(
            state=state,
            role=data["role"],
            id=str(data["id"]),
            name=str(data["name"]),
            site_id=str(data["site"]["id"]),
            site_name=str(data["site"]["name"]),
            ca=str(data["ca"]),
            brokers=tuple(str(Address.parse(broker)) for broker in data["brokers"]),
            grant_keys={str(kid): str(key) for kid, key in data["grant_keys"].items()},
            public_origins=tuple(map(str, data["public_origins"])),
            public_origin=str(data.get("public_origin", "")),
            own_names=tuple(map(str, data.get("own_names", ()))),
            told=tuple(map(str, data.get("told", ()))),
            protection=protection,
        )


def client_context(credentials: Credentials, role: PeerRole = "broker") -> ReplaceableContext:
    """To dial a machine of this role with our certificate. Any other peer fails the handshake."""
    return ReplaceableContext(_client_context(credentials, role))


def server_context(credentials: Credentials) -> ReplaceableContext:
    """For an inner listener: certificates of clients are optional and, when given, of the site (`peer_identity`)."""
    return ReplaceableContext(machine_server_context(credentials.pem, credentials.ca, credentials.passphrase))


def refresh(context: ReplaceableContext, credentials: Credentials) -> None:
    """Let new connections of `context` use the renewed certificate, and trust what it came with."""
    now = context.now
    if isinstance(now, SiteClientContext):
        context.replace(_client_context(credentials, now.wanted_role))
    else:
        context.replace(machine_server_context(credentials.pem, credentials.ca, credentials.passphrase))


def _client_context(credentials: Credentials, role: PeerRole) -> ssl.SSLContext:
    context = SiteClientContext(credentials.ca, role, credentials.site_id)
    context.load_cert_chain(credentials.pem, password=credentials.passphrase)
    return context
