"""Making the certificates that browsers see. Pure but for randomness: keys and instants in, certificates out.

A web CA is made for one public name and can never speak for another: its root and its issuing certificate permit that
name (and what lies below it, which X.509 cannot take away) and no IP address, critically. Browsers need not heed what
a root says of itself, but all must heed what stands in a certificate below it: so there are two, and the key of the
root is thrown away as soon as it has signed the issuing one (docs/decisions/0007-web-ca.md).
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID

from broker.pki.certificates import (
    CA_LIFETIME_SECONDS,
    TOLERATED_CLOCK_SECONDS,
    builder,
    common_name,
    key_usage,
    new_key,
    parse_csr,
)
from portcullis.errors import InvalidInput

WEB_LIFETIME_SECONDS = 90 * 24 * 3600
_LONGEST_COMMON_NAME = 64  # X.520, ub-common-name


@dataclass(frozen=True, slots=True)
class WebCa:
    """`certificate` and `key` issue; `root` is what browsers are told to trust."""

    root: x509.Certificate
    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey


def make_web_ca(name: str, now: float) -> WebCa:
    """Of one DNS name. Nothing but the issuing certificate will ever be signed by the root."""
    root_key, key = new_key(), new_key()
    root_name = common_name(f"Portcullis web CA of {name}"[:_LONGEST_COMMON_NAME])
    root = _sign_ca(root_name, root_name, root_key.public_key(), root_key, name, 1, now)
    subject = common_name(f"Portcullis web issuer of {name}"[:_LONGEST_COMMON_NAME])
    return WebCa(root, _sign_ca(subject, root_name, key.public_key(), root_key, name, 0, now), key)


def make_web_certificate(
    ca: WebCa, name: str, public_key: ec.EllipticCurvePublicKey, now: float
) -> x509.Certificate:
    """A server's, for exactly this name: 90 days from first to last instant, and never longer than the CA."""
    ends = ca.certificate.not_valid_after_utc.timestamp()
    lifetime = min(WEB_LIFETIME_SECONDS - TOLERATED_CLOCK_SECONDS, ends - now)
    issuer = ca.certificate.subject
    return (
        builder(x509.Name([]), issuer, public_key, ca.key.public_key(), now, lifetime)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(key_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        # critical, since the subject is empty (RFC 5280 4.2.1.6)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=True)
        .sign(ca.key, hashes.SHA256())
    )


def parse_web_csr(pem: str) -> tuple[ec.EllipticCurvePublicKey, tuple[str, ...]]:
    """The key that the request proves, and the names that it asks for. Raises InvalidInput."""
    key = parse_csr(pem)
    request = x509.load_pem_x509_csr(pem.encode("ascii"))
    try:
        names = list(request.extensions.get_extension_for_class(x509.SubjectAlternativeName).value)
    except (x509.ExtensionNotFound, x509.DuplicateExtension, ValueError) as exc:
        raise InvalidInput("csr", "a request that names the gateway's public name") from exc
    asked = tuple(name.value for name in names if isinstance(name, x509.DNSName))
    if len(asked) != len(names):
        raise InvalidInput("csr", "a request for DNS names alone")
    return key, asked


def _sign_ca(
    subject: x509.Name,
    issuer: x509.Name,
    public_key: ec.EllipticCurvePublicKey,
    signer: ec.EllipticCurvePrivateKey,
    name: str,
    path_length: int,
    now: float,
) -> x509.Certificate:
    unsigned = (
        builder(subject, issuer, public_key, signer.public_key(), now, CA_LIFETIME_SECONDS)
        .add_extension(x509.BasicConstraints(ca=True, path_length=path_length), critical=True)
        .add_extension(key_usage(signs_certificates=True), critical=True)
        .add_extension(_only(name), critical=True)
    )
    if path_length == 0:
        usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])
        unsigned = unsigned.add_extension(usage, critical=False)
    return unsigned.sign(signer, hashes.SHA256())


def _only(name: str) -> x509.NameConstraints:
    """A kind of name that is not mentioned is not constrained (RFC 5280 4.2.1.10): addresses are ruled out by name."""
    addresses = [ipaddress.ip_network("0.0.0.0/0"), ipaddress.ip_network("::/0")]
    return x509.NameConstraints(
        permitted_subtrees=[x509.DNSName(name)],
        excluded_subtrees=[x509.IPAddress(network) for network in addresses],
    )
