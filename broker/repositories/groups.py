"""Groups of a tenant: their records, and who is in them.

Who is in a group stands with the users; a record holds its description and the groups inside it. Setting the users of a
group changes their records a few at a time: whoever looks meanwhile sees some of it, and doing it again finishes it.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from broker.grid.scopes import Condition, Record, Scope, SealedOperation, Stores, TenantStore
from broker.repositories.committing import commit
from broker.repositories.group_index import GroupIndex, MemberIndex
from broker.repositories.policies import policy_deletions
from broker.repositories.users import user_change
from broker.snapshot import Snapshot
from portcullis.errors import InvalidInput, Refused
from portcullis.model.application import Application
from portcullis.model.group import Group, cycle_through, group_key
from portcullis.model.user import User

MAXIMUM_INNER = 64
"""Groups in one group, directly."""
MAXIMUM_REACHED = 100
"""Groups below one group, however deep: the transaction compares the records of all."""
USERS_AT_ONCE = 40
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

    def record(self, tenant_id: str, name: str) -> Record | None:
        return self._snapshot.get(tenant_id, group_path(name))

    def get(self, tenant_id: str, name: str) -> Known | None:
        """None for a group without a record, a user and a place in another group."""
        record = self.record(tenant_id, name)
        users = len(self._members.of_group(tenant_id, name))
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
                len(self._members.of_group(tenant_id, name)),
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

    def users(self, tenant_id: str, name: str) -> tuple[User, ...]:
        """Who names it themselves, by name."""
        members = self._members.of_group(tenant_id, name)
        found = (self._snapshot.get(tenant_id, ("user", user_id)) for user_id in members)
        users = (User.from_json(record.value) for record in found if record is not None)
        return tuple(sorted(users, key=lambda user: user.name.casefold()))

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

    async def set_users(self, tenant_id: str, name: str, user_ids: Collection[str], author: str) -> int:
        """These users name the group from now on, and nobody else. Raises Refused("changed_meanwhile")."""
        store = await self._stores.tenant(tenant_id)
        for _ in range(_ATTEMPTS):
            wrong = sorted(self._members.of_group(tenant_id, name) ^ frozenset(user_ids))
            if not wrong:
                return self._snapshot.revision
            for start in range(0, len(wrong), USERS_AT_ONCE):
                await self._toggle(store, name, wrong[start : start + USERS_AT_ONCE], author)
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
            for group in outer[:USERS_AT_ONCE]:
                without = replace(group, groups=group.groups - {name})
                operations.append(store.put(group_path(group.name), without.to_json(), author=author))
                conditions.append(self._as_is(store, group.name))
            if not operations:
                return self._snapshot.revision
            result = await commit(self._stores, *operations, conditions=conditions)
            await self._snapshot.until(result.revision)
            if result.succeeded and len(outer) <= USERS_AT_ONCE:
                return result.revision
        raise Refused("changed_meanwhile")

    def applications(self, tenant_id: str, name: str) -> Sequence[str]:
        """Names of those that admit the group."""
        records = self._snapshot.list(tenant_id, "application")
        found = (Application.from_json(record.value) for record in records)
        return sorted(application.name for application in found if name in application.entitlement.groups)

    async def _toggle(self, store: TenantStore, name: str, user_ids: Sequence[str], author: str) -> None:
        """Into the group or out of it. Where somebody changed one of them meanwhile, the caller looks again."""
        operations: list[SealedOperation] = []
        conditions: list[Condition] = []
        for user_id in user_ids:
            record = self._snapshot.get(store.scope, ("user", user_id))
            if record is None:
                raise Refused("changed_meanwhile")
            user = User.from_json(record.value)
            operation, condition = user_change(
                store, record, replace(user, groups=user.groups ^ {name}), author
            )
            operations.append(operation)
            conditions.append(condition)
        result = await commit(self._stores, *operations, conditions=conditions)
        await self._snapshot.until(result.revision)

    def _as_is(self, store: Scope, name: str) -> Condition:
        """Nobody changes the group meanwhile."""
        record = self._snapshot.get(store.scope, group_path(name))
        return store.absent(group_path(name)) if record is None else store.unchanged(record)

    def _revision(self, tenant_id: str, name: str) -> int:
        record = self.record(tenant_id, name)
        return 0 if record is None else record.mod_revision
