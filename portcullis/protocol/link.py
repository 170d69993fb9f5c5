"""Messages of the standing link between an agent and a gateway (docs/protocol.md 3). No I/O.

Each message is a frozen value with `to_json()`; `encode` makes the text that is sent. `parse_from_agent` and
`parse_from_gateway` read what a peer sent: they raise ProtocolError for anything malformed or out of bounds,
and answer None for a message type that they do not know (a later version's), which the receiver skips.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from portcullis.protocol.fields import Fields
from portcullis.revocations import MAXIMUM_REVOCATION_BYTES
from portcullis.tickets import MAXIMUM_GRANT_BYTES

SUBPROTOCOL = "portcullis-link.v1"
MAXIMUM_MESSAGE_BYTES = 16 * 1024
PING_SECONDS = 10.0
ANSWER_SECONDS = 10.0
"""How long a ping may stay unanswered, both ways."""
ATTACH_SECONDS = 2.0
"""How long a gateway waits for the agent's answer to `attach`."""

RENDEZVOUS_UPGRADE = "portcullis-stream"
RENDEZVOUS_HEADER = "Portcullis-Rendezvous"
SESSION_HEADER = "Portcullis-Session"
RENDEZVOUS_SECONDS = 5.0

REFERENCE_CHARACTERS = 64
MAXIMUM_REVOCATIONS = 12
"""In one message; more are told in several."""
KINDS = frozenset({"display"})
REFUSALS = frozenset({"session_unknown", "grant_refused", "taken_over"})


@dataclass(frozen=True, slots=True)
class Hello:
    """A gateway's first message: only now the agent knows that its certificate was accepted."""

    gateway: str

    def to_json(self) -> dict[str, Any]:
        return {"type": "hello", "gateway": self.gateway}


@dataclass(frozen=True, slots=True)
class Attach:
    """A browser waits at this gateway: have the session's worker dial it as `rendezvous`."""

    request: str
    session: str
    tenant: str
    rendezvous: str = field(repr=False)
    grant: str = field(repr=False)
    kind: str = "display"

    def to_json(self) -> dict[str, Any]:
        return {
            "type": "attach",
            "request": self.request,
            "session": self.session,
            "tenant": self.tenant,
            "rendezvous": self.rendezvous,
            "grant": self.grant,
            "kind": self.kind,
        }


@dataclass(frozen=True, slots=True)
class AttachAccepted:
    request: str
    reference: str | None = None
    """Of the session's launch, for the gateway's log."""

    def to_json(self) -> dict[str, Any]:
        return {"type": "attach_accepted", "request": self.request, "reference": self.reference}


@dataclass(frozen=True, slots=True)
class AttachRefused:
    request: str
    code: str
    """One of REFUSALS, or `host_unreachable` for a code that this version does not know."""

    def to_json(self) -> dict[str, Any]:
        return {"type": "attach_refused", "request": self.request, "code": self.code}


@dataclass(frozen=True, slots=True)
class Revoke:
    """Signed texts (`portcullis.revocations`): whoever receives them verifies them."""

    revocations: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        return {"type": "revoke", "revocations": list(self.revocations)}


@dataclass(frozen=True, slots=True)
class Heard:
    """How long ago the gateway heard a broker: what brokers say reaches the host by this way, too."""

    broker_seconds: float

    def to_json(self) -> dict[str, Any]:
        return {"type": "heard", "broker_seconds": self.broker_seconds}


@dataclass(frozen=True, slots=True)
class Leave:
    """The gateway drains: have the worker close the connection that `attach` with this `request` made, and say why. The
    gateway cuts it soon after: agents of before do not know this.
    """

    request: str
    session: str
    tenant: str

    def to_json(self) -> dict[str, Any]:
        return {"type": "leave", "request": self.request, "session": self.session, "tenant": self.tenant}


FromGateway = Hello | Attach | Revoke | Heard | Leave
FromAgent = AttachAccepted | AttachRefused


def encode(message: FromGateway | FromAgent) -> str:
    return json.dumps(message.to_json(), separators=(",", ":"), ensure_ascii=False)


def parse_from_agent(text: str | bytes) -> FromAgent | None:
    fields = Fields.parse(text, MAXIMUM_MESSAGE_BYTES)
    reader = _FROM_AGENT.get(fields.text("type", 64))
    return None if reader is None else reader(fields)


def parse_from_gateway(text: str | bytes) -> FromGateway | None:
    fields = Fields.parse(text, MAXIMUM_MESSAGE_BYTES)
    reader = _FROM_GATEWAY.get(fields.text("type", 64))
    return None if reader is None else reader(fields)


def _hello(fields: Fields) -> Hello:
    return Hello(fields.text("gateway", 128))


def _attach(fields: Fields) -> Attach:
    return Attach(
        request=fields.id("request"),
        session=fields.id("session"),
        tenant=fields.id("tenant"),
        rendezvous=fields.hash("rendezvous"),
        grant=fields.text("grant", MAXIMUM_GRANT_BYTES),
        kind=fields.choice("kind", KINDS),
    )


def _revoke(fields: Fields) -> Revoke:
    return Revoke(fields.texts("revocations", MAXIMUM_REVOCATIONS, MAXIMUM_REVOCATION_BYTES))


def _heard(fields: Fields) -> Heard:
    return Heard(fields.number("broker_seconds", 0, 1e9))


def _leave(fields: Fields) -> Leave:
    return Leave(fields.id("request"), fields.id("session"), fields.id("tenant"))


def _attach_accepted(fields: Fields) -> AttachAccepted:
    return AttachAccepted(fields.id("request"), fields.optional_text("reference", REFERENCE_CHARACTERS))


def _attach_refused(fields: Fields) -> AttachRefused:
    code = fields.text("code", 64)
    return AttachRefused(fields.id("request"), code if code in REFUSALS else "host_unreachable")


_FROM_AGENT: dict[str, Callable[[Fields], FromAgent]] = {
    "attach_accepted": _attach_accepted,
    "attach_refused": _attach_refused,
}
_FROM_GATEWAY: dict[str, Callable[[Fields], FromGateway]] = {
    "hello": _hello,
    "attach": _attach,
    "revoke": _revoke,
    "heard": _heard,
    "leave": _leave,
}
