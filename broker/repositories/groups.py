"""Groups of a tenant: their records, and who is in them.

Who is in a group stands with the users (`broker.configuration.service` sets them); a record holds its description and
the groups inside it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from broker.grid.scopes import Condition, Record, Scope, Stores
from broker.repositories.committing import commit
from broker.repositories.group_index import GroupIndex, MemberIndex
from broker.repositories.people_index import PeopleIndex
from broker.repositories.policies import policy_deletions
from broker.repositories.record_table import Wanted
from broker.repositories.tables import UserTable
from broker.snapshot import Snapshot
from portcullis.errors import InvalidInput, Refused
from portcullis.model.application import Application
from portcullis.model.group import Group, cycle_through, group_key

MAXIMUM_INNER = 64
"""Groups in one group, directly."""
MAXIMUM_REACHED = 100
"""Groups below one group, however deep: the transaction compares the records of all."""
GROUPS_AT_ONCE = 40
_ATTEMPTS = 5


@dataclass(frozen=True, slots=True)
class Known:
    """A group that has a record or that somebody names."""

    group: Group
    users: int
    """How many name it themselves."""
    revision: int
    """Of the record; 0: there is none."""


def group_path(name: str) -> tuple[str, str]:
    return ("group", group_key(name))


def check_nesting(group: Group, others: dict[str, Group]) -> set[str]:
    """The groups below it. Raises Refused("group_cycle"), InvalidInput for too many."""
    around = cycle_through(group, others)
    if around is not None:
        raise Refused("group_cycle", f"The group would contain itself: {' > '.join(around)}.")
    below, ahead = set(group.groups), list(group.groups)
    while ahead:
        inner = others.get(ahead.pop())
        fresh = (inner.groups if inner else frozenset()) - below
        below |= fresh
        ahead += fresh
    if len(below) > MAXIMUM_REACHED:
        raise InvalidInput("members.groups", f"at most {MAXIMUM_REACHED} groups below one group")
    return below


class Groups:
    def __init__(self, stores: Stores, snapshot: Snapshot) -> None:
        self._stores = stores
        self._snapshot = snapshot
        self._index = snapshot.index(GroupIndex)
        self._members = snapshot.index(MemberIndex)
        self._people = snapshot.index(PeopleIndex)

    def record(self, tenant_id: str, name: str) -> Record | None:
        return self._snapshot.get(tenant_id, group_path(name))

    def get(self, tenant_id: str, name: str) -> Known | None:
        """None for a group without a record, a user and a place in another group."""
        record = self.record(tenant_id, name)
        users = self._members.count(tenant_id, name)
        if record is not None:
            return Known(Group.from_json(record.value), users, record.mod_revision)
        is_inside = any(name in group.groups for group in self._index.list(tenant_id))
        return Known(Group(name), users, 0) if users or is_inside else None

    def list(self, tenant_id: str) -> list[Known]:
        """Those with a record, those that users name and those that are inside others; by name."""
        recorded = {group.name: group for group in self._index.list(tenant_id)}
        inner = {name for group in recorded.values() for name in group.groups}
        names = {*recorded, *inner, *self._members.names(tenant_id)}
        return [
            Known(
                recorded.get(name, Group(name)),
                self._members.count(tenant_id, name),
                self._revision(tenant_id, name),
            )
            for name in sorted(names, key=lambda name: (name.casefold(), name))
        ]

    def name_of(self, tenant_id: str, key: str) -> str | None:
        """Of the group of this key (`group_key`); None when there is none."""
        record = self._snapshot.get(tenant_id, ("group", key))
        if record is not None:
            return Group.from_json(record.value).name
        return next(
            (known.group.name for known in self.list(tenant_id) if group_key(known.group.name) == key), None
        )

    async def user_names(self, tenant_id: str, name: str) -> Sequence[str]:
        """Of those who name it themselves, in order."""
        members, people = self._members.of_group(tenant_id, name), self._people.all(tenant_id)
        wanted = Wanted(sort="name", filters={"groups": (name,)})
        ids = await self._snapshot.index(UserTable).ids(tenant_id, wanted)
        return [people[id].name for id in ids if id in members and id in people]

    async def put(self, tenant_id: str, group: Group, author: str, revision: int | None = None) -> int:
        """Make the record this. Answers with the grid's revision.

        Raises Refused: group_cycle, changed_meanwhile; InvalidInput; Unavailable.
        """
        store = await self._stores.tenant(tenant_id)
        for _ in range(_ATTEMPTS):
            record = self.record(tenant_id, group.name)
            if revision is not None and revision != (record.mod_revision if record else 0):
                raise Refused("changed_meanwhile")
            below = check_nesting(group, {one.name: one for one in self._index.list(tenant_id)})
            if record is not None and Group.from_json(record.value) == group:
                return self._snapshot.revision
            put = store.put(group_path(group.name), group.to_json(), author=author)
            conditions = [self._as_is(store, name) for name in sorted({group.name, *below})]
            result = await commit(self._stores, put, conditions=conditions)
            await self._snapshot.until(result.revision)
            if result.succeeded:
                return result.revision
        raise Refused("changed_meanwhile")

    async def delete(self, tenant_id: str, name: str, author: str) -> int:
        """The record, its policy and its place in other groups; who is in it is to be set before.

        Raises Refused("changed_meanwhile"), Unavailable.
        """
        store = await self._stores.tenant(tenant_id)
        for _ in range(_ATTEMPTS):
            operations = policy_deletions(store, self._snapshot, "group", group_key(name), author)
            conditions: list[Condition] = []
            if self.record(tenant_id, name) is not None:
                operations.append(store.delete(group_path(name), author=author))
                conditions.append(self._as_is(store, name))
            outer = [group for group in self._index.list(tenant_id) if name in group.groups]
            for group in outer[:GROUPS_AT_ONCE]:
                without = replace(group, groups=group.groups - {name})
                operations.append(store.put(group_path(group.name), without.to_json(), author=author))
                conditions.append(self._as_is(store, group.name))
            if not operations:
                return self._snapshot.revision
            result = await commit(self._stores, *operations, conditions=conditions)
            await self._snapshot.until(result.revision)
            if result.succeeded and len(outer) <= GROUPS_AT_ONCE:
                return result.revision
        raise Refused("changed_meanwhile")

    def applications(self, tenant_id: str, name: str) -> Sequence[str]:
        """Names of those that admit the group."""
        records = self._snapshot.list(tenant_id, "application")
        found = (Application.from_json(record.value) for record in records)
        return sorted(application.name for application in found if name in application.entitlement.groups)

    def _as_is(self, store: Scope, name: str) -> Condition:
        """Nobody changes the group meanwhile."""
        record = self._snapshot.get(store.scope, group_path(name))
        return store.absent(group_path(name)) if record is None else store.unchanged(record)

    def _revision(self, tenant_id: str, name: str) -> int:
        record = self.record(tenant_id, name)
        return 0 if record is None else record.mod_revision
