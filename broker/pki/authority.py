"""The site's authority: the CA that makes its machines, and beside it those that are trusted while it is changed.

Their keys lie sealed in the grid (`site/key/ca/<kid>`) and are read from the snapshot, so that every broker uses
the same and sees a new one at once. The records of new keys, CA and grant keys, are made here too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from broker.grid.keys import SITE
from broker.grid.scopes import Record
from broker.pki import certificates
from broker.repositories.keys import CaKeys
from broker.snapshot import Snapshot
from portcullis import authorities
from portcullis.authorities import public_key_hash
from portcullis.clock import Clock
from portcullis.errors import Unavailable
from portcullis.ids import new_id
from portcullis.model.tenant import Site
from portcullis.site_tls import MachineIdentity
from portcullis.tickets import to_base64url


def new_ca(site_id: str, now: float) -> dict[str, Any]:
    """The record of a new CA: to be put under ("key", "ca", its kid)."""
    key = certificates.new_key()
    certificate = certificates.make_ca(key, site_id, now)
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return {
        "kid": new_id(),
        "created": now,
        "certificate": certificate.public_bytes(Encoding.PEM).decode(),
        "private_key": private.decode(),
        "pin": public_key_hash(key.public_key()),
    }


def new_grant_key(now: float) -> dict[str, Any]:
    """The record of a new grant key: to be put under ("key", "grant", its kid), read by `GrantKeys`."""
    key = Ed25519PrivateKey.generate()
    return {
        "kid": new_id(),
        "created": now,
        "private_key": to_base64url(key.private_bytes_raw()),
        "public_key": to_base64url(key.public_key().public_bytes_raw()),
    }


@dataclass(frozen=True, slots=True)
class _Ca:
    record: Record
    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey


class Authority:
    """Every method raises Unavailable while the snapshot holds no site."""

    def __init__(self, snapshot: Snapshot, clock: Clock) -> None:
        self._snapshot = snapshot
        self._clock = clock
        self._keys = CaKeys(snapshot)
        self._ca: _Ca | None = None

    @property
    def site(self) -> Site:
        record = self._snapshot.get(SITE, ("meta",))
        if record is None:
            raise Unavailable()
        return Site.from_json(record.value)

    @property
    def ca_pem(self) -> str:
        """The bundle of those that are trusted, the one that signs in front."""
        return "".join(str(record.value["certificate"]) for record in self._keys.trusted())

    @property
    def signing_pem(self) -> str:
        return str(self._keys.signing.value["certificate"])

    @property
    def signing_pin(self) -> str:
        return str(self._keys.signing.value["pin"])

    def issue(self, machine: MachineIdentity, public_key: ec.EllipticCurvePublicKey) -> x509.Certificate:
        ca = self._current_ca()
        return certificates.make_machine(ca.certificate, ca.key, machine, public_key, self._clock.now())

    def issued(self, certificate: x509.Certificate) -> bool:
        """Whether a CA of ours signed it; its dates are not judged."""
        return authorities.issuer_pin(certificate, self.ca_pem) is not None

    def _current_ca(self) -> _Ca:
        record = self._keys.signing
        if self._ca is None or self._ca.record != record:
            certificate = x509.load_pem_x509_certificate(record.value["certificate"].encode())
            key = load_pem_private_key(record.value["private_key"].encode(), None)
            if not isinstance(key, ec.EllipticCurvePrivateKey):
                raise TypeError(f"the CA key {record.path[-1]} is not of P-256")
            self._ca = _Ca(record, certificate, key)
        return self._ca
