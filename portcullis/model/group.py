"""A group of users, and which groups are inside which. Pure.

Users name the groups that they are in; a group may contain others, whose members are its members, too. Names are
compared exactly, as entitlements do. A group exists as soon as somebody names it: a record only adds a description and
the groups that it contains.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Group:
    name: str
    description: str = ""
    groups: frozenset[str] = frozenset()
    """Groups that it contains, by name."""

    def to_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "description": self.description,
            "members": {"groups": sorted(self.groups)},
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Group:
        members = data.get("members", {})
        return cls(data["name"], data.get("description", ""), frozenset(members.get("groups", ())))


def group_key(name: str) -> str:
    """The segment of a group's keys in the grid."""
    return hashlib.sha256(name.encode()).hexdigest()


def containers(groups: Iterable[Group]) -> dict[str, frozenset[str]]:
    """By group, those that contain it, directly."""
    found: dict[str, set[str]] = {}
    for group in groups:
        for inner in group.groups:
            found.setdefault(inner, set()).add(group.name)
    return {inner: frozenset(outer) for inner, outer in found.items()}


def with_containers(own: frozenset[str], containing: Mapping[str, frozenset[str]]) -> frozenset[str]:
    """These groups and all that contain one of them, however deep. Ends where groups contain each other, too."""
    if containing.keys().isdisjoint(own):
        return own
    reached, ahead = set(own), list(own)
    while ahead:
        for outer in containing.get(ahead.pop(), ()):
            if outer not in reached:
                reached.add(outer)
                ahead.append(outer)
    return frozenset(reached)


def cycle_through(changed: Group, others: Mapping[str, Group]) -> list[str] | None:
    """The way from the group back to itself, if it were as `changed` says: names, the first again at the end."""
    came_from: dict[str, str] = {}
    ahead = sorted(changed.groups)
    came_from.update(dict.fromkeys(ahead, changed.name))
    while ahead:
        name = ahead.pop()
        if name == changed.name:
            return _way(changed.name, came_from)
        for inner in sorted(others[name].groups) if name in others else ():
            if inner not in came_from:
                came_from[inner] = name
                ahead.append(inner)
    return None


def _way(name: str, came_from: Mapping[str, str]) -> list[str]:
    way, place = [name], came_from[name]
    while place != name:
        way.append(place)
        place = came_from[place]
    return [name, *reversed(way[1:]), name]
