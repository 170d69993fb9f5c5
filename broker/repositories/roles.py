"""Roles that a tenant made for itself, by name whatever its case. The built-in ones are no records."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Sequence
from typing import Literal

from broker.grid.scopes import Condition, Record, Stores
from broker.repositories.committing import commit
from broker.snapshot import Snapshot
from portcullis.errors import Refused
from portcullis.ids import name_hash
from portcullis.model.roles import BUILT_IN_ROLES, Role

_ROLE_OF_USER = re.compile(rb'"role":("(?:[^"\\]|\\.)*")')
"""In a record as it is written: within a string every `"` has a `\\` before it."""

Outcome = Literal["created", "changed", "unchanged"]


class Roles:
    def __init__(self, stores: Stores, snapshot: Snapshot) -> None:
        self._stores = stores
        self._snapshot = snapshot

    def record(self, tenant_id: str, name: str) -> Record | None:
        return self._snapshot.get(tenant_id, _path(name))

    def get(self, tenant_id: str, name: str) -> Role | None:
        """Built-in or the tenant's own."""
        built_in = built_in_name(name)
        if built_in is not None:
            return Role(built_in, BUILT_IN_ROLES[built_in])
        record = self.record(tenant_id, name)
        return Role.from_json(record.value) if record else None

    def permissions(self, tenant_id: str, name: str) -> frozenset[str]:
        """Nothing for a role that is not there."""
        if name in BUILT_IN_ROLES:
            return BUILT_IN_ROLES[name]
        record = self.record(tenant_id, name)
        return Role.from_json(record.value).permissions if record else frozenset()

    def list(self, tenant_id: str) -> list[Role]:
        """The tenant's own, by name."""
        roles = [Role.from_json(record.value) for record in self._snapshot.list(tenant_id, "role")]
        return sorted(roles, key=lambda role: role.name.casefold())

    def users(self, tenant_id: str) -> Counter[str]:
        """How many users have each role. Of 100,000 records none is parsed."""
        found = (_ROLE_OF_USER.search(record.plain) for record in self._snapshot.list(tenant_id, "user"))
        counted = Counter(match[1] for match in found if match)
        return Counter({str(json.loads(name)): number for name, number in counted.items()})

    async def unchanged(self, tenant_id: str, name: str) -> Sequence[Condition]:
        """That the role is still what it is now, for whoever relies on it."""
        record = None if built_in_name(name) else self.record(tenant_id, name)
        return [] if record is None else [(await self._stores.tenant(tenant_id)).unchanged(record)]

    async def put(
        self, tenant_id: str, role: Role, author: str, expected: int | None = None
    ) -> tuple[Outcome, Role, int]:
        """Make it or change it to hold these permissions; one that is there keeps its name as it is written.
        `expected`: the revision of the one that it was made of. Answers also with the grid's revision.

        Raises Refused: role_built_in, changed_meanwhile.
        """
        if built_in_name(role.name) is not None:
            raise Refused("role_built_in")
        store = await self._stores.tenant(tenant_id)
        record = self.record(tenant_id, role.name)
        if expected is not None and expected != (record.mod_revision if record else 0):
            raise Refused("changed_meanwhile")
        old = Role.from_json(record.value) if record else None
        new = Role(old.name, role.permissions) if old else role
        if record and record.value == new.to_json():
            return "unchanged", new, self._snapshot.revision
        condition = store.unchanged(record) if record else store.absent(_path(role.name))
        put = store.put(_path(role.name), new.to_json(), author=author)
        result = await commit(self._stores, put, conditions=[condition])
        if not result.succeeded:
            now = await store.get(_path(role.name))
            if now is None or now.value != new.to_json():
                raise Refused("changed_meanwhile")
        await self._snapshot.until(result.revision)
        return "changed" if old else "created", new, result.revision

    async def delete(self, tenant_id: str, name: str, author: str) -> int:
        """Answers with the grid's revision.

        Raises Refused: not_found, role_built_in, role_in_use, changed_meanwhile.
        """
        if built_in_name(name) is not None:
            raise Refused("role_built_in")
        record = self.record(tenant_id, name)
        if record is None:
            raise Refused("not_found", "There is no such role.")
        users = self.users(tenant_id)[str(record.value["name"])]
        if users:
            raise Refused("role_in_use", f"{users} {'user has' if users == 1 else 'users have'} this role.")
        store = await self._stores.tenant(tenant_id)
        delete = store.delete(record.path, author=author)
        result = await commit(self._stores, delete, conditions=[store.unchanged(record)])
        if not result.succeeded and await store.get(record.path) is not None:
            raise Refused("changed_meanwhile")
        await self._snapshot.until(result.revision)
        return result.revision


def built_in_name(name: str) -> str | None:
    """The built-in role that this names, whatever its case."""
    return _BUILT_IN.get(name_hash(name))


_BUILT_IN = {name_hash(name): name for name in BUILT_IN_ROLES}


def _path(name: str) -> tuple[str, str]:
    return ("role", name_hash(name))
