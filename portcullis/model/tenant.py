"""A tenant (customer) with its look and its limits, and the site it lives in."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

SCHEMA_VERSION = 1
RULES_SCHEMA = 2
"""Nothing is written otherwise, but a release that knows schema 1 alone would not enforce what the site asks
(`broker/stepping_back.py`).
"""
KNOWN_SCHEMA = RULES_SCHEMA
ACCENT_RULE = "a colour such as #1b5fae, or null"
_ACCENT = re.compile(r"#[0-9a-f]{6}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Site:
    id: str
    name: str
    epoch: int
    """Raised by restore and panic: everything that was issued under a lower one is void."""
    public_origins: tuple[str, ...]
    schema: int = SCHEMA_VERSION

    def to_json(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "name": self.name,
            "epoch": self.epoch,
            "public_origins": list(self.public_origins),
            "schema": self.schema,
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Site:
        return cls(
            data["id"], data["name"], data["epoch"], tuple(data["public_origins"]), data.get("schema", 1)
        )


@dataclass(frozen=True, slots=True)
class Theme:
    """How pages of the tenant look. Browsers derive readable colours from the accent themselves."""

    accent: str | None = None
    """#rrggbb, in lower case."""
    logo: str | None = None
    """SHA-256 (hex) of the picture: it lies among the tenant's records."""

    def to_json(self) -> dict[str, Any]:
        return {"accent": self.accent, "logo": self.logo}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Theme:
        return cls(data.get("accent"), data.get("logo"))


def is_accent(text: str) -> bool:
    return _ACCENT.fullmatch(text) is not None


@dataclass(frozen=True, slots=True)
class Quotas:
    """What a tenant may have at most; None: no limit of its own. 0 allows nothing."""

    sessions: int | None = None
    launches_per_second: float | None = None
    logins_per_second: float | None = None

    def to_json(self) -> dict[str, Any]:
        return {
            "sessions": self.sessions,
            "launches_per_second": self.launches_per_second,
            "logins_per_second": self.logins_per_second,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Quotas:
        return cls(data.get("sessions"), data.get("launches_per_second"), data.get("logins_per_second"))


@dataclass(frozen=True, slots=True)
class Tenant:
    id: str
    name: str
    title: str = ""
    """What pages show; empty: the name."""
    theme: Theme = field(default_factory=Theme)
    host_names: tuple[str, ...] = ()
    """DNS names under which browsers reach this tenant and no other."""
    suspended: bool = False
    """Nobody signs in or launches; its sessions are logged off."""
    quotas: Quotas = field(default_factory=Quotas)
    leaving: bool = False
    """It is being deleted: nobody reaches it any more, and what is left of it goes."""

    @property
    def is_open(self) -> bool:
        """Whether anybody may work in it."""
        return not (self.suspended or self.leaving)

    def to_json(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "name": self.name,
            "title": self.title,
            "theme": self.theme.to_json(),
            "host_names": list(self.host_names),
            "suspended": self.suspended,
            "quotas": self.quotas.to_json(),
            "leaving": self.leaving,
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Tenant:
        return cls(
            data["id"],
            data["name"],
            data.get("title", ""),
            Theme.from_json(data.get("theme", {})),
            tuple(data.get("host_names", ())),
            data.get("suspended", False),
            Quotas.from_json(data.get("quotas", {})),
            data.get("leaving", False),
        )
