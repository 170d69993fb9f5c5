"""Messages of the channel between a gateway and a broker (docs/protocol.md 6). No I/O.

Each message is a frozen value with `to_json()`; `encode` makes the text that is sent. `parse_from_gateway` and
`parse_from_broker` read what a peer sent: they raise ProtocolError for anything malformed or out of bounds, and answer
None for a message type that they do not know (a later version's), which the receiver skips.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from portcullis.protocol.fields import Fields
from portcullis.protocol.revoked import Revocations, read_revocations

PATH = "/gateway"
SUBPROTOCOL = "portcullis-gateway.v1"
ELSEWHERE_HEADER = "Portcullis-Elsewhere"
"""On a broker's refusal: it did nothing, and another broker can. Its value is the code."""
STATE_SECONDS = 5.0
"""A gateway tells its state so often, and at every change that matters."""
PING_SECONDS = 1.0
SILENCE_SECONDS = 2.5
"""A broker that has said nothing for so long, pings unanswered, is asked nothing while another answers."""
MAXIMUM_FROM_GATEWAY_BYTES = 256 * 1024
MAXIMUM_FROM_BROKER_BYTES = 1024 * 1024
MAXIMUM_BROKERS = 64
MAXIMUM_ORIGINS = 256
MAXIMUM_OWN_NAMES = 4096
MAXIMUM_HOSTS = 4096
MAXIMUM_KEYS = 64
MAXIMUM_AUTHORITIES = 16
NAME_CHARACTERS = 128
ADDRESS_CHARACTERS = 300


@dataclass(frozen=True, slots=True)
class Hello:
    """A gateway's first message. `incarnation` is new at each of its starts."""

    version: str
    incarnation: str

    def to_json(self) -> dict[str, Any]:
        return {"type": "hello", "version": self.version, "incarnation": self.incarnation}


@dataclass(frozen=True, slots=True)
class State:
    """How a gateway is. `hosts`: ids of those whose standing link is here."""

    streams: int
    hosts: tuple[str, ...]
    draining: bool
    load: float
    """One-minute load divided by the number of cores."""

    def to_json(self) -> dict[str, Any]:
        return {
            "type": "state",
            "streams": self.streams,
            "hosts": list(self.hosts),
            "draining": self.draining,
            "load": self.load,
        }


@dataclass(frozen=True, slots=True)
class Site:
    """What a gateway has to know, as a broker sees it. Sent first and whenever any of it changes."""

    time: float
    broker: str
    brokers: tuple[str, ...]
    """Inner addresses of the live brokers that take work."""
    grant_keys: Mapping[str, str]
    public_origins: tuple[str, ...]
    gateways: tuple[str, ...]
    """Public origins of the gateways that are live and not draining."""
    draining: bool = False
    """This broker: it is asked nothing any more where another answers."""
    gateway_draining: bool = False
    """The gateway itself: it gives its streams away and takes no new one."""
    own_names: tuple[str, ...] = ()
    """Origins of tenants' own host names. They are served like `public_origins`, and no other page names them."""
    authorities: tuple[str, ...] = ()
    """Pins of the site's CAs, the one that signs in front; empty: a broker of an older version, which does not say."""

    def to_json(self) -> dict[str, Any]:
        return {
            "type": "site",
            "time": self.time,
            "broker": self.broker,
            "brokers": list(self.brokers),
            "grant_keys": dict(self.grant_keys),
            "public_origins": list(self.public_origins),
            "gateways": list(self.gateways),
            "draining": self.draining,
            "gateway_draining": self.gateway_draining,
            "own_names": list(self.own_names),
            "authorities": list(self.authorities),
        }


FromGateway = Hello | State | Revocations
FromBroker = Site | Revocations


def encode(message: FromGateway | FromBroker) -> str:
    return json.dumps(message.to_json(), separators=(",", ":"), ensure_ascii=False)


def parse_from_gateway(text: str | bytes) -> FromGateway | None:
    fields = Fields.parse(text, MAXIMUM_FROM_GATEWAY_BYTES)
    reader = _FROM_GATEWAY.get(fields.text("type", 64))
    return None if reader is None else reader(fields)


def parse_from_broker(text: str | bytes) -> FromBroker | None:
    fields = Fields.parse(text, MAXIMUM_FROM_BROKER_BYTES)
    reader = _FROM_BROKER.get(fields.text("type", 64))
    return None if reader is None else reader(fields)


def _hello(fields: Fields) -> Hello:
    return Hello(fields.text("version", NAME_CHARACTERS), fields.id("incarnation"))


def _state(fields: Fields) -> State:
    return State(
        streams=fields.integer("streams", 0, 2**31),
        hosts=fields.texts("hosts", MAXIMUM_HOSTS, 16),
        draining=fields.flag("draining"),
        load=fields.number("load", 0, 1e6),
    )


def _site(fields: Fields) -> Site:
    return Site(
        time=fields.number("time", 0, 1e11),
        broker=fields.text("broker", NAME_CHARACTERS),
        brokers=fields.texts("brokers", MAXIMUM_BROKERS, ADDRESS_CHARACTERS),
        grant_keys=fields.text_map("grant_keys", MAXIMUM_KEYS, 64),
        public_origins=fields.texts("public_origins", MAXIMUM_ORIGINS, 256),
        gateways=fields.texts("gateways", MAXIMUM_ORIGINS, 256),
        draining=fields.flag("draining"),
        gateway_draining=fields.flag("gateway_draining"),
        own_names=fields.optional_texts("own_names", MAXIMUM_OWN_NAMES, 300),
        authorities=fields.optional_texts("authorities", MAXIMUM_AUTHORITIES, 64),
    )


_FROM_GATEWAY: dict[str, Callable[[Fields], FromGateway]] = {
    "hello": _hello,
    "state": _state,
    "revocations": read_revocations,
}
_FROM_BROKER: dict[str, Callable[[Fields], FromBroker]] = {"site": _site, "revocations": read_revocations}
