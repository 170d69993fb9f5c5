"""A certificate for browsers in two PEM files, judged before anything trusts it to work.

`read` says what is wrong with the files in words of whoever gave them; the quickstart asks before it changes
anything, the gateway at its start and whenever the files change. No I/O but reading the two files.
"""

from __future__ import annotations

import contextlib
import datetime
import re
import ssl
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key
from cryptography.x509 import verification

from portcullis.errors import Refused

MAXIMUM_BYTES = 256 * 1024
_CERTIFICATE = re.compile(rb"-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----")
DEBIAN_ROOTS = Path("/etc/ssl/certs/ca-certificates.crt")


@dataclass(frozen=True, slots=True)
class CertificateFiles:
    certificate: Path
    """The server's certificate, then those that lead to its CA."""
    key: Path


@dataclass(frozen=True, slots=True)
class CertificatePair:
    pem: bytes = field(repr=False)
    """Key and chain, as one."""
    chain: tuple[x509.Certificate, ...]
    warnings: tuple[str, ...] = ()

    @property
    def chain_pem(self) -> bytes:
        return b"".join(certificate.public_bytes(Encoding.PEM) for certificate in self.chain)

    @property
    def ends(self) -> datetime.datetime:
        return self.chain[0].not_valid_after_utc

    @property
    def half_life(self) -> float:
        """When half of the life has passed (unix seconds)."""
        start, end = self.chain[0].not_valid_before_utc.timestamp(), self.ends.timestamp()
        return start + (end - start) / 2


def read(files: CertificateFiles, name: str, now: float) -> CertificatePair:
    """Fit to be shown to browsers that call `name`. Raises Refused("tls_refused")."""
    key_pem = _content(files.key)
    pair = parse(_content(files.certificate), key_pem, name, now, str(files.certificate), str(files.key))
    if files.key.stat().st_mode & 0o004:
        warning = f"{files.key}: every account of this machine may read the key: chmod o= it"
        return CertificatePair(pair.pem, pair.chain, (warning,))
    return pair


def parse(
    chain_pem: bytes, key_pem: bytes, name: str, now: float, chain_source: str, key_source: str
) -> CertificatePair:
    """Raises Refused("tls_refused")."""
    try:
        chain = tuple(x509.load_pem_x509_certificates(chain_pem))
    except ValueError as exc:
        raise _refusal(f"{chain_source} is not a certificate in PEM") from exc
    key = _key(key_pem, key_source)
    leaf = chain[0]
    if _spki(leaf.public_key()) != _spki(key.public_key()):
        raise _refusal(
            f"{key_source} is not the key of {chain_source} (of its first certificate, the server's)"
        )
    instant = datetime.datetime.fromtimestamp(now, datetime.UTC)
    if leaf.not_valid_after_utc <= instant:
        raise _refusal(f"{chain_source} has expired on {leaf.not_valid_after_utc:%Y-%m-%d %H:%M} UTC")
    if leaf.not_valid_before_utc > instant:
        raise _refusal(f"{chain_source} is not valid before {leaf.not_valid_before_utc:%Y-%m-%d %H:%M} UTC")
    names = dns_names(leaf)
    if not any(matches(pattern, name) for pattern in names):
        found = ", ".join(names) or "no DNS name"
        raise _refusal(f"{chain_source} is for {found}, not for {name}")
    return CertificatePair(key_pem + b"\n" + chain_pem, chain)


def dns_names(certificate: x509.Certificate) -> list[str]:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, x509.DuplicateExtension, ValueError):
        return []
    return names.get_values_for_type(x509.DNSName)


def matches(pattern: str, name: str) -> bool:
    """A star stands for the whole first label (RFC 6125 6.4.3, as browsers read it)."""
    pattern, name = pattern.lower(), name.lower()
    if pattern.startswith("*."):
        return name.partition(".")[2] == pattern[2:] and "." in pattern[2:]
    return pattern == name


def is_publicly_trusted(
    chain: Sequence[x509.Certificate], name: str, now: float, roots: Path | None = None
) -> bool:
    """Whether this system's store of CAs leads to it: then browsers elsewhere will very likely agree."""
    found = ssl.get_default_verify_paths().cafile
    path = roots or (Path(found) if found else DEBIAN_ROOTS)
    try:
        store = verification.Store(_roots(path.read_bytes()))
        builder = verification.PolicyBuilder().store(store)
        policy = builder.time(datetime.datetime.fromtimestamp(now, datetime.UTC))
        policy.build_server_verifier(x509.DNSName(name)).verify(chain[0], list(chain[1:]))
    except (OSError, ValueError, verification.VerificationError):
        return False
    return True


def _roots(pem: bytes) -> list[x509.Certificate]:
    """Those that can be read: systems carry old roots that are not what the RFCs ask for."""
    found = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for block in _CERTIFICATE.findall(pem):
            with contextlib.suppress(ValueError):
                found.append(x509.load_pem_x509_certificate(block))
    return found


def _content(path: Path) -> bytes:
    try:
        if path.stat().st_size > MAXIMUM_BYTES:
            raise _refusal(f"{path} is too large to be PEM of a certificate or key")
        return path.read_bytes()
    except OSError as exc:
        raise _refusal(f"{path} cannot be read: {exc.strerror}") from exc


def _key(pem: bytes, source: str) -> PrivateKeyTypes:
    try:
        return load_pem_private_key(pem, None)
    except TypeError as exc:
        raise _refusal(f"{source} is protected by a pass phrase: give one without") from exc
    except Exception as exc:  # the parser raises many types for what files hold; all mean the same
        raise _refusal(f"{source} is not a private key in PEM") from exc


def _spki(key: object) -> bytes:
    encoded: bytes = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)  # type: ignore[attr-defined]
    return encoded


def _refusal(message: str) -> Refused:
    return Refused("tls_refused", f"{message}.")
