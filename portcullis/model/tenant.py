"""A tenant (customer) and the site it lives in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

SCHEMA_VERSION = 1


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
class Tenant:
    id: str
    name: str

    def to_json(self) -> dict[str, Any]:
        return {"id": self.id, "name": self.name}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Tenant:
        return cls(data["id"], data["name"])
