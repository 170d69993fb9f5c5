"""The control channel between an agent and a broker (docs/protocol.md 4). No I/O.

Each message is a frozen value with `to_json()`; `encode` makes the text that is sent. `parse_from_agent` and
`parse_from_broker` read what a peer sent: they raise ProtocolError for anything malformed or out of bounds,
and answer None for a message type that they do not know (a later version's), which the receiver skips.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from portcullis.protocol.acts import Act, Acted, read_act, read_acted
from portcullis.protocol.checks import Check, Checked, read_check, read_checked
from portcullis.protocol.credentials import CredentialsWanted, GivenCredentials, read_given, read_wanted
from portcullis.protocol.directory import Directory, Welcome, read_directory, read_welcome
from portcullis.protocol.discovery import Discover, Discovered, read_discover, read_discovered
from portcullis.protocol.fields import Fields
from portcullis.protocol.orders import Desired, read_desired
from portcullis.protocol.reports import Heartbeat, Hello, Report, read_heartbeat, read_hello, read_report
from portcullis.protocol.revoked import Revocations, read_revocations

SUBPROTOCOL = "portcullis-control.v1"
MAXIMUM_FROM_AGENT_BYTES = 1024 * 1024
MAXIMUM_FROM_BROKER_BYTES = 16 * 1024 * 1024  # one order may carry 64 KiB of command and environment


@dataclass(frozen=True, slots=True)
class Cut:
    """The worker closes this login's connections with `code`."""

    tenant: str
    login: str
    code: str

    def to_json(self) -> dict[str, Any]:
        return {"type": "cut", "tenant": self.tenant, "login": self.login, "code": self.code}


FromAgent = Hello | Report | Heartbeat | Checked | Acted | Discovered | CredentialsWanted
FromBroker = Welcome | Directory | Desired | Cut | Revocations | Check | Act | Discover | GivenCredentials


def encode(message: FromAgent | FromBroker) -> str:
    return json.dumps(message.to_json(), separators=(",", ":"), ensure_ascii=False)


def parse_from_agent(text: str | bytes) -> FromAgent | None:
    fields = Fields.parse(text, MAXIMUM_FROM_AGENT_BYTES)
    reader = _FROM_AGENT.get(fields.text("type", 64))
    return None if reader is None else reader(fields)


def parse_from_broker(text: str | bytes) -> FromBroker | None:
    fields = Fields.parse(text, MAXIMUM_FROM_BROKER_BYTES)
    reader = _FROM_BROKER.get(fields.text("type", 64))
    return None if reader is None else reader(fields)


def _cut(fields: Fields) -> Cut:
    return Cut(fields.id("tenant"), fields.hash("login"), fields.text("code", 64))


_FROM_AGENT: dict[str, Callable[[Fields], FromAgent]] = {
    "hello": read_hello,
    "report": read_report,
    "heartbeat": read_heartbeat,
    "checked": read_checked,
    "acted": read_acted,
    "discovered": read_discovered,
    "credentials_wanted": read_wanted,
}
_FROM_BROKER: dict[str, Callable[[Fields], FromBroker | None]] = {
    "welcome": read_welcome,
    "directory": read_directory,
    "desired": read_desired,
    "cut": _cut,
    "check": read_check,
    "act": read_act,
    "discover": read_discover,
    "credentials": read_given,
    "revocations": read_revocations,
}
