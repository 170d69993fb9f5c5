"""What a caller of the API may do: permissions, the roles that hold them, and how they come together.

One table of permissions; every route of the API names one of them (`broker/http/middleware.py`) or is for everybody.
A role is a set of permissions under a name: the built-in ones stand here, others are records of a tenant. What begins
with `platform.` concerns the whole site, no matter whose: no role of a tenant holds it, but the platform
administrator does, besides everything in the tenant that they are a member of. Pure: no I/O.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

PLATFORM_PREFIX = "platform."

PERMISSIONS: dict[str, str] = {
    "applications.read": "See the applications that are published, and how they are started.",
    "applications.write": "Publish, change and delete applications, and say who may start them.",
    "users.read": "See users, their groups, their role and how their account stands.",
    "users.write": "Make, disable and delete users, change their groups and role, and sign them out.",
    "users.enrol": "Hand out the links by which users choose password and factor: who has a link can become that user.",
    "groups.read": "See groups and who is in them.",
    "groups.write": "Make, change and delete groups.",
    "hosts.read": "See the hosts and gateways that serve the tenant.",
    "hosts.write": "Join hosts of the tenant's own, drain them and set their groups.",
    "sessions.read": "See who runs what where, and how its stream is.",
    "sessions.end": "Log off or disconnect sessions of others.",
    "sessions.message": "Show a message in the page of a session.",
    "policies.read": "See policies and the values that are in force.",
    "policies.write": "Change policies.",
    "launches.read": "See why launches succeeded or failed.",
    "simulate": "Simulate a launch of any user.",
    "probes.read": "See scheduled test launches and how they went.",
    "probes.write": "Schedule test launches.",
    "history.read": "See who changed what, and when.",
    "history.rollback": "Take changes back.",
    "audit.read": "Search and export what happened.",
    "tokens.read": "See API tokens: never their text.",
    "tokens.write": "Make and revoke API tokens.",
    "configuration.plan": "See what applying files would change.",
    "configuration.apply": "Apply files of configuration, all kinds of objects at once.",
    "roles.read": "See roles and what they allow.",
    "roles.write": "Make, change and delete roles.",
    "tenant.read": "See the tenant's own settings.",
    "tenant.write": "Change the tenant's own settings.",
    "status.read": "See how the site is, as far as it serves the tenant.",
    "platform.tenants.read": "See every tenant.",
    "platform.tenants.write": "Make, change, suspend and delete tenants.",
    "platform.hosts.write": "Change hosts that serve several tenants, and say which ones they serve.",
    "platform.gateways.write": "Join and drain gateways.",
    "platform.brokers.write": "Drain brokers.",
    "platform.panic": "Make every login of the site void.",
    "platform.site.read": "See the state, the names and the events of the whole site.",
    "platform.site.write": "Change the names and settings of the site.",
    "platform.enter": "Enter another tenant for a while, for a reason that is recorded.",
}

ENROL = "users.enrol"
"""Comes with `users.write`, of roles of before too, but not to API tokens: those have to name it."""

PLATFORM_PERMISSIONS = frozenset(name for name in PERMISSIONS if name.startswith(PLATFORM_PREFIX))
TENANT_PERMISSIONS = frozenset(PERMISSIONS) - PLATFORM_PERMISSIONS

BUILT_IN_ROLES: dict[str, frozenset[str]] = {
    "user": frozenset(),
    "administrator": TENANT_PERMISSIONS,
    "help_desk": frozenset(
        {
            *("users.read", "groups.read", "applications.read", "hosts.read"),
            *("sessions.read", "sessions.end", "sessions.message"),
            *("launches.read", "simulate", "probes.read", "policies.read", "status.read"),
        }
    ),
    "auditor": frozenset(name for name in TENANT_PERMISSIONS if name.endswith(".read")),
}


@dataclass(frozen=True, slots=True)
class Role:
    """One that a tenant made for itself."""

    name: str
    permissions: frozenset[str]

    def to_json(self) -> dict[str, Any]:
        return {"name": self.name, "permissions": sorted(self.permissions)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Role:
        """A permission that this version does not know, or that no tenant can give, is none."""
        return cls(data["name"], frozenset(data.get("permissions", ())) & TENANT_PERMISSIONS)


def effective(
    role: frozenset[str],
    *,
    platform: bool = False,
    token: Iterable[str] | None = None,
    enrols: bool = True,
) -> frozenset[str]:
    """Of a user whose role holds `role`, at most those that a token names (None: all of them). `enrols`: whether it is
    a token that may hand out links, or no token at all.
    """
    held = with_enrol(frozenset(PERMISSIONS) if platform else role)
    limited = held if token is None else held & frozenset(token)
    return with_enrol(limited) & held if enrols else limited - {ENROL}


def with_enrol(permissions: frozenset[str]) -> frozenset[str]:
    """What counts as held where nobody is to hand out more than they hold: a token that changes users may make one an
    administrator, though it hands out no link itself.
    """
    return permissions | {ENROL} if "users.write" in permissions else permissions
