"""The keys of a machine's certificates: made, kept, and what asks for a certificate of one."""

from __future__ import annotations

from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from portcullis.durable import replace_file
from portcullis.errors import InvalidInput


def certificate_request(key: ec.EllipticCurvePrivateKey) -> str:
    """Only its key and signature count: who the machine is, the broker says."""
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM).decode()


def pending_key(
    path: Path, current: ec.EllipticCurvePrivateKey, passphrase: bytes | None
) -> ec.EllipticCurvePrivateKey:
    """The key of a renewal whose answer was not seen, else a new one, written before it is sent."""
    try:
        pending = load_key(path, passphrase)
        if pending.public_key() != current.public_key():
            return pending
    except (FileNotFoundError, InvalidInput):
        pass  # none, or cut off while it was written: it was never sent
    key = ec.generate_private_key(ec.SECP256R1())
    replace_file(path, key_pem(key, passphrase))
    return key


def load_key(path: Path, passphrase: bytes | None = None) -> ec.EllipticCurvePrivateKey:
    try:
        key = load_pem_private_key(path.read_bytes(), passphrase)
    except (ValueError, TypeError) as exc:
        # TypeError: it is encrypted and nothing opens it, or the other way round.
        raise InvalidInput(str(path), "a private key") from exc
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise InvalidInput(str(path), "a P-256 key")
    return key


def key_pem(key: ec.EllipticCurvePrivateKey, passphrase: bytes | None = None) -> str:
    protected = NoEncryption() if passphrase is None else BestAvailableEncryption(passphrase)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, protected).decode()
