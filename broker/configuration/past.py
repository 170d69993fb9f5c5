"""An object as a history record has it, in the words of documents. Pure.

What is secret in a record is no field here: of a user's credentials only whether there are any.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

from broker.configuration.objects import Fields, Held, State
from broker.configuration.reading import (
    LABEL,
    Names,
    application_held,
    entitlement_held,
    group_held,
    policy_held,
    role_held,
    tenant_held,
    user_held,
)
from broker.grid.keys import Path
from portcullis.model.application import Application
from portcullis.model.group import Group
from portcullis.model.policy import Policy
from portcullis.model.roles import Role
from portcullis.model.tenant import Tenant
from portcullis.model.user import User

__all__ = [
    "Names",
    "as_it_was",
    "entitlement_held",
    "groups_as_they_were",
    "held_of",
    "labelled_as_it_was",
    "shown_fields",
]


def held_of(path: Path, value: Mapping[str, Any], names: Names) -> Held | None:
    """None for a policy of something whose name nobody knows any more, and for what no document describes."""
    kind = path[0]
    if kind == "application":
        return application_held(Application.from_json(dict(value)), {}, 0)
    if kind == "user":
        return user_held(User.from_json(dict(value)), {}, 0)
    if kind == "role":
        return role_held(Role.from_json(value), {}, 0)
    if kind == "group":
        return group_held(Group.from_json(dict(value)), {}, 0)
    if kind == "tenant":
        return tenant_held(Tenant.from_json(dict(value)), {}, 0)
    of = names.of(path[1], path[2]) if kind == "policy" else None
    return None if of is None else policy_held(path[1], of, Policy.from_json(dict(value)), {}, 0)


def shown_fields(path: Path, value: Mapping[str, Any]) -> Fields:
    """What an administrator sees of a record."""
    if path[0] == LABEL:
        held = entitlement_held(value) if path[1] == "entitlement" else None
        return {**(held.fields if held else {}), "labels": value.get("labels", {})}
    if path[0] == "token":
        return {"expires": value.get("expires"), "permissions": value.get("permissions")}
    if path[0] == "policy":
        return Policy.from_json(dict(value)).to_json()
    held = held_of(path, value, Names())
    if held is None:
        return {}
    if path[0] == "user":
        return {**held.fields, "enrolled": held.enrolled}
    return held.fields


def groups_as_they_were(
    state: State, then: Mapping[str, frozenset[str]], *, shared: bool
) -> dict[str, Held | None]:
    """By name, the host groups whose members were others. `then`: groups by id of the host; hosts that came since stay
    where they are, and so, unless `shared`, do those that other tenants use.
    """
    groups = {
        host.name: host.groups if host.is_shared and not shared else then.get(host.id, host.groups)
        for host in state.hosts.values()
    }
    names = {name for own in groups.values() for name in own}
    names |= {name for host in state.hosts.values() for name in host.groups}
    found: dict[str, Held | None] = {}
    for name in sorted(names):
        now = state.find("host-group", name)
        hosts = sorted(host for host, own in groups.items() if name in own)
        if hosts != (now.fields["hosts"] if now else []):
            kept = hosts or (now is not None and now.labels)
            found[name] = (
                replace(now or Held("host-group", name, {}), fields={"hosts": hosts}) if kept else None
            )
    return found


def labelled_as_it_was(held: Held | None, kind: str, name: str, labels: Mapping[str, str]) -> Held | None:
    """Labels alone make a host group, and no other object."""
    if kind == "host-group":
        held = held or Held(kind, name, {"hosts": []})
        return replace(held, labels=labels) if labels or held.fields["hosts"] else None
    return None if held is None else replace(held, labels=labels)


def as_it_was(now: Held | None, then: Held | None, gone_pictures: Collection[str] = ()) -> Held | None:
    """What a rollback makes of an object. Nobody who was disabled comes back by it, and secrets stay as they are; a
    picture that is not there any more stays away.
    """
    if then is None:
        return None
    fields = dict(then.fields)
    if fields.get("icon") in gone_pictures:
        fields["icon"] = now.fields["icon"] if now else None
    if then.kind == "tenant" and fields["theme"]["logo"] in gone_pictures:
        fields["theme"] = {**fields["theme"], "logo": now.fields["theme"]["logo"] if now else None}
    if now is None:
        return replace(then, fields=fields)
    if now.kind == "user" and now.fields["disabled"]:
        fields["disabled"] = True
    return Held(
        *(now.kind, then.name, fields, now.labels, now.revision, now.id),
        enrolled=now.enrolled,
        is_platform=now.is_platform,
    )
