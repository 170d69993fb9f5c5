"""The CAs that the machines of a site trust: one, and while a site changes its CA two (docs/backup.md). Pure.

A bundle is PEM text, the CA that signs new certificates in front. A CA is named by its pin, the SHA-256 (hex) of its
public key, as in join tokens.
"""

from __future__ import annotations

import hashlib
from typing import Any

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

MAXIMUM = 4
"""In a bundle."""
MAXIMUM_BYTES = 16 * 1024


def read_bundle(pem: str) -> tuple[x509.Certificate, ...]:
    """Raises ValueError for what holds no CA, too many, or something else."""
    if len(pem) > MAXIMUM_BYTES:
        raise ValueError("too long for the CAs of a site")
    certificates = tuple(x509.load_pem_x509_certificates(pem.encode("ascii")))
    if not 1 <= len(certificates) <= MAXIMUM:
        raise ValueError("not as many CAs as a site has")
    for certificate in certificates:
        try:
            is_ca = certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
        except x509.ExtensionNotFound:
            is_ca = False
        if not is_ca:
            raise ValueError("a certificate that is no CA's")
    return certificates


def pins(pem: str) -> tuple[str, ...]:
    """Of a bundle, in its order. Raises ValueError."""
    return tuple(public_key_hash(certificate.public_key()) for certificate in read_bundle(pem))


def issuer_pin(certificate: x509.Certificate, pem: str) -> str | None:
    """Which CA of the bundle issued it; its dates are not judged. Raises ValueError for a malformed bundle."""
    for ca in read_bundle(pem):
        try:
            certificate.verify_directly_issued_by(ca)
        except (ValueError, TypeError, InvalidSignature):
            continue
        return public_key_hash(ca.public_key())
    return None


def public_key_hash(key: Any) -> str:
    """SHA-256 (hex) of a public key's SubjectPublicKeyInfo."""
    return hashlib.sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).hexdigest()
