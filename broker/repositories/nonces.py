"""Nonces of request signatures: created if absent, forgotten when the signature would be refused for its
age anyway.
"""

from __future__ import annotations

import hashlib
import secrets

from broker.grid.grid import GridUnavailable, LeaseGone
from broker.grid.scopes import Condition, Path, Scope, SealedOperation, Stores
from broker.repositories.committing import commit
from portcullis.clock import Clock
from portcullis.errors import Unavailable

REMEMBERED_SECONDS = 120  # a signature of 60 s ahead is accepted until 60 s past its time
_LEASE_SHARED_SECONDS = 30  # one lease serves the nonces of so long: a lease each would double the writes
_LEASE_SECONDS = REMEMBERED_SECONDS + _LEASE_SHARED_SECONDS + 10


class Nonces:
    def __init__(self, stores: Stores, clock: Clock) -> None:
        self._stores = stores
        self._clock = clock
        self._lease = 0
        self._lease_until = float("-inf")

    async def use(self, tenant_id: str, client_key: bytes, nonce: str) -> bool:
        """Whether the key uses this nonce for the first time."""
        store = await self._stores.tenant(tenant_id)
        try:
            return await self._create(store, client_key, nonce)
        except LeaseGone:
            self.forget_lease()
            return await self._create(store, client_key, nonce)

    async def first_use(
        self, store: Scope, client_key: bytes, nonce: str, mark: str = ""
    ) -> tuple[SealedOperation, Condition]:
        """The same as part of a larger transaction."""
        path = _path(client_key, nonce)
        return store.put(path, {"mark": mark}, lease=await self._current_lease()), store.absent(path)

    async def seen(self, store: Scope, client_key: bytes, nonce: str) -> bool:
        return await store.get(_path(client_key, nonce)) is not None

    def forget_lease(self) -> None:
        """The grid says that the lease is gone: the next nonce takes a new one."""
        self._lease_until = float("-inf")

    async def _create(self, store: Scope, client_key: bytes, nonce: str) -> bool:
        mark = secrets.token_hex(8)
        operation, condition = await self.first_use(store, client_key, nonce, mark)
        if (await commit(self._stores, operation, conditions=[condition])).succeeded:
            return True
        record = await store.get(_path(client_key, nonce))  # ours, where the first answer was lost
        return record is not None and record.value.get("mark") == mark

    async def _current_lease(self) -> int:
        now = self._clock.monotonic()
        if now >= self._lease_until:
            try:
                lease = await self._stores.grid.lease(_LEASE_SECONDS)
            except GridUnavailable as exc:
                raise Unavailable() from exc
            self._lease, self._lease_until = lease.id, now + _LEASE_SHARED_SECONDS
        return self._lease


def _path(client_key: bytes, nonce: str) -> Path:
    return ("nonce", hashlib.sha256(client_key + nonce.encode()).hexdigest())
