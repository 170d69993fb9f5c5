"""Login records: lease-bound, so that a forgotten visit ends by itself."""

from __future__ import annotations

from collections.abc import Sequence

from broker.grid.scopes import Scope, SealedOperation, Stores
from broker.repositories.committing import commit
from broker.repositories.login_index import LoginIndex
from broker.snapshot import Snapshot
from portcullis.model.user import Login


def login_creation(store: Scope, login: Login, lease: int) -> SealedOperation:
    return store.put(("login", login.hash), login.to_json(), lease=lease)


class LoginRecords:
    def __init__(self, stores: Stores, snapshot: Snapshot) -> None:
        self._stores = stores
        self._snapshot = snapshot
        self._index = snapshot.index(LoginIndex)

    def get(self, tenant_id: str, login_hash: str) -> Login | None:
        """A browser whose login was made a moment ago presents the revision to wait for (`Portcullis-Revision`).

        The grid is not asked: anybody can invent cookies, and each would cost a read.
        """
        record = self._snapshot.get(tenant_id, ("login", login_hash))
        return Login.from_json(record.value) if record else None

    def of_tenant(self, tenant_id: str) -> list[Login]:
        return [Login.from_json(record.value) for record in self._snapshot.list(tenant_id, "login")]

    def of_user(self, tenant_id: str, user_id: str) -> list[Login]:
        return [Login.from_json(record.value) for record in self._index.of_user(tenant_id, user_id)]

    def users(self) -> Sequence[tuple[str, str]]:
        """All who are signed in: tenant and user."""
        return self._index.users()

    async def delete(self, login: Login) -> int:
        """Answers with the grid's revision."""
        store = await self._stores.tenant(login.tenant_id)
        result = await commit(self._stores, store.delete(("login", login.hash)))
        return result.revision
