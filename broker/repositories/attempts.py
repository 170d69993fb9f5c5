"""Records of sign-in attempts, one an account.

The ledger of a user stands in its tenant for ever (it holds the TOTP step accepted last). A name or
organisation that does not exist has one too, so that a stranger sees the same lockout for it; it stands in
the site's scope, bound to a lease. What the values mean is decided in `broker.identity.lockout`.
"""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from collections.abc import Sequence
from typing import Any
from weakref import WeakValueDictionary

from broker.grid.grid import GridUnavailable, LeaseGone
from broker.grid.scopes import Condition, Path, Record, Scope, SealedOperation, Stores
from broker.repositories.committing import commit
from portcullis.errors import Unavailable
from portcullis.ids import name_hash

SOME = 250
"""Users, that are asked for one by one."""


def attempts_deletion(store: Scope, user_id: str) -> SealedOperation:
    return store.delete(_path(user_id))


def attempts_creation(store: Scope, user_id: str, value: dict[str, Any]) -> SealedOperation:
    """The account's record from now on, whatever was counted before: for a new factor."""
    return store.put(_path(user_id), value)


class AttemptLedger:
    """`turn` is to be held from reading to writing: guesses at one account that come at once through this broker
    wait for each other, instead of all writing and all but one trying again. Other brokers' are met by conditions.
    """

    def __init__(
        self, stores: Stores, store: Scope, path: Path, turn: asyncio.Lock, lease_seconds: int = 0
    ) -> None:
        self.turn = turn
        self._stores = stores
        self._store = store
        self._path = path
        self._lease_seconds = lease_seconds

    async def read(self) -> Record | None:
        """From the grid itself: this decides."""
        try:
            return await self._store.get(self._path)
        except GridUnavailable as exc:
            raise Unavailable() from exc

    async def replacing(
        self, record: Record | None, value: dict[str, Any]
    ) -> tuple[SealedOperation, Condition]:
        """What puts `value` if the ledger is still as `record` says."""
        condition = self._store.unchanged(record) if record else self._store.absent(self._path)
        return self._store.put(self._path, value, lease=await self._carried_on(record)), condition

    async def replace(self, record: Record | None, value: dict[str, Any]) -> bool:
        """Put `value` if the ledger is still as `record` says; whether that happened.

        The mark tells our own write, whose answer was lost, from that of somebody who was faster.
        """
        mark = secrets.token_hex(8)
        operation, condition = await self.replacing(record, {**value, "mark": mark})
        if (await commit(self._stores, operation, conditions=[condition])).succeeded:
            return True
        now = await self.read()
        return now is not None and now.value.get("mark") == mark

    async def _carried_on(self, record: Record | None) -> int:
        """The lease to put under: the one that the record has, with its full time again, or a new one."""
        if not self._lease_seconds:
            return 0
        try:
            if record is not None:
                await self._stores.grid.keep_alive(record.lease)
                return record.lease
        except LeaseGone:
            pass  # the record went with it: the condition will not hold
        except GridUnavailable as exc:
            raise Unavailable() from exc
        return await self._new_lease()

    async def _new_lease(self) -> int:
        try:
            return (await self._stores.grid.lease(self._lease_seconds)).id
        except GridUnavailable as exc:
            raise Unavailable() from exc


class AttemptRecords:
    def __init__(self, stores: Stores, stranger_lease_seconds: int) -> None:
        self._stores = stores
        self._stranger_lease_seconds = stranger_lease_seconds
        self._turns: WeakValueDictionary[tuple[str, Path], asyncio.Lock] = WeakValueDictionary()

    async def of_user(self, tenant_id: str, user_id: str) -> AttemptLedger:
        store = await self._stores.tenant(tenant_id)
        path = _path(user_id)
        return AttemptLedger(self._stores, store, path, self._turn(tenant_id, path))

    async def of_tenant(self, tenant_id: str) -> dict[str, dict[str, Any]]:
        """What is recorded, by user id; who never tried is not there. From the grid itself."""
        store = await self._stores.tenant(tenant_id)
        return {record.path[1]: record.value for record in await store.list("attempts")}

    async def of_users(self, tenant_id: str, user_ids: Sequence[str]) -> dict[str, dict[str, Any]]:
        """The same of some users; of many, all are asked for at once."""
        if len(user_ids) > SOME:
            return await self.of_tenant(tenant_id)
        store = await self._stores.tenant(tenant_id)
        records = await asyncio.gather(*(store.get(_path(user_id)) for user_id in user_ids))
        return {record.path[1]: record.value for record in records if record is not None}

    def of_stranger(self, organisation: str, name: str) -> AttemptLedger:
        digest = hashlib.sha256(f"{name_hash(organisation)}{name_hash(name)}".encode()).hexdigest()
        path, store = ("attempts", digest), self._stores.site
        return AttemptLedger(
            self._stores, store, path, self._turn("site", path), self._stranger_lease_seconds
        )

    def _turn(self, scope: str, path: Path) -> asyncio.Lock:
        return self._turns.setdefault((scope, path), asyncio.Lock())


def _path(user_id: str) -> Path:
    return ("attempts", user_id)
