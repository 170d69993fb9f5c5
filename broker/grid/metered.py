"""A grid that is watched: how long its transactions take, how they come out, and whether it takes any now."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Sequence

from broker.grid.grid import (
    Changes,
    Compare,
    Grid,
    GridUnavailable,
    KeyValue,
    Lease,
    Member,
    Operation,
    Snapshot,
    TxnResult,
)
from portcullis.clock import Clock

Told = Callable[[float, str], None]
"""Seconds and outcome (committed, conflict, unavailable) of a transaction."""


class MeteredGrid:
    """`grid`, and what is known of its writes. Implements the contract of `Grid`."""

    def __init__(self, grid: Grid, clock: Clock, told: Told) -> None:
        self._grid = grid
        self._clock = clock
        self._told = told
        self.revision = 0
        """The newest that a transaction answered with."""
        self.failing = False
        """Whether the last transaction was not taken."""
        self.answered_at = clock.monotonic()

    async def range(self, prefix: str) -> Snapshot:
        return await self._grid.range(prefix)

    def pages(self, prefix: str) -> AsyncGenerator[Snapshot, None]:
        return self._grid.pages(prefix)

    async def get(self, key: str) -> KeyValue | None:
        return await self._grid.get(key)

    async def txn(
        self,
        compares: Sequence[Compare],
        then: Sequence[Operation],
        otherwise: Sequence[Operation] = (),
    ) -> TxnResult:
        begun = self._clock.monotonic()
        try:
            result = await self._grid.txn(compares, then, otherwise)
        except GridUnavailable:
            self.failing = True
            self._told(self._clock.monotonic() - begun, "unavailable")
            raise
        self._answered()
        self.failing = False
        self.revision = max(self.revision, result.revision)
        self._told(self._clock.monotonic() - begun, "committed" if result.succeeded else "conflict")
        return result

    def watch(self, prefix: str, from_revision: int) -> AsyncGenerator[Changes, None]:
        return self._grid.watch(prefix, from_revision)

    async def lease(self, ttl_seconds: float) -> Lease:
        return await self._grid.lease(ttl_seconds)

    async def keep_alive(self, lease: int) -> None:
        await self._grid.keep_alive(lease)
        self._answered()

    async def lease_seconds(self, lease: int) -> float:
        return await self._grid.lease_seconds(lease)

    async def revoke(self, lease: int) -> None:
        await self._grid.revoke(lease)

    async def compact(self, revision: int) -> None:
        await self._grid.compact(revision)

    async def members(self) -> tuple[Member, ...]:
        return await self._grid.members()

    async def until_failed(self) -> str:
        return await self._grid.until_failed()

    async def close(self) -> None:
        await self._grid.close()

    def _answered(self) -> None:
        self.answered_at = self._clock.monotonic()
