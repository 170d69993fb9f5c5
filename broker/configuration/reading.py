"""Records of the grid as objects of configuration, and what writing them back takes.

`take` copies references out of the snapshot in one breath; `state_of_records`, which parses, is pure and may run in a
thread: a tenant of 100,000 users takes a second.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from broker.configuration.objects import OWN, Fields, Held, HostFact, State, policy_name, state_of
from broker.grid.scopes import Record
from broker.snapshot import Snapshot
from portcullis.model.application import Application, Entitlement
from portcullis.model.desktops import DesktopTarget
from portcullis.model.group import Group, group_key
from portcullis.model.host import Host
from portcullis.model.policy import Policy
from portcullis.model.rdp import RdpTarget
from portcullis.model.roles import Role
from portcullis.model.tenant import Tenant
from portcullis.model.user import User
from portcullis.model.wine import WineProgram

LABEL = "label"
"""Kind of the records that hold the labels of an object, and what an entitlement gave."""
_KINDS = ("role", "group", "user", "application", "policy", LABEL)


@dataclass(frozen=True, slots=True)
class Records:
    """All records of a tenant's configuration at one moment."""

    tenant_id: str
    revision: int
    by_kind: Mapping[str, Sequence[Record]]
    tenant: Record | None
    hosts: Sequence[Record]


def take(snapshot: Snapshot, tenant_id: str) -> Records:
    return Records(
        tenant_id,
        snapshot.revision,
        {kind: snapshot.list(tenant_id, kind) for kind in _KINDS},
        snapshot.get("site", ("tenant", tenant_id)),
        snapshot.list("site", "host"),
    )


def state_of_records(records: Records) -> State:
    labelled = Labelled(_value(record) for record in records.by_kind[LABEL])
    ids = Names()
    users = [_user(record, labelled, ids) for record in records.by_kind["user"]]
    applications = [_application(record, labelled, ids) for record in records.by_kind["application"]]
    held = [
        *users,
        *applications,
        *(_role(record, labelled) for record in records.by_kind["role"]),
        *(_group(record, labelled, ids) for record in records.by_kind["group"]),
        *(each for record in records.by_kind["policy"] if (each := _policy(record, labelled, ids))),
        *labelled.entitlements(),
    ]
    if records.tenant is not None:
        tenant = Tenant.from_json(_value(records.tenant))
        labels = labelled.of("tenant", OWN, tenant.id)
        held.append(tenant_held(tenant, labels, records.tenant.mod_revision))
    hosts = list(_hosts(records))
    return state_of(records.revision, [*held, *_host_groups(hosts, labelled)], hosts)


def _value(record: Record) -> dict[str, Any]:
    """Not by `Record.value`: a walk over everything would push out of its cache what is in use."""
    value: dict[str, Any] = json.loads(record.plain)
    return value


class Labelled:
    """Labels by kind and name."""

    def __init__(self, values: Iterable[Mapping[str, Any]]) -> None:
        self._values = {(value["kind"], value["name"]): value for value in values}

    def of(self, kind: str, name: str, id: str = "") -> Mapping[str, str]:
        """None of an earlier object of the name."""
        value = self._values.get((kind, name))
        if value is None or value.get("id", "") != id:
            return {}
        labels: Mapping[str, str] = value.get("labels", {})
        return labels

    def entitlements(self) -> Iterator[Held]:
        for (kind, _), value in self._values.items():
            if kind == "entitlement":
                yield entitlement_held(value)

    def host_groups(self) -> Iterator[str]:
        return (name for kind, name in self._values if kind == "host-group")


_ENTITLEMENT: tuple[tuple[str, Any], ...] = (("application", ""), ("users", ()), ("groups", ()))


def entitlement_held(value: Mapping[str, Any]) -> Held:
    """Its record is that of its labels."""
    fields = {part: value.get(part, default) for part, default in _ENTITLEMENT}
    return Held("entitlement", value["name"], fields, value.get("labels", {}), added=value.get("added", {}))


class Names:
    """By what stands in the keys of policies: ids, and for groups hashes."""

    def __init__(self) -> None:
        self._names: dict[tuple[str, str], str] = {}
        self._groups: set[str] = set()

    def note(self, level: str, id: str, name: str) -> None:
        self._names[level, id] = name

    def note_groups(self, groups: Iterable[str]) -> None:
        for group in set(groups) - self._groups:
            self._groups.add(group)
            self._names["group", group_key(group)] = group

    def of(self, level: str, id: str) -> str | None:
        """None for an application or user who is gone."""
        if level == "tenant":
            return "-"
        return self._names.get((level, id), id if level == "group" else None)


def _user(record: Record, labelled: Labelled, ids: Names) -> Held:
    user = User.from_json(_value(record))
    ids.note("user", user.id, user.name)
    ids.note_groups(user.groups)
    return user_held(user, labelled.of("user", user.name, user.id), record.mod_revision)


def user_held(user: User, labels: Mapping[str, str], revision: int) -> Held:
    fields = {"role": user.role, "groups": sorted(user.groups), "disabled": user.disabled}
    return Held(
        "user", user.name, fields, labels, revision, user.id, user.enrolled, is_platform=user.platform
    )


def _application(record: Record, labelled: Labelled, ids: Names) -> Held:
    application = Application.from_json(_value(record))
    ids.note("application", application.id, application.name)
    ids.note_groups(application.entitlement.groups)
    labels = labelled.of("application", application.name, application.id)
    return application_held(application, labels, record.mod_revision)


def application_held(application: Application, labels: Mapping[str, str], revision: int) -> Held:
    said = application.to_json()
    fields = {name: value for name, value in said.items() if name not in ("id", "name")}
    return Held("application", application.name, fields, labels, revision, application.id)


def application_of(id: str, name: str, fields: Fields) -> Application:
    entitled = fields["entitled"]
    return Application(
        id=id,
        name=name,
        command=tuple(fields["command"]),
        environment=fields["environment"],
        entitlement=Entitlement(frozenset(entitled["users"]), frozenset(entitled["groups"])),
        icon=fields["icon"],
        disabled=fields["disabled"],
        host_groups=frozenset(fields["host_groups"]),
        minimum_memory_bytes=fields["minimum_memory_bytes"],
        rdp=RdpTarget.from_json(fields["rdp"]) if fields.get("rdp") else None,
        wine=WineProgram.from_json(fields["wine"]) if fields.get("wine") else None,
        desktop=DesktopTarget.from_json(fields["desktop"]) if fields.get("desktop") else None,
    )


def _role(record: Record, labelled: Labelled) -> Held:
    role = Role.from_json(_value(record))
    return role_held(role, labelled.of("role", role.name), record.mod_revision)


def role_held(role: Role, labels: Mapping[str, str], revision: int) -> Held:
    return Held("role", role.name, {"permissions": sorted(role.permissions)}, labels, revision)


def _group(record: Record, labelled: Labelled, ids: Names) -> Held:
    group = Group.from_json(_value(record))
    ids.note_groups({group.name, *group.groups})
    return group_held(group, labelled.of("group", group.name), record.mod_revision)


def group_held(group: Group, labels: Mapping[str, str], revision: int) -> Held:
    said = group.to_json()
    fields = {"description": said["description"], "members": said["members"]}
    return Held("group", group.name, fields, labels, revision)


def _policy(record: Record, labelled: Labelled, ids: Names) -> Held | None:
    """None for one whose object is gone."""
    value = _value(record)
    level, id = record.path[1], record.path[2]
    of = ids.of(level, id)
    if of is None:
        return None
    labels = labelled.of("policy", policy_name(level, of))
    return policy_held(level, of, Policy.from_json(value), labels, record.mod_revision)


def policy_held(level: str, of: str, policy: Policy, labels: Mapping[str, str], revision: int) -> Held:
    fields = {"level": level, "of": of, **policy.to_json()}
    return Held("policy", policy_name(level, of), fields, labels, revision)


def tenant_held(tenant: Tenant, labels: Mapping[str, str], revision: int) -> Held:
    fields = {
        "title": tenant.title,
        "theme": tenant.theme.to_json(),
        "quotas": tenant.quotas.to_json(),
    }
    return Held("tenant", OWN, fields, labels, revision, tenant.id)


def _hosts(records: Records) -> Iterator[HostFact]:
    for record in records.hosts:
        host = Host.from_json(_value(record))
        if records.tenant_id in host.tenants:
            shared = len(host.tenants) > 1
            yield HostFact(host.name, host.id, host.groups, host.slots, shared, record.mod_revision)


def _host_groups(hosts: Sequence[HostFact], labelled: Labelled) -> Iterator[Held]:
    names = {group for host in hosts for group in host.groups} | set(labelled.host_groups())
    for name in sorted(names):
        members = [host for host in hosts if name in host.groups]
        fields = {"hosts": sorted(host.name for host in members)}
        revision = max((host.revision for host in members), default=0)
        yield Held("host-group", name, fields, labelled.of("host-group", name), revision)
