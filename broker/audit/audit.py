"""What everybody else uses: `record` an event, `search` what was recorded.

Events that come at one moment share one sync (group commit): one thread writes batch after batch, another one reads.
`record` answers when the event is durable, and raises when it cannot be made so. `note` never fails: what cannot be
written now is kept in memory, as much of it as `MOST_KEPT`, and written when the disk takes it again. Who may not go
on unrecorded asks `check` first (docs/audit.md says who that is).

A file that turns out to be damaged is set aside under another name, and a new one begun. Two tasks run between `start`
and `stop`: the writer, and retention.
"""

from __future__ import annotations

import asyncio
import functools
import logging
import os
import sqlite3
import zlib
from collections import deque
from collections.abc import AsyncGenerator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from broker.audit.event import Event, Ids
from broker.audit.query import Page, Query
from broker.audit.store import NAME, Numbered, Store, StoreDamaged, free_path
from broker.audit.tally import Tally
from portcullis.clock import Clock
from portcullis.errors import Unavailable
from portcullis.tasks import cancel_and_wait, spawn

log = logging.getLogger(__name__)

T = TypeVar("T")

DAY_SECONDS = 86400.0
MOST_KEPT = 5_000
MOST_AT_ONCE = 500
RETRY_SECONDS = 2.0
RETENTION_SECONDS = 60.0
_PASSING = {
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_CANTOPEN,
}


class _Batch:
    def __init__(self) -> None:
        self.events: list[Event] = []
        self.done: asyncio.Future[BaseException | None] = asyncio.get_running_loop().create_future()


class Audit:
    """Made anywhere, used from the event loop that started it."""

    def __init__(self, folder: Path, clock: Clock, days: int = 90, megabytes: int = 1024) -> None:
        self._folder = folder
        self._path = folder / NAME
        self._lock = -1
        self._clock = clock
        self._days = days
        self._most_bytes = megabytes * 1024 * 1024
        self._writing = ThreadPoolExecutor(max_workers=1, thread_name_prefix="audit")
        self._reading = ThreadPoolExecutor(max_workers=1, thread_name_prefix="audit reader")
        self._store: Store | None = None
        self._ids = Ids("")
        self._kept: deque[Event] = deque(maxlen=MOST_KEPT)
        self._lost = 0
        self._work = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._callbacks: list[Callable[[Sequence[Numbered]], None]] = []
        self._stopping = False
        self.trouble = ""
        """Why nothing can be recorded now; "" when all is well."""
        self.set_aside = ""
        """Where a damaged file of before lies; "" when there was none."""
        self.tally = Tally()

    async def start(self) -> None:
        """Raises Unavailable when there is no place for the file at all."""
        try:
            self._path, self._lock = free_path(self._folder)
            await self._in(self._writing, self._open)
        except (OSError, sqlite3.Error) as exc:
            raise Unavailable("audit_unavailable", f"{self._path}: {exc}") from exc
        self._waiting = _Batch()
        self._tasks = [
            spawn(self._write_batches(), name="audit writer"),
            spawn(self._retain(), name="audit retention"),
        ]

    async def stop(self) -> None:
        """Write what waits."""
        if self._stopping or not self._tasks:
            return
        self._stopping = True
        waiting = self._waiting
        if waiting.events:
            await asyncio.shield(waiting.done)
        await cancel_and_wait(*self._tasks)
        if self._kept:
            log.error("%d events are lost: they could not be written until the end", len(self._kept))
        if self._store is not None:
            await self._in(self._reading, int)
            await self._in(self._writing, self._store.close)
        os.close(self._lock)
        self._writing.shutdown(wait=False)
        self._reading.shutdown(wait=False)

    def subscribe(self, callback: Callable[[Sequence[Numbered]], None]) -> None:
        """Call `callback` with what this broker has recorded, when it is durable."""
        self._callbacks.append(callback)

    @property
    def store_id(self) -> str:
        return self._usable().id

    @property
    def finding(self) -> str:
        """The code of what is wrong with it; "": nothing."""
        return "audit_unavailable" if self.trouble else "audit_damaged" if self.set_aside else ""

    def check(self) -> None:
        """Raises Unavailable("audit_unavailable") while nothing can be recorded."""
        if self.trouble:
            raise Unavailable("audit_unavailable")

    async def record(self, event: Event) -> Event:
        """The event as it is kept, durably. Raises Unavailable("audit_unavailable"); it is kept in memory then."""
        stamped = self._stamp(event)
        if self.trouble:
            self._keep([stamped])
            raise Unavailable("audit_unavailable")
        batch = self._waiting
        batch.events.append(stamped)
        self._work.set()
        if (error := await asyncio.shield(batch.done)) is not None:
            raise Unavailable("audit_unavailable") from error
        return stamped

    async def note(self, event: Event) -> None:
        """For what must go on though it cannot be recorded."""
        try:
            await self.record(event)
        except Unavailable:
            log.warning("not recorded yet: %s", event.type)

    def tell(self, event: Event) -> None:
        """Like `note`, for those who do not wait."""
        stamped = self._stamp(event)
        if self.trouble:
            self._keep([stamped])
        else:
            self._waiting.events.append(stamped)
            self._work.set()

    async def search(self, query: Query) -> Page:
        """Of this broker's own file, copies of others' events included. Raises Unavailable("audit_unavailable")."""
        return await self.read(lambda store: store.search(query))

    async def each(self, query: Query) -> AsyncGenerator[Event, None]:
        """All that match, newest first, page by page. Raises Unavailable("audit_unavailable")."""
        while True:
            page = await self.search(query)
            for event in page.items:
                yield event
            if not page.before:
                return
            query = replace(query, before=page.before)

    async def read(self, reading: Callable[[Store], T]) -> T:
        """Raises Unavailable("audit_unavailable")."""
        try:
            return await self._in(self._reading, lambda: reading(self._usable()))
        except (sqlite3.Error, ValueError, KeyError, TypeError, zlib.error) as exc:
            log.error("the audit cannot be read: %s", exc)
            raise Unavailable("audit_unavailable") from exc

    async def since(self, number: int, limit: int) -> list[Numbered]:
        """What this broker recorded after its event of that number. Raises Unavailable("audit_unavailable")."""
        return await self.read(lambda store: store.since(store.id, number, limit))

    async def copy(self, events: Sequence[Numbered]) -> None:
        """Keep events of another broker. Raises Unavailable("audit_unavailable")."""
        self.check()
        try:
            await self._in(self._writing, self._usable().copy, events)
        except sqlite3.Error as exc:
            raise Unavailable("audit_unavailable") from exc
        self._count(events)

    async def forget(self, tenant: str) -> None:
        """Remove all events of a tenant that was deleted. Raises Unavailable("audit_unavailable")."""
        try:
            while await self._in(self._writing, self._usable().forget, tenant):
                pass
        except sqlite3.Error as exc:
            raise Unavailable("audit_unavailable") from exc

    async def retain(self) -> None:
        """Remove what is too old or too much, in portions: what waits to be written goes between them."""
        oldest = self._clock.now() - self._days * DAY_SECONDS
        while await self._in(self._writing, self._usable().prune, oldest, self._most_bytes):
            pass

    def _stamp(self, event: Event) -> Event:
        now = self._clock.now()
        return replace(event, id=self._ids.next(now), time=now)

    def _usable(self) -> Store:
        if self._store is None:
            raise Unavailable("audit_unavailable")
        return self._store

    def _open(self) -> None:
        try:
            self._take()
        except (StoreDamaged, sqlite3.DatabaseError) as exc:
            if _passes(exc):
                raise
            self._set_aside(exc)
            self._take()

    def _take(self) -> None:
        self._store = store = Store(self._path)
        self._ids = Ids(store.id, store.latest)
        self.tally.fill(store, self._clock.now())

    def _set_aside(self, error: Exception) -> None:
        if self._store is not None:
            self._store.close()
            self._store = None
        name = self._path.name
        aside = self._path.with_name(f"{name}.damaged-{int(self._clock.now())}")
        for suffix in ("", "-wal", "-shm"):
            part = self._path.with_name(name + suffix)
            if part.exists():
                part.rename(aside.with_name(aside.name + suffix))
        self.set_aside = str(aside)
        log.error("the audit's file was damaged (%s): it lies in %s, and a new one begins", error, aside)

    async def _write_batches(self) -> None:
        while True:
            await self._work.wait()
            self._work.clear()
            batch, self._waiting = self._waiting, _Batch()
            error = await self._write(batch.events)
            if error is None and self._kept:
                error = await self._write_kept()
            batch.done.set_result(error)
            if error is not None:
                await asyncio.sleep(RETRY_SECONDS)
            if self._waiting.events or self._kept:
                self._work.set()

    async def _write(self, events: list[Event]) -> Exception | None:
        """None when they are durable; else they are kept."""
        if not events:
            return None
        try:
            numbered = await self._in(self._writing, self._append, events)
        except (sqlite3.Error, OSError, StoreDamaged) as exc:
            self._keep(events)
            self._tell_trouble(exc)
            return exc
        if self.trouble:
            log.warning("the audit's file can be written again")
            self.trouble = ""
        self._count(numbered)
        for callback in self._callbacks:
            callback(numbered)
        return None

    def _append(self, events: Sequence[Event]) -> list[Numbered]:
        if self._store is None:
            self._open()
        try:
            return self._usable().append(events)
        except sqlite3.DatabaseError as exc:
            if _passes(exc):
                raise
            self._set_aside(exc)
            self._open()
            return self._usable().append(events)

    async def _write_kept(self) -> Exception | None:
        while self._kept:
            events = [self._kept.popleft() for _ in range(min(MOST_AT_ONCE, len(self._kept)))]
            if (error := await self._write(events)) is not None:
                return error
        if self._lost:
            log.error("%d events were lost while they could not be written", self._lost)
            self._lost = 0
        return None

    def _keep(self, events: Sequence[Event]) -> None:
        self._lost += max(0, len(self._kept) + len(events) - MOST_KEPT)
        self._kept.extend(events)
        self._work.set()

    def _tell_trouble(self, error: Exception) -> None:
        if not self.trouble:
            log.error("the audit's file cannot be written: %s", error)
        self.trouble = str(error)

    def _count(self, events: Sequence[Numbered]) -> None:
        for numbered in events:
            self.tally.add(numbered.origin, numbered.event)

    async def _retain(self) -> None:
        await self._look_through()
        while True:
            try:
                await self.retain()
            except (sqlite3.Error, Unavailable) as exc:
                log.warning("old events are not removed now: %s", exc)
            await asyncio.sleep(RETENTION_SECONDS)

    async def _look_through(self) -> None:
        """Read the whole file once, so that damage is found before somebody needs what it hit."""
        try:
            await self._in(self._reading, self._usable().check)
        except (sqlite3.DatabaseError, StoreDamaged) as exc:
            if not _passes(exc):
                await self._in(self._writing, self._begin_anew, exc)

    def _begin_anew(self, error: Exception) -> None:
        self._set_aside(error)
        self._open()

    async def _in(self, thread: ThreadPoolExecutor, call: Callable[..., T], *arguments: object) -> T:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(thread, functools.partial(call, *arguments))


def _passes(error: Exception) -> bool:
    """Whether the file is sound and the machine is in trouble."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in _PASSING
