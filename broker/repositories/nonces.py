"""Nonces of request signatures: created if absent, forgotten when the signature would be refused for its
age anyway.

A nonce that is there tells a replay from a repetition: it names the request that it was used for. The very same signed
request may come a second time, by another broker, when the first was lost before it answered. Its handler then knows
(`Once`) that it may have run, and what came of it.
"""

from __future__ import annotations

import hashlib
import secrets

from broker.grid.grid import GridUnavailable, LeaseGone
from broker.grid.scopes import Condition, Path, Record, Scope, SealedOperation, Stores
from broker.repositories.committing import commit
from portcullis.clock import Clock
from portcullis.errors import Unavailable

REMEMBERED_SECONDS = 120  # a signature of 60 s ahead is accepted until 60 s past its time
_LEASE_SHARED_SECONDS = 30  # one lease serves the nonces of so long: a lease each would double the writes
_LEASE_SECONDS = REMEMBERED_SECONDS + _LEASE_SHARED_SECONDS + 10


class Once:
    """One signed request, however often it arrives: its effect is bound to its nonce."""

    def __init__(self, store: Scope, record: Record, *, again: bool) -> None:
        self._store = store
        self._record = record
        self.again = again
        """It was taken before: its handler may have run, wholly or in part, or runs now."""

    @property
    def outcome(self) -> str | None:
        """What `settle` noted, in the transaction that had the effect."""
        return self._record.value.get("outcome")

    def settle(self, outcome: str) -> tuple[SealedOperation, Condition]:
        """To stand in the transaction that has the effect: so it happens once, whoever else tries."""
        value = {**self._record.value, "outcome": outcome}
        operation = self._store.put(self._record.path, value, lease=self._record.lease)
        return operation, self._store.unchanged(self._record)

    async def look_again(self) -> None:
        """After a transaction that met a conflict. Raises GridUnavailable."""
        self._record = await self._store.get(self._record.path) or self._record


class Nonces:
    def __init__(self, stores: Stores, clock: Clock) -> None:
        self._stores = stores
        self._clock = clock
        self._lease = 0
        self._lease_until = float("-inf")

    async def use(self, tenant_id: str, client_key: bytes, nonce: str, request: bytes) -> Once | None:
        """None when the key used this nonce for another request."""
        store = await self._stores.tenant(tenant_id)
        try:
            return await self._create(store, client_key, nonce, request)
        except LeaseGone:
            self.forget_lease()
            return await self._create(store, client_key, nonce, request)

    async def first_use(
        self, store: Scope, client_key: bytes, nonce: str, mark: str = "", request: bytes = b""
    ) -> tuple[SealedOperation, Condition]:
        """The same as part of a larger transaction."""
        path = _path(client_key, nonce)
        value = {"mark": mark, "request": _digest(request)}
        return store.put(path, value, lease=await self._current_lease()), store.absent(path)

    async def seen(self, store: Scope, client_key: bytes, nonce: str) -> bool:
        return await store.get(_path(client_key, nonce)) is not None

    def forget_lease(self) -> None:
        """The grid says that the lease is gone: the next nonce takes a new one."""
        self._lease_until = float("-inf")

    async def _create(self, store: Scope, client_key: bytes, nonce: str, request: bytes) -> Once | None:
        mark = secrets.token_hex(8)
        path = _path(client_key, nonce)
        operation, condition = await self.first_use(store, client_key, nonce, mark, request)
        lease = self._lease
        result = await commit(self._stores, operation, conditions=[condition])
        if result.succeeded:
            value = {"mark": mark, "request": _digest(request)}
            written = Record.of(store.scope, path, value, result.revision, result.revision, lease)
            return Once(store, written, again=False)
        record = await store.get(path)
        if record is None or record.value.get("request") != _digest(request):
            return None
        return Once(store, record, again=record.value.get("mark") != mark)  # ours, if the answer was lost

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


def _digest(request: bytes) -> str:
    return hashlib.sha256(request).hexdigest()
