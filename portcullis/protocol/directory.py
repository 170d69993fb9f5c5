"""What a broker says of the site to an agent (docs/protocol.md 4): in its welcome, and whenever it changes.

Part of the control channel.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from portcullis.address import Address
from portcullis.protocol.fields import Fields
from portcullis.protocol.orders import NAME_CHARACTERS

HEARTBEAT_SECONDS = 5
MAXIMUM_GATEWAYS = 256
MAXIMUM_AUTHORITIES = 16
MAXIMUM_KEYS = 64
MAXIMUM_BROKERS = 64


@dataclass(frozen=True, slots=True)
class GatewayEntry:
    name: str
    address: str
    """host:port of its inner listener."""

    def to_json(self) -> dict[str, str]:
        return {"name": self.name, "address": self.address}


@dataclass(frozen=True, slots=True)
class Directory:
    """What may change while a channel stands: `grant_keys` is {kid: base64url of the raw Ed25519 key}."""

    grant_keys: Mapping[str, str]
    gateways: tuple[GatewayEntry, ...]
    brokers: tuple[str, ...] = ()
    """Where to dial, `host:port`; empty: a broker of an older version, which does not say."""
    authorities: tuple[str, ...] = ()
    """Pins of the site's CAs, the one that signs in front; empty likewise."""

    def to_json(self) -> dict[str, Any]:
        return {
            "type": "directory",
            "grant_keys": dict(self.grant_keys),
            "gateways": [gateway.to_json() for gateway in self.gateways],
            "brokers": list(self.brokers),
            "authorities": list(self.authorities),
        }


@dataclass(frozen=True, slots=True)
class Welcome:
    host: str
    host_id: str
    time: float
    directory: Directory
    heartbeat_seconds: int = HEARTBEAT_SECONDS

    def to_json(self) -> dict[str, Any]:
        return {
            **self.directory.to_json(),
            "type": "welcome",
            "host": self.host,
            "host_id": self.host_id,
            "time": self.time,
            "heartbeat_seconds": self.heartbeat_seconds,
        }


def _gateway(fields: Fields) -> GatewayEntry:
    return GatewayEntry(fields.text("name", NAME_CHARACTERS), fields.text("address", 300))


def read_directory(fields: Fields) -> Directory:
    return Directory(
        grant_keys=fields.text_map("grant_keys", MAXIMUM_KEYS, 64),
        gateways=fields.items("gateways", MAXIMUM_GATEWAYS, _gateway),
        brokers=_brokers(fields),
        authorities=fields.optional_texts("authorities", MAXIMUM_AUTHORITIES, 64),
    )


def _brokers(fields: Fields) -> tuple[str, ...]:
    """Those that can be dialled: one that cannot be must not keep the others away."""
    said = fields.optional_texts("brokers", MAXIMUM_BROKERS, 300)
    return tuple(address for address in said if _is_address(address))


def _is_address(text: str) -> bool:
    try:
        Address.parse(text)
    except ValueError:
        return False
    return True


def read_welcome(fields: Fields) -> Welcome:
    return Welcome(
        host=fields.text("host", NAME_CHARACTERS),
        host_id=fields.id("host_id"),
        time=fields.number("time", 0, 1e11),
        heartbeat_seconds=fields.integer("heartbeat_seconds", 1, 3600),
        directory=read_directory(fields),
    )
