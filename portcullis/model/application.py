"""A published application and who is entitled to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Entitlement:
    """Users by name and groups by name. No host group is named yet: every host of the tenant serves it."""

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
        )
