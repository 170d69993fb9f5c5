"""Making the site's certificates. Pure but for randomness: keys and instants in, certificates out.

Profile: P-256, X.509 v3, one critical-free URI name that says who the machine is (`portcullis.site_tls`). The
subject holds the machine's name and, as serial number, its generation. A host may only dial; gateway and
broker also listen.
"""

from __future__ import annotations

import datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from portcullis.errors import InvalidInput
from portcullis.site_tls import MachineIdentity, peer_identity

MACHINE_LIFETIME_SECONDS = 24 * 3600
CA_LIFETIME_SECONDS = 10 * 365 * 24 * 3600
TOLERATED_CLOCK_SECONDS = 300
"""How far a machine's clock may be behind the broker's."""


_SUBJECT_NAMES = {NameOID.COMMON_NAME: "commonName", NameOID.SERIAL_NUMBER: "serialNumber"}
"""As Python's ssl module spells them."""


def new_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def make_ca(key: ec.EllipticCurvePrivateKey, site_id: str, now: float) -> x509.Certificate:
    name = common_name(f"Portcullis site {site_id}")
    return (
        builder(name, name, key.public_key(), key.public_key(), now, CA_LIFETIME_SECONDS)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(key_usage(signs_certificates=True), critical=True)
        .sign(key, hashes.SHA256())
    )


def make_machine(
    ca: x509.Certificate,
    ca_key: ec.EllipticCurvePrivateKey,
    machine: MachineIdentity,
    public_key: ec.EllipticCurvePublicKey,
    now: float,
) -> x509.Certificate:
    """Valid for 24 hours, and never longer than the CA."""
    lifetime = min(MACHINE_LIFETIME_SECONDS, ca.not_valid_after_utc.timestamp() - now)
    usages = [ExtendedKeyUsageOID.CLIENT_AUTH]
    if machine.role != "host":
        usages.append(ExtendedKeyUsageOID.SERVER_AUTH)
    subject = x509.Name(
        [
            x509.NameAttribute(NameOID.COMMON_NAME, machine.name),
            x509.NameAttribute(NameOID.SERIAL_NUMBER, str(machine.generation)),
        ]
    )
    return (
        builder(subject, ca.subject, public_key, ca_key.public_key(), now, lifetime)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(key_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage(usages), critical=False)
        .add_extension(
            x509.SubjectAlternativeName([x509.UniformResourceIdentifier(machine.uri)]), critical=False
        )
        .sign(ca_key, hashes.SHA256())
    )


def parse_csr(pem: str) -> ec.EllipticCurvePublicKey:
    """The key that the request proves. Its subject and extensions are ignored: who a machine is, we say.

    Raises InvalidInput.
    """
    try:
        request = x509.load_pem_x509_csr(pem.encode("ascii"))
        key = request.public_key()
        proven = request.is_signature_valid
    except Exception as exc:  # the parser raises many types for what strangers send; all mean the same
        raise InvalidInput("csr", "a certificate request in PEM") from exc
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise InvalidInput("csr", "a request for a P-256 key")
    if not proven:
        raise InvalidInput("csr", "a request that is signed by its own key")
    return key


def identity_of(certificate: x509.Certificate) -> MachineIdentity | None:
    """What the certificate says; whether to believe it is another question. None unless it names one machine."""
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        uris = names.get_values_for_type(x509.UniformResourceIdentifier)
        subject = [[(_SUBJECT_NAMES.get(part.oid, ""), part.value)] for part in certificate.subject]
    except (x509.ExtensionNotFound, x509.DuplicateExtension, ValueError):
        return None
    return peer_identity({"subjectAltName": [("URI", uri) for uri in uris], "subject": subject})


def builder(
    subject: x509.Name,
    issuer: x509.Name,
    public_key: ec.EllipticCurvePublicKey,
    issuer_key: ec.EllipticCurvePublicKey,
    now: float,
    lifetime_seconds: float,
) -> x509.CertificateBuilder:
    instant = datetime.datetime.fromtimestamp(now, datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(instant - datetime.timedelta(seconds=TOLERATED_CLOCK_SECONDS))
        .not_valid_after(instant + datetime.timedelta(seconds=lifetime_seconds))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key), critical=False)
    )


def common_name(value: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, value)])


def key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )
