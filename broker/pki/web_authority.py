"""The web CAs of the site: one a public name, each made when a gateway of that name first asks for a certificate.

A record (`site/key/web-ca/<hash of the name>`) holds root, issuing certificate and issuing key, sealed. One that ends
within the life of a certificate is replaced by a new one: browsers must then be told to trust that.

What a gateway gets is decided by its record, which enrolment wrote: a certificate for the host name of its public
origin and for nothing else. A request that names more is refused whole: a gateway of ours never sends one.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from broker.grid.scopes import Record, Stores
from broker.pki.web_certificates import (
    WEB_LIFETIME_SECONDS,
    WebCa,
    make_web_ca,
    make_web_certificate,
    parse_web_csr,
)
from broker.repositories.committing import commit
from broker.snapshot import Snapshot
from portcullis.errors import InvalidInput, Refused, Unavailable
from portcullis.ids import name_hash
from portcullis.logs import ids
from portcullis.model.host import Gateway
from portcullis.model.names import is_dns_name

log = logging.getLogger(__name__)

MAXIMUM_CSR = 16 * 1024
ATTEMPTS = 4


class WebAuthority:
    def __init__(self, stores: Stores, snapshot: Snapshot) -> None:
        self._stores = stores
        self._snapshot = snapshot

    async def issue(self, gateway: Gateway, body: Mapping[str, Any]) -> dict[str, str]:
        """`POST /inner/v1/web-certificate`: the answer to this body.

        Raises InvalidInput, Refused("certificate_refused"), Unavailable.
        """
        name = web_name(gateway)
        csr = body.get("csr")
        if not isinstance(csr, str) or not csr.isascii() or len(csr) > MAXIMUM_CSR:
            raise InvalidInput("csr", "a certificate request in PEM")
        public_key, asked = parse_web_csr(csr)
        if asked != (name,):
            log.warning("a gateway asked for other names than its own", extra=ids(gateway=gateway.id))
            raise Refused("certificate_refused", f"The gateway's registered public name is {name}.")
        ca = await self._ca(name)
        certificate = make_web_certificate(ca, name, public_key, self._stores.clock.now())
        log.info("web certificate issued", extra=ids(gateway=gateway.id, name=name))
        return {"certificate": _pem(certificate) + _pem(ca.certificate), "ca": _pem(ca.root)}

    async def _ca(self, name: str) -> WebCa:
        path = ("key", "web-ca", name_hash(name))
        site = self._stores.site
        record = self._snapshot.get("site", path)
        for _ in range(ATTEMPTS):
            ca = None if record is None else _ca_of(record)
            if ca is not None and self._lasts(ca):
                return ca
            made = make_web_ca(name, self._stores.clock.now())
            condition = site.absent(path) if record is None else site.unchanged(record)
            put = site.put(path, _value(path[-1], name, made, self._stores.clock.now()))
            result = await commit(self._stores, put, conditions=[condition])
            if result.succeeded:
                log.warning("a new web CA: browsers must be told to trust it", extra=ids(name=name))
                return made
            record = await site.get(path)
        raise Unavailable()

    def _lasts(self, ca: WebCa) -> bool:
        return (
            ca.certificate.not_valid_after_utc.timestamp() > self._stores.clock.now() + WEB_LIFETIME_SECONDS
        )


def web_name(gateway: Gateway) -> str:
    """Raises Refused("certificate_refused") for a gateway that no web CA serves."""
    parts = urlsplit(gateway.public_origin)
    name = parts.hostname or ""
    if parts.scheme != "https" or not is_dns_name(name):
        raise Refused(
            "certificate_refused", "This gateway is not registered under https and a DNS name: enrol it so."
        )
    return name


def _value(kid: str, name: str, ca: WebCa, now: float) -> dict[str, Any]:
    private = ca.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return {
        "kid": kid,
        "created": now,
        "name": name,
        "root": _pem(ca.root),
        "certificate": _pem(ca.certificate),
        "private_key": private.decode(),
    }


def _ca_of(record: Record) -> WebCa:
    key = load_pem_private_key(record.value["private_key"].encode(), None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise TypeError(f"the web CA {record.path[-1]} is not of P-256")
    root, certificate = (
        x509.load_pem_x509_certificate(record.value[part].encode()) for part in ("root", "certificate")
    )
    return WebCa(root, certificate, key)


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(Encoding.PEM).decode()
