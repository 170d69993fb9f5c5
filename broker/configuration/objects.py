"""The configuration of a tenant at one moment, in the words of documents. Pure.

Every object is `Held` with its fields as a document would say all of them, so that two states, or a state and a
document, are compared field by field whatever their records look like.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from portcullis.model.group import group_key

Fields = Mapping[str, Any]

ORDER = ("tenant", "role", "group", "user", "host-group", "application", "entitlement", "policy")
"""Kinds as they depend on each other: what is named comes before what names it."""
NAMED_EXACTLY = frozenset({"group", "host-group", "tenant"})
"""Other names are one whatever their case."""

DEFAULTS: dict[str, Fields] = {
    "tenant": {
        "title": "",
        "theme": {"accent": None, "logo": None},
        "quotas": {"sessions": None, "launches_per_second": None, "logins_per_second": None},
    },
    "role": {"permissions": []},
    "group": {"description": "", "members": {"groups": []}},
    "user": {"role": "user", "groups": [], "disabled": False},
    "host-group": {"hosts": []},
    "application": {
        "command": [],
        "icon": None,
        "environment": {},
        "entitled": {"users": [], "groups": []},
        "disabled": False,
        "host_groups": [],
        "minimum_memory_bytes": 0,
        "rdp": None,
        "wine": None,
        "desktop": None,
    },
    "entitlement": {"application": "", "users": [], "groups": []},
    "policy": {"level": "", "of": "-", "values": {}, "locked": []},
}
"""What a document has that says no more than its name."""

KEPT_WHERE_ABSENT: dict[str, frozenset[str]] = {
    "tenant": frozenset({"title", "theme", "quotas"}),
    "user": frozenset({"role", "groups", "disabled"}),
    "application": frozenset({"icon"}),
}
"""Fields that stay as they are where a document does not name them; others go back to their default. Somebody who was
disabled stays so."""

_HASH = re.compile(r"[0-9a-f]{64}", re.ASCII)

OWN = "own settings"
"""The name of the one object of kind `tenant`."""


@dataclass(frozen=True, slots=True)
class Held:
    kind: str
    name: str
    fields: Fields
    labels: Mapping[str, str] = field(default_factory=dict)
    revision: int = 0
    """When its record was last written."""
    id: str = ""
    enrolled: bool = False
    """Of a user: there is something to sign in with."""
    is_platform: bool = False
    added: Fields = field(default_factory=dict)
    """Of an entitlement: the users and groups that were not entitled without it."""

    @property
    def key(self) -> str:
        return key_of(self.kind, self.name)


@dataclass(frozen=True, slots=True)
class HostFact:
    """A host of the tenant, as far as host groups are concerned."""

    name: str
    id: str
    groups: frozenset[str]
    slots: int
    is_shared: bool
    """Other tenants use it as well."""
    revision: int


@dataclass(frozen=True, slots=True)
class State:
    revision: int
    objects: Mapping[str, Mapping[str, Held]]
    """By kind, by key."""
    hosts: Mapping[str, HostFact] = field(default_factory=dict)
    """By name."""

    def of(self, kind: str) -> Mapping[str, Held]:
        return self.objects.get(kind, {})

    def find(self, kind: str, name: str) -> Held | None:
        return self.of(kind).get(key_of(kind, name))

    def with_objects(self, changed: Mapping[tuple[str, str], Held | None]) -> State:
        """`changed` by kind and key; None: it is gone."""
        objects = dict(self.objects)
        copies: dict[str, dict[str, Held]] = {}
        for (kind, key), held in changed.items():
            if kind not in copies:
                objects[kind] = copies[kind] = dict(self.of(kind))
            if held is None:
                copies[kind].pop(key, None)
            else:
                copies[kind][key] = held
        return State(self.revision, objects, self.hosts)


def state_of(revision: int, held: Iterable[Held], hosts: Iterable[HostFact] = ()) -> State:
    objects: dict[str, dict[str, Held]] = {kind: {} for kind in ORDER}
    for each in held:
        objects[each.kind][each.key] = each
    return State(revision, objects, {host.name: host for host in hosts})


def key_of(kind: str, name: str) -> str:
    if kind in NAMED_EXACTLY:
        return name
    if kind == "policy":
        return _policy_key(*level_and_name(name))
    return name.lower() if name.isascii() else _folded(name)


def _policy_key(level: str, of: str) -> str:
    """A group's policy lies under the hash of its name: the name of one that nobody is in is not known."""
    if level == "group":
        return f"group/{of if _HASH.fullmatch(of) else group_key(of)}"
    return f"{level}/{key_of(level, of)}"


def _folded(name: str) -> str:
    """As `portcullis.ids.name_hash` takes names for one."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())


def policy_name(level: str, of: str) -> str:
    return "tenant" if level == "tenant" else f"{level}/{of}"


def level_and_name(policy: str) -> tuple[str, str]:
    """Of a policy's name."""
    level, _, of = policy.partition("/")
    return level, of or "-"
