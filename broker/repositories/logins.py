"""Login records: lease-bound, so that a forgotten visit ends by itself."""

from __future__ import annotations

from broker.grid.scopes import Scope, SealedOperation, Stores
from broker.repositories.committing import commit
from broker.snapshot import Snapshot
from portcullis.errors import Refused
from portcullis.model.user import Login


def login_creation(store: Scope, login: Login, lease: int) -> SealedOperation:
    return store.put(("login", login.hash), login.to_json(), lease=lease)


class LoginRecords:
    def __init__(self, stores: Stores, snapshot: Snapshot) -> None:
        self._stores = stores
        self._snapshot = snapshot

    async def get(self, tenant_id: str, login_hash: str) -> Login | None:
        """From the snapshot; one that another broker made a moment ago is read from the grid."""
        record = self._snapshot.get(tenant_id, ("login", login_hash))
        if record is None:
            try:
                store = await self._stores.tenant(tenant_id)
            except Refused:
                return None
            record = await store.get(("login", login_hash))
        return Login.from_json(record.value) if record else None

    async def delete(self, login: Login) -> int:
        """Answers with the grid's revision."""
        store = await self._stores.tenant(login.tenant_id)
        result = await commit(self._stores, store.delete(("login", login.hash)))
        return result.revision
