"""A published application and who is entitled to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from portcullis.model.desktops import DesktopTarget
from portcullis.model.rdp import RdpTarget
from portcullis.model.wine import WineProgram

MAXIMUM_ARGUMENTS = 64
MAXIMUM_ARGUMENT_LENGTH = 4096
MAXIMUM_VARIABLES = 64
MAXIMUM_VALUE_LENGTH = 4096
MAXIMUM_ENTITLED = 1000
MAXIMUM_HOST_GROUPS = 64
MAXIMUM_MEMORY_BYTES = 2**50

# The session sets these, or a program would load code through them before it is the program that was published.
RESERVED_PREFIXES = ("LD_", "GLIBC_", "MALLOC_", "DYLD_", "PORTCULLIS_")
# fmt: off
RESERVED_VARIABLES = frozenset(
    {
        "BASH_ENV", "DBUS_SESSION_BUS_ADDRESS", "DISPLAY", "ENV", "GCONV_PATH", "GIO_EXTRA_MODULES",
        "GIO_MODULE_DIR", "GTK_MODULES", "GTK_PATH", "HOME", "IFS", "LOCPATH", "LOGNAME", "MAIL",
        "NLSPATH", "NODE_OPTIONS", "NODE_PATH", "PATH", "PERL5LIB", "PERL5OPT", "PWD", "PYTHONHOME",
        "PYTHONPATH", "PYTHONSTARTUP", "QT_PLUGIN_PATH", "RUBYLIB", "RUBYOPT", "SHELL", "TMPDIR",
        "USER", "WAYLAND_DISPLAY", "XAUTHORITY", "XDG_RUNTIME_DIR", "XDG_SESSION_ID",
        "XDG_SESSION_TYPE",
    }
)
# fmt: on


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
    rdp: RdpTarget | None = None
    """A server that is shown in place of a program; then there is no command."""
    wine: WineProgram | None = None
    """A Windows program that runs in place of one of the host; likewise."""
    desktop: DesktopTarget | None = None
    """An existing desktop that is attached to; likewise."""

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
            "rdp": self.rdp.to_json() if self.rdp else None,
            "wine": self.wine.to_json() if self.wine else None,
            "desktop": self.desktop.to_json() if self.desktop else None,
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
            rdp=RdpTarget.from_json(data["rdp"]) if data.get("rdp") else None,
            wine=WineProgram.from_json(data["wine"]) if data.get("wine") else None,
            desktop=DesktopTarget.from_json(data["desktop"]) if data.get("desktop") else None,
        )
