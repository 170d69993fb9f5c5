"""The embedded grid: memory for reading, SQLite for keeping, for a site with one broker.

A transaction is decided at once against memory, in the order of the calls, and joins the batch that waits;
one thread commits batch after batch, so that calls at the same time share one sync (group commit). Nothing is
answered before all that it saw is durable, and events are published only then. Memory runs ahead of the disk
by at most one batch being written and one waiting: when writing fails, both are refused with GridUnavailable
and memory is read again.

Leases live in the file with their time to live. At start each gets its full time again: a broker that was
away must not find that it lost what only it could have kept alive.

Two tasks run while it is open: the writer of batches and the expiry of leases.
"""

from __future__ import annotations

import asyncio
import functools
import logging
import secrets
import sqlite3
from collections.abc import AsyncGenerator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from broker.grid.deadlines import Deadlines
from broker.grid.disk import Disk
from broker.grid.event_log import EventLog
from broker.grid.grid import (
    PAGE_SIZE,
    Changes,
    Compare,
    Event,
    GridUnavailable,
    KeyValue,
    Lease,
    LeaseGone,
    Member,
    Operation,
    PutEvent,
    Snapshot,
    TxnResult,
    check_key,
    check_transaction,
)
from broker.grid.state import Applied, State
from portcullis.clock import Clock, SystemClock
from portcullis.tasks import cancel_and_wait, spawn

log = logging.getLogger(__name__)

T = TypeVar("T")

MAXIMUM_LOG_EVENTS = 100_000
MAXIMUM_LOG_BYTES = 64 * 1024 * 1024


class _Batch:
    """What one commit writes: the last value of each key and lease touched. Its events are told after it."""

    def __init__(self) -> None:
        self.revision = 0
        self.items: dict[str, KeyValue | None] = {}
        self.leases: dict[int, float | None] = {}
        self.events: list[tuple[int, tuple[Event, ...]]] = []
        self.done: asyncio.Future[Exception | None] = asyncio.get_running_loop().create_future()

    @property
    def is_empty(self) -> bool:
        return not self.items and not self.leases

    def add(self, applied: Applied) -> None:
        if not applied.events:
            return
        self.events.append((applied.revision, applied.events))
        for event in applied.events:
            if isinstance(event, PutEvent):
                self.items[event.item.key] = event.item
            else:
                self.items[event.key] = None


class EmbeddedGrid:
    """`Grid` on one file. Made by `open`; used from the event loop that opened it."""

    def __init__(
        self, disk: Disk, thread: ThreadPoolExecutor, state: State, log_: EventLog, clock: Clock
    ) -> None:
        self._disk = disk
        self._thread = thread
        self._state = state
        self._log = log_
        self._clock = clock
        self._deadlines = Deadlines()
        self._lease_changed = asyncio.Event()
        self._waiting = _Batch()
        self._writing: _Batch | None = None
        self._work = asyncio.Event()
        self._published = asyncio.Event()
        self._unusable: str | None = None
        self._is_failing = False
        self._closing = False
        self._failed = asyncio.Event()
        self._rebase_leases()
        self._writer = spawn(self._write_batches(), name="grid writer")
        self._expiry = spawn(self._expire_leases(), name="grid lease expiry")

    @classmethod
    async def open(
        cls,
        path: Path,
        *,
        may_create: bool = True,
        clock: Clock | None = None,
        maximum_log_events: int = MAXIMUM_LOG_EVENTS,
        maximum_log_bytes: int = MAXIMUM_LOG_BYTES,
    ) -> EmbeddedGrid:
        """Open the file, or make it. Raises GridInUse, GridDamaged, GridTooNew (`disk`), GridUnavailable."""
        thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="grid")
        loop = asyncio.get_running_loop()
        try:
            disk = await loop.run_in_executor(thread, functools.partial(Disk, path, may_create=may_create))
            stored = await loop.run_in_executor(thread, disk.load)
        except BaseException:
            thread.shutdown(wait=False)
            raise
        state = State(stored.revision, stored.items, stored.leases)
        log_ = EventLog(stored.revision, maximum_log_events, maximum_log_bytes)
        return cls(disk, thread, state, log_, clock or SystemClock())

    async def range(self, prefix: str) -> Snapshot:
        check_key(prefix)
        state = self._usable_state()
        snapshot = Snapshot(state.revision, state.range(prefix))
        await self._until_durable()
        return snapshot

    async def pages(self, prefix: str) -> AsyncGenerator[Snapshot, None]:
        whole = await self.range(prefix)
        for start in range(0, max(1, len(whole.items)), PAGE_SIZE):
            yield Snapshot(whole.revision, whole.items[start : start + PAGE_SIZE])

    async def get(self, key: str) -> KeyValue | None:
        check_key(key)
        item = self._usable_state().get(key)
        await self._until_durable()
        return item

    async def txn(
        self, compares: Sequence[Compare], then: Sequence[Operation], otherwise: Sequence[Operation] = ()
    ) -> TxnResult:
        check_transaction(compares, then, otherwise)
        state = self._usable_state()
        succeeded = all(state.holds(compare) for compare in compares)
        try:
            applied = state.apply(then if succeeded else otherwise)
        except LeaseGone:
            await self._until_durable()
            raise
        await self._commit(applied)
        return TxnResult(succeeded, applied.revision, dict(applied.values or {}), dict(applied.deleted or {}))

    async def watch(self, prefix: str, from_revision: int) -> AsyncGenerator[Changes, None]:
        check_key(prefix)
        cursor = max(1, from_revision)
        while True:
            self._usable_state()
            published = self._published
            changes = self._log.read(prefix, cursor)
            if changes is None:
                await published.wait()
            else:
                cursor = changes.revision + 1
                yield changes

    async def lease(self, ttl_seconds: float) -> Lease:
        lease = secrets.randbits(63) or 1
        self._usable_state().grant(lease, ttl_seconds)
        self._set_deadline(lease)
        self._waiting.leases[lease] = ttl_seconds
        await self._commit(Applied(self._state.revision))
        return Lease(lease, ttl_seconds)

    async def keep_alive(self, lease: int) -> None:
        if lease not in self._usable_state().leases:
            await self._until_durable()
            raise LeaseGone(f"lease {lease:x}")
        self._set_deadline(lease)

    async def lease_seconds(self, lease: int) -> float:
        seconds = self._usable_state().leases.get(lease)
        await self._until_durable()
        if seconds is None:
            raise LeaseGone(f"lease {lease:x}")
        return seconds

    async def revoke(self, lease: int) -> None:
        if lease in self._usable_state().leases:
            self._revoke(lease)
        await self._until_durable()

    async def expire_due(self) -> None:
        """Revoke every lease whose time has passed by the clock. The expiry task calls this."""
        self._usable_state()
        for lease in self._deadlines.due(self._clock.monotonic()):
            self._revoke(lease)
        await self._until_durable()

    async def compact(self, revision: int) -> None:
        """Forget events up to and including `revision`: a watch from there raises Compacted."""
        self._log.compact(revision)

    async def members(self) -> tuple[Member, ...]:
        """Itself."""
        trouble = "it is closed" if self._closing else self._unusable or ""
        size = await self._in_thread(self._disk.size) if not self._closing else 0
        return (
            Member(
                name="embedded",
                endpoint=str(self._disk.path),
                version=sqlite3.sqlite_version,
                is_leader=True,
                healthy=not trouble,
                raft_index=self._state.revision,
                database_bytes=size,
                trouble=trouble,
            ),
        )

    async def until_failed(self) -> str:
        """Wait for a failure that only a restart of the process can mend; the reason."""
        await self._failed.wait()
        return self._unusable or ""

    async def close(self) -> None:
        """Write what waits, end every watch and let go of the file."""
        if self._closing:
            return
        self._closing = True
        while (batch := self._last_batch()) is not None:
            await asyncio.shield(batch.done)
        await cancel_and_wait(self._writer, self._expiry)
        self._wake_watches()
        await self._in_thread(self._disk.close)
        self._thread.shutdown(wait=False)

    def _usable_state(self) -> State:
        if self._closing:
            raise GridUnavailable("the grid is closed")
        if self._unusable is not None:
            raise GridUnavailable(self._unusable)
        return self._state

    def _revoke(self, lease: int) -> None:
        self._deadlines.drop(lease)
        self._waiting.leases[lease] = None
        self._add(self._state.revoke(lease))

    async def _commit(self, applied: Applied) -> None:
        self._add(applied)
        await self._until_durable()

    def _add(self, applied: Applied) -> None:
        self._waiting.add(applied)
        self._waiting.revision = self._state.revision
        if not self._waiting.is_empty:
            self._work.set()

    def _last_batch(self) -> _Batch | None:
        return self._writing if self._waiting.is_empty else self._waiting

    async def _until_durable(self) -> None:
        """Wait for all that memory holds now. The batch goes on when the caller is cancelled."""
        batch = self._last_batch()
        if batch is not None and (error := await asyncio.shield(batch.done)) is not None:
            raise GridUnavailable(f"the grid's file could not be written: {error}") from error

    async def _write_batches(self) -> None:
        while True:
            await self._work.wait()
            self._work.clear()
            batch, self._waiting = self._waiting, _Batch()
            self._writing = batch
            try:
                await self._in_thread(self._disk.commit, batch.revision, batch.items, batch.leases)
            except Exception as exc:  # whatever it is, those who wait must be answered; it is logged
                await self._recover(batch, exc)
            else:
                self._writing = None
                self._note_success()
                self._publish(batch)

    def _note_success(self) -> None:
        """One line in the log for a disk that was full, and one for its end, however many asked meanwhile."""
        if self._is_failing:
            log.warning("the grid's file can be written again")
        self._is_failing = False

    def _publish(self, batch: _Batch) -> None:
        for revision, events in batch.events:
            self._log.append(revision, events)
        batch.done.set_result(None)
        if batch.events:
            self._wake_watches()

    def _wake_watches(self) -> None:
        self._published.set()
        self._published = asyncio.Event()

    async def _recover(self, failed: _Batch, error: Exception) -> None:
        """A full disk passes. After another failure it is unknown what was kept: a restart must tell."""
        if not self._is_failing:
            log.error("the grid's file could not be written: %s", error)
        self._is_failing = True
        passes = getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_FULL
        self._unusable = f"the grid's file cannot be written: {error}"
        refused, self._waiting, self._writing = self._waiting, _Batch(), None
        self._work.clear()
        failed.done.set_result(error)
        refused.done.set_result(error)
        if not (passes and await self._read_again()):
            self._wake_watches()
            self._failed.set()

    async def _read_again(self) -> bool:
        """Take memory back to what is durable; whether that could be read."""
        try:
            stored = await self._in_thread(self._disk.load)
        except sqlite3.Error as exc:
            log.error("the grid's file could not be read either: %s", exc)
            return False
        self._state = State(stored.revision, stored.items, stored.leases)
        self._rebase_leases()
        self._unusable = None
        return True

    def _rebase_leases(self) -> None:
        self._deadlines = Deadlines()
        for lease in self._state.leases:
            self._set_deadline(lease)

    def _set_deadline(self, lease: int) -> None:
        self._deadlines.set(lease, self._clock.monotonic() + self._state.leases[lease])
        self._lease_changed.set()

    async def _expire_leases(self) -> None:
        while not self._failed.is_set():
            self._lease_changed.clear()
            deadline = self._deadlines.next()
            wait = None if deadline is None else max(0.0, deadline - self._clock.monotonic())
            try:
                async with asyncio.timeout(wait):
                    await self._lease_changed.wait()
            except TimeoutError:
                await self._expire_quietly()

    async def _expire_quietly(self) -> None:
        try:
            await self.expire_due()
        except GridUnavailable as exc:
            log.warning("leases are not expired now: %s", exc)
            await asyncio.sleep(1)

    async def _in_thread(self, call: Callable[..., T], *arguments: object) -> T:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, functools.partial(call, *arguments))
