"""The signature by which a browser proves its key on every change (docs/api.md, `Portcullis-Signature`).

Pure but for `RequestSignatures`, which also sees to it that a signature counts once: its nonce is created
in the grid, where it lives longer than the signature would be accepted. The same request that arrives again is known as
such: a gateway or a browser that got no answer asks another broker with the very same bytes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from broker.identity.recent_nonces import RecentNonces
from broker.repositories.nonces import Nonces, Once
from portcullis.clock import Clock
from portcullis.errors import Refused
from portcullis.model.user import Login
from portcullis.tickets import from_base64url, is_signed_by, request_message

TOLERANCE_SECONDS = 60

_HEADER = re.compile(r"v1 ([0-9]{1,15}) ([A-Za-z0-9_-]{22}) ([A-Za-z0-9_-]{86})", re.ASCII)


@dataclass(frozen=True, slots=True)
class RequestSignature:
    unix_ms: int
    nonce: str
    signature: bytes
    message: bytes = b""
    """What it covers, once that was checked."""


@dataclass(frozen=True, slots=True)
class SignedRequest:
    """What the signature covers. `path` is the request target as it was sent, with its query."""

    method: str
    path: str
    body: bytes
    header: str | None


def parse_signature(header: str | None) -> RequestSignature:
    """Raises Refused("signature_refused") for anything but the one form."""
    match = _HEADER.fullmatch(header or "")
    if match is None:
        raise Refused("signature_refused")
    try:
        signature = from_base64url(match.group(3))
    except ValueError as exc:
        raise Refused("signature_refused") from exc
    return RequestSignature(int(match.group(1)), match.group(2), signature)


def check_signature(request: SignedRequest, client_key: bytes, now: float) -> RequestSignature:
    """The signature, if the key made it over this request within a minute of `now`. Its nonce is not looked
    at.

    Raises Refused("signature_refused"), and Refused("clock_skewed") to the key's owner alone.
    """
    parsed = parse_signature(request.header)
    message = request_message(request.method, request.path, request.body, parsed.unix_ms, parsed.nonce)
    if not is_signed_by(client_key, parsed.signature, message):
        raise Refused("signature_refused")
    if abs(parsed.unix_ms - now * 1000) > TOLERANCE_SECONDS * 1000:
        raise Refused("clock_skewed")
    return replace(parsed, message=message)


class RequestSignatures:
    def __init__(self, nonces: Nonces, clock: Clock) -> None:
        self._nonces = nonces
        self._clock = clock
        self._recent = RecentNonces(clock)

    def check(self, request: SignedRequest, client_key: bytes) -> RequestSignature:
        """The signature alone, for a caller that writes the nonce in a transaction of its own (sign-in)."""
        return check_signature(request, client_key, self._clock.now())

    async def accept(self, login: Login, request: SignedRequest) -> Once:
        """Raises Refused("signature_refused") when the signature is wrong, old or its nonce another request's."""
        parsed = self.check(request, login.client_key)
        once = await self._nonces.use(login.tenant_id, login.client_key, parsed.nonce, _of(login, parsed))
        if once is None:
            raise Refused("signature_refused")
        return once

    def accept_here(self, login: Login, request: SignedRequest) -> None:
        """As `accept`, by this broker's memory alone (`recent_nonces`). Raises Refused("signature_refused")."""
        parsed = self.check(request, login.client_key)
        if not self._recent.use(login.client_key, parsed.nonce, _of(login, parsed)):
            raise Refused("signature_refused")


def _of(login: Login, signature: RequestSignature) -> bytes:
    """What makes two requests the same. Two logins may share a key: neither hears what became of the other's."""
    return login.hash.encode() + b"\n" + signature.message
