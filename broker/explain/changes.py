"""What was changed of the objects that a launch depended on, since it was decided: out of the history in the grid."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from broker.configuration.changes import differences
from broker.configuration.reading import application_held, user_held
from broker.grid import keys
from broker.grid.keys import Path
from broker.grid.scopes import Record, Scope, Stores
from broker.repositories.applications import Applications
from broker.repositories.hosts import Hosts
from broker.repositories.policy_index import policy_path
from broker.repositories.users import Users
from portcullis.model.application import Application
from portcullis.model.group import group_key
from portcullis.model.policy import OF_TENANT
from portcullis.model.user import User

MOST_OBJECTS = 64
MOST_CHANGES = 100
_HOST_FIELDS = ("name", "slots", "draining", "revoked", "groups", "isolation", "starting_limit")
_GROUP_FIELDS = ("description", "members")
_POLICY_FIELDS = ("values", "locked")


@dataclass(frozen=True, slots=True)
class Named:
    """An object, as steps name it, and where its records lie."""

    kind: str
    name: str
    path: Path
    of_site: bool = False


@dataclass(frozen=True, slots=True)
class Changed:
    revision: int
    time: float
    author: str
    reason: str
    kind: str
    name: str
    action: str
    fields: tuple[Mapping[str, Any], ...]

    def view(self) -> dict[str, Any]:
        return {
            "revision": self.revision,
            "time": self.time,
            "author": self.author,
            "reason": self.reason,
            "kind": self.kind,
            "name": self.name,
            "action": self.action,
            "fields": list(self.fields),
        }


class Changes:
    def __init__(self, stores: Stores, users: Users, applications: Applications, hosts: Hosts) -> None:
        self._stores = stores
        self._users = users
        self._applications = applications
        self._hosts = hosts

    async def since(self, tenant_id: str, revision: int, objects: Sequence[str]) -> list[Changed]:
        """Newest first. `objects`: `kind:name`, as steps name them; of those that are unknown there is nothing."""
        tenant = await self._stores.tenant(tenant_id)
        found: list[Changed] = []
        hosts = {host.name: host.id for host in self._hosts.list() if tenant_id in host.tenants}
        for named in self._found(tenant_id, dict.fromkeys(objects), hosts):
            scope: Scope = self._stores.site if named.of_site else tenant
            history = await scope.list(keys.HISTORY, *named.path)
            found += _changed(named, history, revision)
        return sorted(found, key=lambda each: each.revision, reverse=True)[:MOST_CHANGES]

    def _found(self, tenant_id: str, objects: Iterable[str], hosts: Mapping[str, str]) -> list[Named]:
        found = (self._named(tenant_id, *text.partition(":")[::2], hosts) for text in objects)
        return [named for named in found if named is not None][:MOST_OBJECTS]

    def _named(self, tenant_id: str, kind: str, name: str, hosts: Mapping[str, str]) -> Named | None:
        match kind:
            case "user" if user := self._users.by_name(tenant_id, name):
                return Named(kind, name, ("user", user.id))
            case "application" if application := self._applications.by_name(tenant_id, name):
                return Named(kind, name, ("application", application.id))
            case "group":
                return Named(kind, name, ("group", group_key(name)))
            case "policy":
                return self._policy(tenant_id, name)
            case "host" if name in hosts:
                return Named(kind, name, ("host", hosts[name]), of_site=True)
        return None

    def _policy(self, tenant_id: str, name: str) -> Named | None:
        """`name` is a label of `portcullis.model.policy`: `tenant`, `group:staff`."""
        level, _, of = name.partition(":")
        match level:
            case "tenant":
                path = policy_path("tenant", OF_TENANT)
            case "group":
                path = policy_path("group", group_key(of))
            case "application" if application := self._applications.by_name(tenant_id, of):
                path = policy_path("application", application.id)
            case "user" if user := self._users.by_name(tenant_id, of):
                path = policy_path("user", user.id)
            case _:
                return None
        return Named("policy", name, path)


def _changed(named: Named, history: Sequence[Record], revision: int) -> Iterator[Changed]:
    """What its history says after `revision`. Who changed a host that others use as well is none of a tenant's news."""
    before: Mapping[str, Any] | None = None
    for record in sorted(history, key=lambda each: each.mod_revision):
        after = record.value.get("value")
        if record.mod_revision > revision:
            fields = tuple(
                each.to_json() for each in differences(_shown(named, before), _shown(named, after))
            )
            if fields or (before is None) != (after is None):
                yield Changed(
                    record.mod_revision,
                    record.value.get("time", 0.0),
                    "" if named.of_site else str(record.value.get("author", "")),
                    str(record.value.get("reason", "")),
                    named.kind,
                    named.name,
                    _action(before, after),
                    fields,
                )
        before = after


def _action(before: Mapping[str, Any] | None, after: Mapping[str, Any] | None) -> str:
    if after is None:
        return "delete"
    return "create" if before is None else "change"


def _shown(named: Named, value: Mapping[str, Any] | None) -> Mapping[str, Any]:
    """No secret: of users only what configuration says."""
    if value is None:
        return {}
    match named.kind:
        case "user":
            return user_held(User.from_json(dict(value)), {}, 0).fields
        case "application":
            return application_held(Application.from_json(dict(value)), {}, 0).fields
        case "host":
            return {name: value[name] for name in _HOST_FIELDS if name in value}
        case "group":
            return {name: value[name] for name in _GROUP_FIELDS if name in value}
    return {name: value[name] for name in _POLICY_FIELDS if name in value}
