"""Grants, and the two signatures by which a browser proves its key. Pure: bytes in, bytes out.

A *ticket* is an opaque bearer secret (`portcullis.ids`), so there is nothing of it here but its lifetime. A *grant* is
the broker's statement of what a connection may do, verified offline by gateway and worker:

    grant.v1.<kid>.<base64url payload>.<base64url Ed25519 signature>

signed over `portcullis-grant.v1 0x00 <kid> 0x00 <payload bytes>`. The payload is JSON; the signature covers its exact
bytes, so no canonical form is needed.
"""

from __future__ import annotations

import base64
import hashlib
import json
import math
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from portcullis.errors import InvalidInput, Refused

TICKET_LIFETIME_SECONDS = 20
GRANT_LIFETIME_SECONDS = 30 * 60  # offline_grace: how long a session outlives every broker
GRANT_RENEWAL_SECONDS = 5 * 60
MAXIMUM_GRANT_BYTES = 3072
CHANNELS = frozenset({"display", "input", "clipboard_in", "clipboard_out"})


def to_base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def from_base64url(text: str) -> bytes:
    """Raises ValueError for anything but unpadded canonical base64url."""
    try:
        data = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except ValueError as exc:  # binascii.Error is one; so is what is not ASCII
        raise ValueError("not base64url") from exc
    if to_base64url(data) != text:
        raise ValueError("not canonical base64url")
    return data


@dataclass(frozen=True, slots=True)
class Grant:
    """What one connection may do. `client_key` is the raw 65-byte P-256 point; `login` the hash of the login."""

    kid: str
    tenant: str
    user: str
    login: str
    session: str
    host: str
    channels: frozenset[str]
    client_key: bytes
    e: int
    issued: float
    expires: float

    def to_json(self) -> dict[str, Any]:
        return {
            "tenant": self.tenant,
            "user": self.user,
            "login": self.login,
            "session": self.session,
            "host": self.host,
            "channels": sorted(self.channels),
            "client_key": to_base64url(self.client_key),
            "e": self.e,
            "issued": self.issued,
            "expires": self.expires,
        }


def sign_grant(grant: Grant, key: Ed25519PrivateKey) -> str:
    payload = json.dumps(grant.to_json(), separators=(",", ":")).encode()
    signature = key.sign(_grant_message(grant.kid, payload))
    return f"grant.v1.{grant.kid}.{to_base64url(payload)}.{to_base64url(signature)}"


def verify_grant(text: str, keys: Mapping[str, Ed25519PublicKey], now: float) -> Grant:
    """The grant, if a known key signed it and it has not expired. Raises Refused("grant_refused") otherwise."""
    try:
        if len(text) > MAXIMUM_GRANT_BYTES:
            raise ValueError("too long")
        name, version, kid, payload_text, signature_text = text.split(".")
        if (name, version) != ("grant", "v1"):
            raise ValueError("not a grant")
        payload = from_base64url(payload_text)
        keys[kid].verify(from_base64url(signature_text), _grant_message(kid, payload))
        grant = _parse_grant(kid, json.loads(payload))
    except (ValueError, KeyError, TypeError, OverflowError, InvalidSignature, RecursionError) as exc:
        raise Refused("grant_refused") from exc
    if now >= grant.expires:
        raise Refused("grant_refused")
    return grant


def read_grant(text: str) -> Grant:
    """What it says, unverified: for one that a broker itself handed over. Raises Refused("grant_refused")."""
    try:
        _, _, kid, payload, _ = text.split(".")
        return _parse_grant(kid, json.loads(from_base64url(payload)))
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError) as exc:
        raise Refused("grant_refused") from exc


def verifying_keys(keys: Mapping[str, str]) -> dict[str, Ed25519PublicKey]:
    """From `{kid: base64url raw public key}`, as enrolment and the control channel give them."""
    return {kid: Ed25519PublicKey.from_public_bytes(from_base64url(raw)) for kid, raw in keys.items()}


def attach_message(
    nonce: bytes, grant: str, version: int, last_acknowledged: int, session: str, e: int
) -> bytes:
    """What a PROOF signs (docs/protocol.md 1.1)."""
    session_bytes = session.encode()
    return b"".join(
        (
            b"portcullis-attach.v1\0",
            nonce,
            hashlib.sha256(grant.encode()).digest(),
            struct.pack("<BIH", version, last_acknowledged, len(session_bytes)),
            session_bytes,
            struct.pack("<I", e),
        )
    )


def request_message(method: str, path: str, body: bytes, unix_ms: int, nonce: str) -> bytes:
    """What `Portcullis-Signature` signs (docs/api.md)."""
    digest = hashlib.sha256(body).hexdigest()
    return f"portcullis-request.v1\n{method}\n{path}\n{digest}\n{unix_ms}\n{nonce}".encode()


def parse_client_key(raw: bytes) -> ec.EllipticCurvePublicKey:
    """Raises InvalidInput unless `raw` is an uncompressed point on P-256."""
    if len(raw) != 65 or raw[0] != 4:
        raise InvalidInput("client_key", "a raw 65-byte P-256 point")
    try:
        return ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), raw)
    except ValueError as exc:
        raise InvalidInput("client_key", "a point on P-256") from exc


def is_signed_by(client_key: bytes, signature: bytes, message: bytes) -> bool:
    """Whether `signature` (r‖s, 64 bytes, as WebCrypto makes it) over `message` is by the raw P-256 key."""
    if len(signature) != 64:
        return False
    encoded = encode_dss_signature(
        int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
    )
    try:
        parse_client_key(client_key).verify(encoded, message, ec.ECDSA(hashes.SHA256()))
    except (InvalidSignature, InvalidInput):
        return False
    return True


def _grant_message(kid: str, payload: bytes) -> bytes:
    return b"portcullis-grant.v1\0" + kid.encode() + b"\0" + payload


def _parse_grant(kid: str, data: dict[str, Any]) -> Grant:
    e = data["e"]
    if type(e) is not int or not 0 <= e < 2**32:
        raise ValueError("e")
    return Grant(
        kid=kid,
        tenant=_text(data["tenant"]),
        user=_text(data["user"]),
        login=_text(data["login"]),
        session=_text(data["session"]),
        host=_text(data["host"]),
        channels=frozenset(map(_text, data["channels"])) & CHANNELS,
        client_key=from_base64url(data["client_key"]),
        e=e,
        issued=_instant(data["issued"]),
        expires=_instant(data["expires"]),
    )


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("not a text")
    return value


def _instant(value: object) -> float:
    """NaN and infinity, which Python reads from JSON, would never expire."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise ValueError("not an instant")
    return float(value)
