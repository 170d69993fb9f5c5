"""A published application and who is entitled to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Entitlement:
    """Users by name and groups by name."""

    users: frozenset[str] = frozenset()
    groups: frozenset[str] = frozenset()

    def admits(self, user_name: str, groups: frozenset[str]) -> bool:
        return user_name in self.users or bool(groups & self.groups)


@dataclass(frozen=True, slots=True)
class Application:
    id: str
    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    entitlement: Entitlement = Entitlement()
    icon: str | None = None
    """SHA-256 (hex) of the icon's bytes."""
    disabled: bool = False
    host_groups: frozenset[str] = frozenset()
    """It runs on hosts of any of these groups; on any host of the tenant when there are none."""
    minimum_memory_bytes: int = 0
    """Only hosts with so much memory available start it; at least what every session needs."""

    def to_json(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "name": self.name,
            "command": list(self.command),
            "environment": dict(self.environment),
            "entitled": {
                "users": sorted(self.entitlement.users),
                "groups": sorted(self.entitlement.groups),
            },
            "icon": self.icon,
            "disabled": self.disabled,
            "host_groups": sorted(self.host_groups),
            "minimum_memory_bytes": self.minimum_memory_bytes,
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Application:
        entitled = data.get("entitled", {})
        return cls(
            id=data["id"],
            name=data["name"],
            command=tuple(data["command"]),
            environment=dict(data.get("environment", {})),
            entitlement=Entitlement(
                frozenset(entitled.get("users", ())), frozenset(entitled.get("groups", ()))
            ),
            icon=data.get("icon"),
            disabled=data.get("disabled", False),
            host_groups=frozenset(data.get("host_groups", ())),
            minimum_memory_bytes=data.get("minimum_memory_bytes", 0),
        )
