"""Certificates for browsers as operators have them, good and bad, made on the spot."""

from __future__ import annotations

import datetime
import time
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from portcullis.certificate_files import CertificateFiles

DAY = 24 * 3600


@dataclass(frozen=True)
class Issued:
    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(Encoding.PEM)

    def key_pem(self, passphrase: bytes | None = None) -> bytes:
        sealed: KeySerializationEncryption = (
            BestAvailableEncryption(passphrase) if passphrase else NoEncryption()
        )
        return self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, sealed)

    def write(self, folder: Path, *chain: x509.Certificate, key_mode: int = 0o600) -> CertificateFiles:
        files = CertificateFiles(folder / "cert.pem", folder / "key.pem")
        files.certificate.write_bytes(self.pem + b"".join(c.public_bytes(Encoding.PEM) for c in chain))
        files.key.write_bytes(self.key_pem())
        files.key.chmod(key_mode)
        return files


class PublicCa:
    """Stands for one that browsers trust."""

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self.certificate = _sign("A public CA", self._key, None, None, (), 0, 3650 * DAY)

    def issue(
        self, *names: str, from_seconds: float = -DAY, to_seconds: float = 30 * DAY, use_rsa: bool = False
    ) -> Issued:
        key = rsa.generate_private_key(65537, 2048) if use_rsa else ec.generate_private_key(ec.SECP256R1())
        made = _sign("", key, self.certificate, self._key, names, from_seconds, to_seconds)
        return Issued(made, key)


def _sign(
    subject: str,
    key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey,
    issuer: x509.Certificate | None,
    issuer_key: ec.EllipticCurvePrivateKey | None,
    names: tuple[str, ...],
    from_seconds: float,
    to_seconds: float,
) -> x509.Certificate:
    now = datetime.datetime.fromtimestamp(time.time(), datetime.UTC)
    called = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)] if subject else [])
    signer = issuer_key or key
    unsigned = (
        x509.CertificateBuilder()
        .subject_name(called)
        .issuer_name(issuer.subject if issuer else called)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + datetime.timedelta(seconds=from_seconds))
        .not_valid_after(now + datetime.timedelta(seconds=to_seconds))
        .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False
        )
    )
    if issuer is None:
        usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
        unsigned = unsigned.add_extension(usage, critical=True)
    else:
        unsigned = unsigned.add_extension(
            x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False
        )
    if names:
        alternatives = x509.SubjectAlternativeName([x509.DNSName(name) for name in names])
        unsigned = unsigned.add_extension(alternatives, critical=True)
    return unsigned.sign(signer, hashes.SHA256())
