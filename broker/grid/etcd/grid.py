"""`EtcdGrid`: the contract of the grid, said in etcd's words.

Nothing runs while nobody asks: leases are kept alive by those who hold them, and a watch runs as long as it is read.
"""

from __future__ import annotations

import logging
import math
import secrets
from collections.abc import AsyncGenerator, Sequence
from typing import Any

from broker.grid.etcd import messages as m
from broker.grid.etcd.address import EtcdAddress
from broker.grid.etcd.endpoint import COMPACT, GRANT, RANGE, REVOKE, TIME_TO_LIVE, TXN, Endpoint
from broker.grid.etcd.grouping import Line, may_travel
from broker.grid.etcd.inspection import Inspection
from broker.grid.etcd.members import ATTEMPT_SECONDS, CALL_SECONDS, Members
from broker.grid.etcd.repeating import repeated_outcome, repetition
from broker.grid.etcd.translation import end_of, first, get, item_of, outcome, transaction
from broker.grid.etcd.troubles import Lapsed, LeaseTaken, Missed
from broker.grid.etcd.watching import Watch
from broker.grid.grid import (
    PAGE_SIZE,
    Changes,
    Compacted,
    Compare,
    KeyValue,
    Lease,
    LeaseGone,
    Member,
    Operation,
    Snapshot,
    TxnResult,
    check_key,
    check_transaction,
)
from portcullis.clock import Clock, SystemClock

log = logging.getLogger(__name__)

RANGE_SECONDS = 30.0
"""Of one page: the whole site is read while a member that starts may be slow."""
PAGE_ATTEMPT_SECONDS = 5.0
"""Of a large page, at a member that has just answered: what is given up too early was worked out for nothing."""

PAGE_BYTES = 16_000_000
LARGEST_PAGE = 20_000
"""Of one answer of etcd's, which walks all keys that are left however few it answers with: at half a million keys,
answers of PAGE_SIZE took a second each."""


class EtcdGrid:
    """`Grid` on a cluster. Made by `open`; used from the event loop that opened it."""

    def __init__(self, members: Members, clock: Clock) -> None:
        self._members = members
        self._clock = clock
        self._inspection = Inspection(members)
        self._lines = {endpoint: Line(endpoint) for endpoint in members.endpoints}
        self._closed = False

    @classmethod
    async def open(cls, address: EtcdAddress, *, clock: Clock | None = None) -> EtcdGrid:
        """Raises GridUnavailable (its kinds in `troubles`): nothing answers, or what answers is not to be used."""
        clock = clock or SystemClock()
        members = Members([Endpoint(each, address.tls) for each in address.endpoints], clock)
        grid = cls(members, clock)
        try:
            await grid._inspection.at_start(address)
        except BaseException:
            await grid.close()
            raise
        return grid

    async def range(self, prefix: str) -> Snapshot:
        while True:
            try:
                pages = [page async for page in self.pages(prefix)]
            except Compacted:
                log.info("a range took longer than etcd keeps its revision: it begins anew")
            else:
                return Snapshot(pages[0].revision, tuple(item for page in pages for item in page.items))

    async def pages(self, prefix: str) -> AsyncGenerator[Snapshot, None]:
        check_key(prefix)
        revision = 0
        start = prefix.encode()
        limit, patience = PAGE_SIZE, ATTEMPT_SECONDS
        while True:
            request = m.RangeRequest(key=start, range_end=end_of(prefix), limit=limit, revision=revision)
            try:
                answer = await self._call(RANGE, request, RANGE_SECONDS, patience)
            except Lapsed as exc:
                raise Compacted(f"revision {revision}: {exc}") from exc
            revision = revision or answer.header.revision
            for first_of_part in range(0, max(1, len(answer.kvs)), PAGE_SIZE):
                part = answer.kvs[first_of_part : first_of_part + PAGE_SIZE]
                yield Snapshot(revision, tuple(item_of(item) for item in part))
            if not answer.more:
                return
            start, patience = answer.kvs[-1].key + b"\0", PAGE_ATTEMPT_SECONDS
            limit = max(PAGE_SIZE, min(LARGEST_PAGE, PAGE_BYTES * len(answer.kvs) // answer.ByteSize()))

    async def get(self, key: str) -> KeyValue | None:
        check_key(key)
        answer = await self._call(RANGE, get(key))
        return first(answer.kvs)

    async def txn(
        self, compares: Sequence[Compare], then: Sequence[Operation], otherwise: Sequence[Operation] = ()
    ) -> TxnResult:
        check_transaction(compares, then, otherwise)
        is_repeated = False

        async def attempt(endpoint: Endpoint, seconds: float) -> Any:
            nonlocal is_repeated
            try:
                if is_repeated:
                    return await endpoint.call(TXN, repetition(compares, then, otherwise), seconds)
                if may_travel(compares, then, otherwise):
                    return await self._lines[endpoint].send(compares, then, seconds)
                return await endpoint.call(TXN, transaction(compares, then, otherwise), seconds)
            except Missed:
                is_repeated = True
                raise

        answer = await self._members.call(attempt)
        return (repeated_outcome if is_repeated else outcome)(answer, then, otherwise)

    async def watch(self, prefix: str, from_revision: int) -> AsyncGenerator[Changes, None]:
        check_key(prefix)
        watch = Watch(
            self._members, self._clock, prefix, from_revision, self._inspection.orders_progress
        ).changes()
        try:
            async for changes in watch:
                yield changes
        finally:
            await watch.aclose()

    async def lease(self, ttl_seconds: float) -> Lease:
        lease = secrets.randbits(63) or 1
        request = m.LeaseGrantRequest(ttl=max(1, math.ceil(ttl_seconds)), id=lease)
        try:
            answer = await self._call(GRANT, request)
        except LeaseTaken:  # by an attempt of ours whose answer was lost: the id is random
            return Lease(lease, await self.lease_seconds(lease))
        return Lease(lease, float(answer.ttl))

    async def lease_seconds(self, lease: int) -> float:
        answer = await self._call(TIME_TO_LIVE, m.LeaseRequest(id=lease))
        if answer.ttl < 0:
            raise LeaseGone(f"lease {lease:x}")
        return float(answer.granted_ttl)

    async def keep_alive(self, lease: int) -> None:
        answer = await self._members.call(lambda endpoint, left: endpoint.keep_alive(lease, left))
        if answer.ttl <= 0:  # etcd's way to say that there is none
            raise LeaseGone(f"lease {lease:x}")

    async def revoke(self, lease: int) -> None:
        try:
            await self._call(REVOKE, m.LeaseRequest(id=lease))
        except LeaseGone:
            pass

    async def compact(self, revision: int) -> None:
        try:
            await self._call(COMPACT, m.CompactRequest(revision=revision))
        except Lapsed:  # it was compacted already
            pass

    async def members(self) -> tuple[Member, ...]:
        return await self._inspection.members()

    async def until_failed(self) -> str:
        await self._members.failed.wait()
        return self._members.trouble

    async def close(self) -> None:
        if not self._closed:
            self._closed = True
            for line in self._lines.values():
                await line.close()
            await self._members.close()

    async def _call(
        self,
        method: str,
        request: Any,
        seconds: float = CALL_SECONDS,
        patience: float = ATTEMPT_SECONDS,
    ) -> Any:
        async def attempt(endpoint: Endpoint, left: float) -> Any:
            return await endpoint.call(method, request, left)

        return await self._members.call(attempt, seconds, patience)
