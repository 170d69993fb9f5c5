"""Machines of a site: hosts that run applications, gateways that face browsers, and the tokens that enrol them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

MachineRole = Literal["host", "gateway"]
Isolation = Literal["accounts", "none"]
"""Of a host's sessions: each runs under accounts of its own, or all under one, the agent's."""
DEFAULT_STARTING_LIMIT = 4
"""Of a host whose agent does not say (it is older than the limit)."""


@dataclass(frozen=True, slots=True)
class Host:
    id: str
    name: str
    slots: int
    """How many sessions it runs at once; each slot is one grid key (docs/grid.md)."""
    tenants: frozenset[str]
    """Ids of the tenants whose sessions it may run."""
    generation: int = 1
    """Grows with every certificate: only the newest may renew."""
    draining: bool = False
    revoked: bool = False
    key_hash: str = ""
    """SHA-256 (hex) of the newest certificate's public key: a renewal whose answer was lost is answered again."""
    isolation: Isolation = "accounts"
    """As its agent said last."""
    groups: frozenset[str] = frozenset()
    """Host groups that it belongs to, by name: an application may ask for some (docs/placement.md)."""
    starting_limit: int = DEFAULT_STARTING_LIMIT
    """So many sessions it starts at once, as its agent said last; more wait in line."""
    trusts: frozenset[str] = frozenset()
    """Pins of the CAs that it said to trust at its last renewal."""
    issuer: str = ""
    """Pin of the CA that signed its newest certificate; empty: of a time when there was one."""

    def to_json(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "name": self.name,
            "slots": self.slots,
            "tenants": sorted(self.tenants),
            "generation": self.generation,
            "draining": self.draining,
            "revoked": self.revoked,
            "key_hash": self.key_hash,
            "isolation": self.isolation,
            "groups": sorted(self.groups),
            "starting_limit": self.starting_limit,
            "trusts": sorted(self.trusts),
            "issuer": self.issuer,
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Host:
        return cls(
            data["id"],
            data["name"],
            data["slots"],
            frozenset(data["tenants"]),
            data.get("generation", 1),
            data.get("draining", False),
            data.get("revoked", False),
            data.get("key_hash", ""),
            data.get("isolation", "accounts"),
            frozenset(data.get("groups", ())),
            data.get("starting_limit", DEFAULT_STARTING_LIMIT),
            frozenset(data.get("trusts", ())),
            data.get("issuer", ""),
        )


@dataclass(frozen=True, slots=True)
class LiveHost:
    """Lease-bound: this host's agent holds a control channel. `load` samples are not in the grid."""

    host_id: str
    incarnation: str
    broker_id: str
    version: str
    lease: int
    features: frozenset[str] = frozenset()
    """What it can do that not every host can, by the names of its agent's hello."""

    def to_json(self) -> dict[str, Any]:
        return {
            "host_id": self.host_id,
            "incarnation": self.incarnation,
            "broker_id": self.broker_id,
            "version": self.version,
            "lease": self.lease,
            "features": sorted(self.features),
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> LiveHost:
        return cls(
            data["host_id"],
            data["incarnation"],
            data["broker_id"],
            data.get("version", ""),
            data["lease"],
            frozenset(data.get("features", ())),
        )


@dataclass(frozen=True, slots=True)
class Gateway:
    id: str
    name: str
    address: str
    """host:port of the inner listener, where agents and workers dial."""
    public_origin: str
    generation: int = 1
    revoked: bool = False
    key_hash: str = ""
    draining: bool = False
    """It is in no list, takes no new stream and gives away those it has."""
    trusts: frozenset[str] = frozenset()
    issuer: str = ""
    """Both as a host's."""

    def to_json(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "name": self.name,
            "address": self.address,
            "public_origin": self.public_origin,
            "generation": self.generation,
            "revoked": self.revoked,
            "key_hash": self.key_hash,
            "draining": self.draining,
            "trusts": sorted(self.trusts),
            "issuer": self.issuer,
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Gateway:
        return cls(
            data["id"],
            data["name"],
            data["address"],
            data["public_origin"],
            data.get("generation", 1),
            data.get("revoked", False),
            data.get("key_hash", ""),
            data.get("draining", False),
            frozenset(data.get("trusts", ())),
            data.get("issuer", ""),
        )


@dataclass(frozen=True, slots=True)
class JoinToken:
    """One-time right to enrol a machine. `hash` is the SHA-256 of the secret part's text and names the record."""

    hash: str
    role: MachineRole
    name: str | None
    tenants: frozenset[str]
    expires: float

    def to_json(self) -> dict[str, Any]:
        return {
            "hash": self.hash,
            "role": self.role,
            "name": self.name,
            "tenants": sorted(self.tenants),
            "expires": self.expires,
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> JoinToken:
        return cls(data["hash"], data["role"], data.get("name"), frozenset(data["tenants"]), data["expires"])
