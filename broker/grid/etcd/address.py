"""Where etcd is and what proves each side to the other: `etcds://host:port,host:port` with its TLS files."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from portcullis.errors import InvalidInput
from portcullis.settings import Address

SECURE, PLAIN = "etcds://", "etcd://"
DEFAULT_PORT = 2379
SHAPE = "etcds://HOST:PORT,HOST:PORT,... (all members of one etcd cluster)"


@dataclass(frozen=True, slots=True)
class Tls:
    """PEM. Without `ca` the machine's own roots count; without a certificate none is shown."""

    ca: bytes | None
    certificate: bytes | None
    key: bytes | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class EtcdAddress:
    endpoints: tuple[Address, ...]
    tls: Tls | None  # None: plain TCP


def parse_address(text: str, ca: Path | None, cert: Path | None, key: Path | None) -> EtcdAddress:
    """Reads the files. Raises InvalidInput."""
    is_secure = text.startswith(SECURE)
    if not is_secure and not text.startswith(PLAIN):
        raise InvalidInput("--grid", f"embedded, or {SHAPE}")
    endpoints = tuple(_endpoint(part) for part in text.partition("://")[2].rstrip("/").split(","))
    if len(set(endpoints)) != len(endpoints):
        raise InvalidInput("--grid", "each member once")
    if not is_secure:
        if ca or cert or key:
            raise InvalidInput("--grid", "etcds:// where certificates are given: etcd:// is without TLS")
        return EtcdAddress(endpoints, None)
    if (cert is None) != (key is None):
        raise InvalidInput("--grid-cert", "together with --grid-key")
    return EtcdAddress(
        endpoints, Tls(_read("--grid-ca", ca), _read("--grid-cert", cert), _read("--grid-key", key))
    )


def _endpoint(text: str) -> Address:
    try:
        return Address.parse(text if _has_port(text) else f"{text}:{DEFAULT_PORT}")
    except ValueError as exc:
        raise InvalidInput("--grid", SHAPE) from exc


def _has_port(text: str) -> bool:
    return ":" in text.rpartition("]")[2]


def _read(option: str, path: Path | None) -> bytes | None:
    if path is None:
        return None
    try:
        content = path.read_bytes()
    except OSError as exc:
        raise InvalidInput(option, f"a file that the broker may read ({path}: {exc.strerror})") from exc
    if b"-----BEGIN " not in content:
        raise InvalidInput(option, f"a PEM file ({path} is none)")
    return content
