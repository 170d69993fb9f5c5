"""API tokens of a tenant, by the hash of their text."""

from __future__ import annotations

from broker.grid.scopes import Scope, SealedOperation, Stores
from broker.repositories.committing import commit
from broker.snapshot import Snapshot
from portcullis.errors import Refused
from portcullis.model.user import ApiToken, User

UNKNOWN = "There is no such token. `portcullis get tokens` lists their ids."


def token_creation(store: Scope, token: ApiToken, author: str = "system") -> SealedOperation:
    """What creates a token, for a transaction that may hold more."""
    return store.put(("token", token.hash), token.to_json(), author=author)


def token_deletion(store: Scope, token: ApiToken, author: str) -> SealedOperation:
    return store.delete(("token", token.hash), author=author)


class ApiTokens:
    def __init__(self, stores: Stores, snapshot: Snapshot) -> None:
        self._stores = stores
        self._snapshot = snapshot

    def get(self, tenant_id: str, token_hash: str) -> ApiToken | None:
        record = self._snapshot.get(tenant_id, ("token", token_hash))
        return ApiToken.from_json(record.value) if record else None

    def list(self, tenant_id: str) -> list[ApiToken]:
        """The newest first."""
        tokens = [ApiToken.from_json(record.value) for record in self._snapshot.list(tenant_id, "token")]
        return sorted(tokens, key=lambda token: (-token.created, token.hash))

    async def create(self, token: ApiToken, user: User, author: str) -> int:
        """Answers with the grid's revision. Raises Refused("changed_meanwhile") where the user is gone."""
        store = await self._stores.tenant(token.tenant_id)
        creation = token_creation(store, token, author)
        result = await commit(self._stores, creation, conditions=[store.present(("user", user.id))])
        if not result.succeeded:
            raise Refused("changed_meanwhile")
        await self._snapshot.until(result.revision)
        return result.revision

    async def revoke(self, tenant_id: str, token_id: str, author: str) -> int:
        """By its public id. Answers with the grid's revision. Raises Refused("not_found")."""
        token = next((token for token in self.list(tenant_id) if token.id == token_id), None)
        if token is None:
            raise Refused("not_found", UNKNOWN)
        store = await self._stores.tenant(tenant_id)
        return (await commit(self._stores, token_deletion(store, token, author))).revision
