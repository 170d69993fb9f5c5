"""The answer to an enrolment or a renewal: checked against what was asked, and written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from portcullis import authorities
from portcullis.durable import replace_file
from portcullis.enrolment.credentials import Credentials, KeyProtection
from portcullis.enrolment.keys import key_pem
from portcullis.errors import Unavailable
from portcullis.site_tls import MachineIdentity, parse_uri


def accept(
    answer: dict[str, Any],
    key: ec.EllipticCurvePrivateKey,
    state: Path,
    ca: str,
    site_id: str,
    known_brokers: tuple[str, ...],
    protection: KeyProtection | None = None,
) -> Credentials:
    """Check an enrolment or renewal answer against what was asked, and write it. It came from a broker that `ca`
    vouches for, and says which CAs the site has.

    `known_brokers` stay when the answer names none, as that of a broker that starts does.
    """
    try:
        brokers = answer["brokers"] or known_brokers
        bundle = str(answer.get("ca", ca))
        credentials = Credentials.from_json(state, {**answer, "ca": bundle, "brokers": brokers}, protection)
        certificate = x509.load_pem_x509_certificate(str(answer["certificate"]).encode())
        _check_certificate(certificate, key, bundle, credentials)
    except (KeyError, TypeError, ValueError, AttributeError) as exc:
        raise Unavailable("broker_unreachable", "The broker's answer is not understood.") from exc
    if credentials.site_id != site_id:
        raise Unavailable("broker_unreachable", "The broker answered for another site.")
    state.mkdir(mode=0o700, parents=True, exist_ok=True)
    secret = key_pem(key, credentials.passphrase)
    replace_file(credentials.pem, secret + certificate.public_bytes(Encoding.PEM).decode() + bundle)
    credentials.write()
    return credentials


def _check_certificate(
    certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey, ca: str, credentials: Credentials
) -> None:
    """Raises ValueError unless one of the CAs issued it for our key and the identity that the answer states."""
    if certificate.public_key() != key.public_key():
        raise ValueError("the certificate is for another key")
    try:
        issuer = authorities.issuer_pin(certificate, ca)
    except Exception as exc:
        # The library raises whatever its backend does; all of it means: not issued by the CA.
        raise ValueError("the certificate is not by the site's CA") from exc
    if issuer is None:
        raise ValueError("the certificate is not by the site's CA")
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    identities = [parse_uri(uri) for uri in names.get_values_for_type(x509.UniformResourceIdentifier)]
    if identities != [MachineIdentity(credentials.site_id, credentials.role, credentials.id)]:
        raise ValueError("the certificate is for another machine")
