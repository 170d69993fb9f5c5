"""Users of a tenant, and the index that makes a name unique whatever its case."""

from __future__ import annotations

from collections.abc import Sequence

from broker.grid.scopes import Condition, Record, Scope, SealedOperation, Stores
from broker.repositories.committing import commit
from broker.repositories.platform_index import PlatformIndex
from broker.repositories.policies import policy_deletions
from broker.snapshot import Snapshot
from portcullis.errors import Refused
from portcullis.ids import name_hash
from portcullis.model.user import User


def user_creation(
    store: Scope, user: User, author: str = "system"
) -> tuple[list[SealedOperation], list[Condition]]:
    """What creates a user, for a transaction that may hold more."""
    index = ("user-name", name_hash(user.name))
    operations = [
        store.put(("user", user.id), user.to_json(), author=author),
        store.put(index, {"id": user.id}, author=author),
    ]
    return operations, [store.absent(index), store.absent(("user", user.id))]


def user_change(store: Scope, record: Record, user: User, author: str) -> tuple[SealedOperation, Condition]:
    """What writes a changed user of the same name over `record`, if nobody was faster."""
    return store.put(record.path, user.to_json(), author=author), store.unchanged(record)


def user_deletion(store: Scope, user: User, author: str) -> list[SealedOperation]:
    index = ("user-name", name_hash(user.name))
    paths = [("user", user.id), index, ("probe-account", user.id)]
    return [store.delete(path, author=author) for path in paths]


class Users:
    def __init__(self, stores: Stores, snapshot: Snapshot) -> None:
        self._stores = stores
        self._snapshot = snapshot

    def policy_deletions(self, store: Scope, user: User, author: str) -> list[SealedOperation]:
        """What stands at this user's level goes with them."""
        return policy_deletions(store, self._snapshot, "user", user.id, author)

    def record(self, tenant_id: str, user_id: str) -> Record | None:
        return self._snapshot.get(tenant_id, ("user", user_id))

    def get(self, tenant_id: str, user_id: str) -> User | None:
        record = self.record(tenant_id, user_id)
        return User.from_json(record.value) if record else None

    def by_name(self, tenant_id: str, name: str) -> User | None:
        index = self._snapshot.get(tenant_id, ("user-name", name_hash(name)))
        return self.get(tenant_id, index.value["id"]) if index else None

    def list(self, tenant_id: str) -> list[User]:
        """By name."""
        users = [User.from_json(record.value) for record in self._snapshot.list(tenant_id, "user")]
        return sorted(users, key=lambda user: user.name.casefold())

    def records(self, tenant_id: str) -> Sequence[Record]:
        return self._snapshot.list(tenant_id, "user")

    def platform_administrators(self) -> Sequence[Record]:
        """Of the whole site."""
        found = (self.record(*place) for place in self._snapshot.index(PlatformIndex))
        return [record for record in found if record is not None]

    async def create(self, tenant_id: str, user: User, author: str) -> int:
        """Answers with the grid's revision. Raises Refused("already_exists")."""
        store = await self._stores.tenant(tenant_id)
        operations, conditions = user_creation(store, user, author)
        result = await commit(self._stores, *operations, conditions=conditions)
        if not result.succeeded and await store.get(("user", user.id)) is None:
            raise Refused("already_exists", "There is a user of this name.")
        return result.revision

    async def replace(self, tenant_id: str, user: User, author: str) -> int:
        """Write a changed user of the same name over the one that the snapshot holds.

        Raises Refused: not_found, changed_meanwhile.
        """
        record = self.record(tenant_id, user.id)
        if record is None:
            raise Refused("not_found")
        store = await self._stores.tenant(tenant_id)
        operation = store.put(record.path, user.to_json(), author=author)
        result = await commit(self._stores, operation, conditions=[store.unchanged(record)])
        if not result.succeeded:
            now = await store.get(record.path)
            if now is None or now.value != user.to_json():
                raise Refused("changed_meanwhile")
        return result.revision
