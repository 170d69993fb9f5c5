"""A change as operations on the grid's records, against what is there at that moment.

A change of many objects takes many transactions, and others write meanwhile: so each item is worked out anew from the
snapshot when its turn comes. It sets what documents say and leaves alone what they do not: a password that was chosen
a moment ago stays.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from broker.configuration.changes import Change
from broker.configuration.objects import State, key_of, level_and_name
from broker.configuration.reading import LABEL, application_of
from broker.credentials.vault import vault_deletion
from broker.grid.keys import Path
from broker.grid.scopes import Cause, Condition, Record, Scope, SealedOperation, SiteStore
from broker.repositories.attempts import attempts_deletion
from broker.repositories.enrolment_links import link_deletion
from broker.repositories.policy_index import policy_path
from broker.repositories.recovery_codes import codes_deletion
from broker.snapshot import Snapshot
from portcullis.ids import name_hash, new_id
from portcullis.model.group import Group, group_key
from portcullis.model.host import Host
from portcullis.model.policy import Policy
from portcullis.model.roles import Role
from portcullis.model.tenant import Quotas, Tenant, Theme
from portcullis.model.user import User

log = logging.getLogger(__name__)

Item = dict[str, Any]
"""A change as the intent record holds it: `kind`, `name`, `id`, `fields` (None: it goes), `labels`, `revision` (of the
record that was read, 0: none) and `labelled` (there is a label record)."""


USERS_OF_AN_ITEM = 60
"""With their history that is as much as one transaction takes."""


class Conflict(Exception):
    """The object of the item is not as it was read."""

    def __init__(self, item: Item) -> None:
        super().__init__(item["name"])
        self.item = item


@dataclass(slots=True)
class Writes:
    operations: list[SealedOperation] = field(default_factory=list)
    conditions: list[Condition] = field(default_factory=list)

    @property
    def weight(self) -> tuple[int, int]:
        """Operations and bytes."""
        weights = [operation.weight for operation in self.operations]
        count = max(sum(count for count, _ in weights), len(self.conditions))
        return count, sum(size for _, size in weights)


def items_of(changes: Iterable[Change], before: State) -> list[Item]:
    """In the order in which they are to be written. Hosts stand for the groups that they come into or leave."""
    items: list[Item] = []
    hosts: dict[str, Item] = {}
    for change in changes:
        if change.kind == "host-group":
            _note_hosts(change, before, hosts)
        items.append(_item(change))
    return [*hosts.values(), *items]


def members_of(group: str, user_ids: Collection[str], *, inside: bool) -> list[Item]:
    """Who comes into the group, or leaves it."""
    ids = sorted(user_ids)
    return [
        {"kind": "members", "name": group, "inside": inside, "users": ids[start : start + USERS_OF_AN_ITEM]}
        for start in range(0, len(ids), USERS_OF_AN_ITEM)
    ]


def _item(change: Change) -> Item:
    before, after = change.before, change.after
    labels = dict(after.labels) if after else {}
    item: Item = {
        "kind": change.kind,
        "name": change.name,
        "id": (before.id if before else "") or new_id(),
        "fields": after.fields if after else None,
        "labels": labels,
        "labelled": change.kind == "entitlement" or bool(labels) or bool(before and before.labels),
        "revision": before.revision if before else 0,
    }
    return item | ({"added": after.added} if after and after.kind == "entitlement" else {})


def _note_hosts(change: Change, before: State, hosts: dict[str, Item]) -> None:
    old = set(change.before.fields["hosts"]) if change.before else set()
    new = set(change.after.fields["hosts"]) if change.after else set()
    for name in sorted(old ^ new):
        fact = before.hosts[name]
        item = hosts.setdefault(name, {"kind": "host", "name": name, "id": fact.id, "add": [], "remove": []})
        item["add" if name in new else "remove"].append(change.name)


class Writer:
    """Of one transaction. `strict`: a record that was changed since it was read is a Conflict."""

    def __init__(
        self, site: SiteStore, store: Scope, snapshot: Snapshot, author: str, cause: Cause, *, strict: bool
    ) -> None:
        self._site = site
        self._store = store
        self._snapshot = snapshot
        self._author = author
        self._cause = cause
        self._strict = strict
        self._new: dict[Path, str] = {}

    def writes(self, item: Item) -> Writes:
        """What makes the object what the item says. Raises Conflict."""
        made = Writes()
        _WRITE[item["kind"]](self, made, item)
        if item.get("labelled"):
            self._label(made, item)
        return made

    def check(self, item: Item) -> None:
        """That the record is the one that was read. Raises Conflict."""
        kind = item["kind"]
        if kind in ("application", "user"):
            id = self._id_named(kind, item["name"])
            self._checked(item, self._snapshot.get(self._store.scope, (kind, id)) if id else None)
        elif kind in ("role", "group"):
            segment = name_hash(item["name"]) if kind == "role" else group_key(item["name"])
            self._checked(item, self._snapshot.get(self._store.scope, (kind, segment)))
        elif kind == "policy" and (path := self._policy_path(item["name"])) is not None:
            self._checked(item, self._snapshot.get(self._store.scope, path))

    def _put(self, path: Path, value: dict[str, Any]) -> SealedOperation:
        return self._store.put(path, value, author=self._author, cause=self._cause)

    def _delete(self, path: Path) -> SealedOperation:
        return self._store.delete(path, author=self._author, cause=self._cause)

    def _label(self, made: Writes, item: Item) -> None:
        path = label_path(item["kind"], item["name"])
        record = self._snapshot.get(self._store.scope, path)
        made.conditions.append(self._store.unchanged(record) if record else self._store.absent(path))
        is_entitlement = item["kind"] == "entitlement"
        if item["fields"] is None or not (item["labels"] or is_entitlement):
            made.operations.append(self._delete(path))
            return
        has_id = item["kind"] in ("user", "application", "tenant")
        value = {
            **{"kind": item["kind"], "name": item["name"], "labels": item["labels"]},
            **({"id": self._id_of(item)} if has_id else {}),
            **({**item["fields"], "added": item["added"]} if is_entitlement else {}),
        }
        if record is None or record.value != value:
            made.operations.append(self._put(path, value))

    def _id_of(self, item: Item) -> str:
        if item["kind"] == "tenant":
            return self._store.scope
        return self._id_named(item["kind"], item["name"]) or str(item["id"])

    def _id_named(self, kind: str, name: str) -> str | None:
        """Of the object that has the name now: somebody else may have made it meanwhile."""
        path = (f"{kind}-name", name_hash(name))
        index = self._snapshot.get(self._store.scope, path)
        return self._new.get(path) or (str(index.value["id"]) if index else None)

    def _checked(self, item: Item, record: Record | None) -> Record | None:
        if self._strict and (record.mod_revision if record else 0) != item["revision"]:
            raise Conflict(item)
        return record

    def _indexed(self, made: Writes, item: Item) -> tuple[Record | None, Path]:
        """The record of the name, and where it lies or shall lie; with what keeps the name unique."""
        kind, scope = item["kind"], self._store.scope
        index_path = (f"{kind}-name", name_hash(item["name"]))
        index = self._snapshot.get(scope, index_path)
        record = self._snapshot.get(scope, (kind, index.value["id"])) if index else None
        self._checked(item, record)
        path = record.path if record else (kind, item["id"])
        if record is not None:
            made.conditions.append(self._store.unchanged(record))
        elif item["fields"] is not None:
            made.conditions.append(self._store.unchanged(index) if index else self._store.absent(index_path))
        if item["fields"] is None:
            made.operations.append(self._store.delete(index_path))
        elif record is None:
            self._new[index_path] = item["id"]
            made.operations.append(self._store.put(index_path, {"id": item["id"]}))
        return record, path

    def application(self, made: Writes, item: Item) -> None:
        record, path = self._indexed(made, item)
        if item["fields"] is None:
            made.operations += [self._delete(path)] if record else []
        else:
            made.operations.append(
                self._put(path, application_of(path[1], item["name"], item["fields"]).to_json())
            )

    def user(self, made: Writes, item: Item) -> None:
        record, path = self._indexed(made, item)
        known = User.from_json(record.value) if record else None
        fields = item["fields"]
        if fields is not None:
            user = replace(
                known or User(path[1], item["name"]),
                role=fields["role"],
                groups=frozenset(fields["groups"]),
                disabled=fields["disabled"],
            )
            made.operations.append(self._put(path, user.to_json()))
        elif known is not None:
            made.operations += [
                self._delete(path),
                attempts_deletion(self._store, known.id),
                codes_deletion(self._store, known.id),
                vault_deletion(self._store, known.id),
                *link_deletion(self._store, known.link_hash),
            ]

    def members(self, made: Writes, item: Item) -> None:
        """Users who come into a group, or leave it; whatever else they are stays as it is."""
        for user_id in item["users"]:
            record = self._snapshot.get(self._store.scope, ("user", user_id))
            if record is None:
                log.warning("a user who is gone is put into no group: %s", user_id)
                continue
            known = User.from_json(record.value)
            groups = known.groups | {item["name"]} if item["inside"] else known.groups - {item["name"]}
            made.operations.append(self._put(record.path, replace(known, groups=groups).to_json()))
            made.conditions.append(self._store.unchanged(record))

    def role(self, made: Writes, item: Item) -> None:
        fields = item["fields"]
        value = fields and Role(item["name"], frozenset(fields["permissions"])).to_json()
        self._by_name(made, item, ("role", name_hash(item["name"])), value)

    def group(self, made: Writes, item: Item) -> None:
        fields = item["fields"]
        inner = frozenset(fields["members"]["groups"]) if fields else frozenset()
        value = fields and Group(item["name"], fields["description"], inner).to_json()
        self._by_name(made, item, ("group", group_key(item["name"])), value)

    def policy(self, made: Writes, item: Item) -> None:
        path = self._policy_path(item["name"])
        if path is None:
            log.warning("a policy is left out: %s is gone", item["name"])
            return
        fields = item["fields"]
        policy = Policy(fields["values"], frozenset(fields["locked"])) if fields else Policy()
        self._by_name(made, item, path, None if policy.is_empty else policy.to_json())

    def _policy_path(self, name: str) -> Path | None:
        level, of = level_and_name(name)
        if level == "tenant":
            return policy_path("tenant", of)
        if level == "group":
            return policy_path("group", key_of("policy", name).partition("/")[2])
        owner = self._id_named(level, of)
        return None if owner is None else policy_path("user" if level == "user" else "application", owner)

    def _by_name(self, made: Writes, item: Item, path: Path, value: dict[str, Any] | None) -> None:
        record = self._checked(item, self._snapshot.get(self._store.scope, path))
        made.conditions.append(self._store.unchanged(record) if record else self._store.absent(path))
        if value is not None:
            made.operations.append(self._put(path, value))
        elif record is not None:
            made.operations.append(self._delete(path))

    def tenant(self, made: Writes, item: Item) -> None:
        record = self._snapshot.get("site", ("tenant", self._store.scope))
        if record is None or item["fields"] is None:
            return
        self._checked(item, record)
        fields = item["fields"]
        known = Tenant.from_json(record.value)
        theme, quotas = Theme.from_json(fields["theme"]), Quotas.from_json(fields["quotas"])
        changed = replace(known, title=fields["title"], theme=theme, quotas=quotas)
        put = self._site.put(record.path, changed.to_json(), author=self._author, cause=self._cause)
        made.operations.append(put)
        made.conditions.append(self._site.unchanged(record))

    def host(self, made: Writes, item: Item) -> None:
        """What the host says of itself changes its record as well: that is no conflict."""
        record = self._snapshot.get("site", ("host", item["id"]))
        if record is None:
            log.warning("a host that is gone is put into no group: %s", item["name"])
            return
        known = Host.from_json(record.value)
        groups = (known.groups | set(item["add"])) - set(item["remove"])
        changed = replace(known, groups=groups).to_json()
        made.operations.append(self._site.put(record.path, changed, author=self._author, cause=self._cause))
        made.conditions.append(self._site.unchanged(record))

    def nothing(self, made: Writes, item: Item) -> None:
        """Its record is that of its labels."""


_WRITE = {
    "application": Writer.application,
    "user": Writer.user,
    "members": Writer.members,
    "role": Writer.role,
    "group": Writer.group,
    "policy": Writer.policy,
    "tenant": Writer.tenant,
    "host": Writer.host,
    "host-group": Writer.nothing,
    "entitlement": Writer.nothing,
}


def label_path(kind: str, name: str) -> Path:
    return (LABEL, kind, hashlib.sha256(key_of(kind, name).encode()).hexdigest())
