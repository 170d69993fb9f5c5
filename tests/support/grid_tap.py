"""A grid between scopes and store that shows what passes and can be told to misbehave as a remote one would."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence

from broker.grid.grid import (
    Changes,
    Compare,
    Grid,
    GridUnavailable,
    KeyValue,
    Lease,
    Operation,
    Snapshot,
    TxnResult,
)


class TappedGrid:
    """Passes everything on. `answers_lost` transactions take effect unseen; `unreachable` lets nothing through."""

    def __init__(self, inner: Grid) -> None:
        self.inner = inner
        self.answers_lost = 0
        self.unreachable = False
        self.transactions: list[tuple[Sequence[Compare], Sequence[Operation]]] = []
        self.watches = 0

    async def range(self, prefix: str) -> Snapshot:
        self._reach()
        return await self.inner.range(prefix)

    async def pages(self, prefix: str) -> AsyncGenerator[Snapshot, None]:
        self._reach()
        async for page in self.inner.pages(prefix):
            yield page
            self._reach()

    async def get(self, key: str) -> KeyValue | None:
        self._reach()
        return await self.inner.get(key)

    async def txn(
        self, compares: Sequence[Compare], then: Sequence[Operation], otherwise: Sequence[Operation] = ()
    ) -> TxnResult:
        self._reach()
        self.transactions.append((compares, then))
        result = await self.inner.txn(compares, then, otherwise)
        if self.answers_lost:
            self.answers_lost -= 1
            raise GridUnavailable("the answer is lost")
        return result

    async def watch(self, prefix: str, from_revision: int) -> AsyncGenerator[Changes, None]:
        self._reach()
        self.watches += 1
        async for changes in self.inner.watch(prefix, from_revision):
            self._reach()
            yield changes

    async def lease(self, ttl_seconds: float) -> Lease:
        self._reach()
        return await self.inner.lease(ttl_seconds)

    async def keep_alive(self, lease: int) -> None:
        self._reach()
        await self.inner.keep_alive(lease)

    async def lease_seconds(self, lease: int) -> float:
        self._reach()
        return await self.inner.lease_seconds(lease)

    async def revoke(self, lease: int) -> None:
        self._reach()
        await self.inner.revoke(lease)

    async def compact(self, revision: int) -> None:
        self._reach()
        await self.inner.compact(revision)

    async def close(self) -> None:
        await self.inner.close()

    def _reach(self) -> None:
        if self.unreachable:
            raise GridUnavailable("unreachable")
