"""What a machine says of itself when it enrols or renews, parsed strictly. Pure."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from broker.pki.certificates import parse_csr
from portcullis import authorities
from portcullis.enrolment.join_token import JoinTokenText, parse_join_token
from portcullis.errors import InvalidInput, Refused
from portcullis.model.host import MachineRole
from portcullis.settings import Address
from portcullis.tickets import from_base64url

MAXIMUM_SLOTS = 1000
MAXIMUM_PEM = 16 * 1024
DEFAULT_SLOTS = 10

_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?", re.ASCII)
_PIN = re.compile(r"[0-9a-f]{64}", re.ASCII)
_HOST_NAME = re.compile(r"(?!-)[a-z0-9-]{1,63}(?:\.[a-z0-9-]{1,63})*", re.ASCII)


@dataclass(frozen=True, slots=True)
class Enrolment:
    token: JoinTokenText
    public_key: ec.EllipticCurvePublicKey
    name: str
    slots: int
    """Of a host."""
    address: str | None
    public_origin: str | None
    """Both of a gateway."""
    role: MachineRole | None = None
    """What the machine means to become; None: whatever the token is for."""


@dataclass(frozen=True, slots=True)
class RenewalRequest:
    certificate: x509.Certificate
    public_key: ec.EllipticCurvePublicKey
    csr: str
    signature: bytes
    trusts: frozenset[str] = frozenset()
    """Pins of the CAs that all of the machine trusts, as it says; one of before says none."""


def parse_enrolment(body: Mapping[str, Any]) -> Enrolment:
    """Raises InvalidInput; Refused("join_refused") for what is no join token."""
    token = parse_join_token(_text(body, "token", 512))
    if token is None:
        raise Refused("join_refused")
    return Enrolment(
        token=token,
        public_key=parse_csr(_text(body, "csr", MAXIMUM_PEM)),
        name=parse_machine_name(_text(body, "name", 64)),
        slots=_slots(body.get("slots", DEFAULT_SLOTS)),
        address=None if body.get("address") is None else _address(_text(body, "address", 300)),
        public_origin=(
            None if body.get("public_origin") is None else parse_origin(_text(body, "public_origin", 300))
        ),
        role=_role(body.get("role")),
    )


def parse_renewal(body: Mapping[str, Any]) -> RenewalRequest:
    """Raises InvalidInput."""
    csr = _text(body, "csr", MAXIMUM_PEM)
    try:
        certificate = x509.load_pem_x509_certificate(_text(body, "certificate", MAXIMUM_PEM).encode())
    except ValueError as exc:
        raise InvalidInput("certificate", "a certificate in PEM") from exc
    try:
        signature = from_base64url(_text(body, "signature", 256))
    except ValueError as exc:
        raise InvalidInput("signature", "base64url") from exc
    return RenewalRequest(certificate, parse_csr(csr), csr, signature, _pins(body.get("trusts", ())))


def parse_machine_name(text: str) -> str:
    """Raises InvalidInput."""
    if not _NAME.fullmatch(text):
        raise InvalidInput("name", "1 to 63 letters, digits, dots, dashes or underscores")
    return text


def parse_origin(text: str) -> str:
    """A web origin as browsers spell it. Plain http is for loopback alone. Raises InvalidInput("public_origin")."""
    try:
        parts = urlsplit(text)
        host, port = parts.hostname or "", parts.port
    except ValueError as exc:
        raise InvalidInput("public_origin", "https://host or https://host:port") from exc
    origin = f"{parts.scheme}://{_bracketed(host)}" + ("" if port is None else f":{port}")
    is_default_port = (parts.scheme, port) in (("https", 443), ("http", 80))
    if text != origin or parts.scheme not in ("http", "https") or is_default_port or not _is_host(host):
        raise InvalidInput("public_origin", "https://host or https://host:port")
    if parts.scheme == "http" and not _is_loopback(host):
        raise InvalidInput("public_origin", "https: plain http is for this machine alone")
    return text


def _text(body: Mapping[str, Any], field: str, maximum: int) -> str:
    value = body.get(field)
    if not isinstance(value, str) or not 0 < len(value) <= maximum:
        raise InvalidInput(field, f"a text of at most {maximum} characters")
    return value


def _role(value: object) -> MachineRole | None:
    if value is None or value == "host" or value == "gateway":
        return value
    raise InvalidInput("role", "host or gateway")


def _pins(value: object) -> frozenset[str]:
    if (
        not isinstance(value, list | tuple)
        or len(value) > authorities.MAXIMUM
        or not all(isinstance(pin, str) and _PIN.fullmatch(pin) for pin in value)
    ):
        raise InvalidInput("trusts", f"at most {authorities.MAXIMUM} pins of CAs")
    return frozenset(value)


def _slots(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= MAXIMUM_SLOTS:
        raise InvalidInput("slots", f"a number from 1 to {MAXIMUM_SLOTS}")
    return value


def _address(text: str) -> str:
    try:
        address = Address.parse(text)
    except ValueError as exc:
        raise InvalidInput("address", "host:port") from exc
    if not address.port or not _is_host(address.host.lower()):
        raise InvalidInput("address", "host:port")
    return str(address)


def _is_host(host: str) -> bool:
    """Without the zone of an IPv6 address: it may hold any character, and says nothing to other machines."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return _HOST_NAME.fullmatch(host) is not None and len(host) <= 253
    return "%" not in host


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
