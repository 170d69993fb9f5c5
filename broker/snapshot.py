"""The watch-fed picture of the grid: what deciding reads, so that it reads no disk and no network.

`start` takes a range of everything and then follows the watch. When the watch was compacted away it takes a
new range and works out the difference, deletes included, so that subscribers see every change of a record
that lasted. Kinds of `keys.NOT_IN_SNAPSHOT` are left out. One task runs from `start` to `stop`.

Reading is synchronous and sees whole revisions only. A callback runs after all changes of a delivery are in,
in their order; it must not block. A callback subscribed before `start` is told of all that is there.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from broker.grid import keys
from broker.grid.grid import Changes, Compacted, Event, GridUnavailable, KeyValue, PutEvent
from broker.grid.keys import Path
from broker.grid.scopes import Record, Stores, is_data_key
from portcullis.tasks import cancel_and_wait, spawn

log = logging.getLogger(__name__)

RETRY_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Change:
    """`record` is None when it was deleted, `previous` when it is new."""

    scope: str
    path: Path
    record: Record | None
    previous: Record | None
    revision: int


class Snapshot:
    def __init__(self, stores: Stores) -> None:
        self.revision = 0
        self._stores = stores
        self._records: dict[tuple[str, Path], Record] = {}
        self._below: dict[tuple[str, Path], dict[Path, Record]] = {}  # by every proper prefix of a path
        self._callbacks: dict[object, Callable[[Change], None]] = {}
        self._advanced = asyncio.Event()
        self._feed: asyncio.Task[None] | None = None

    def get(self, scope: str, path: Path) -> Record | None:
        return self._records.get((scope, path))

    def tenants(self) -> list[Record]:
        return self.list(keys.SITE, "tenant")

    def list(self, scope: str, *prefix: str) -> list[Record]:
        """All records below `prefix`, which names at least the kind, in no particular order."""
        return list(self._below.get((scope, prefix), {}).values())

    async def until(self, revision: int, timeout_seconds: float = 1.0) -> bool:
        """Wait until the snapshot has reached `revision`; whether it did in time."""
        try:
            async with asyncio.timeout(timeout_seconds):
                while self.revision < revision:
                    await self._advanced.wait()
        except TimeoutError:
            return False
        return True

    def subscribe(self, callback: Callable[[Change], None]) -> Callable[[], None]:
        """Call `callback` with every change until the function returned here is called."""
        handle = object()
        self._callbacks[handle] = callback
        return lambda: self._callbacks.pop(handle, None) and None

    async def start(self) -> None:
        """Load everything, then follow. Raises GridUnavailable, SealBroken (it is another site's key)."""
        await self._stores.site.get(("meta",))
        await self._load()
        self._feed = spawn(self._follow(), name="snapshot feed")

    async def stop(self) -> None:
        await cancel_and_wait(self._feed)

    async def _follow(self) -> None:
        while True:
            try:
                await self._watch()
            except Compacted:
                log.info("the watch was compacted away: the snapshot is taken anew")
                await self._retry_load()
            except GridUnavailable as exc:
                log.warning("the snapshot stands still at revision %d: %s", self.revision, exc)
                await asyncio.sleep(RETRY_SECONDS)

    async def _watch(self) -> None:
        async with contextlib.aclosing(self._stores.grid.watch(keys.ROOT, self.revision + 1)) as watch:
            async for changes in watch:
                self._take(changes)

    async def _retry_load(self) -> None:
        try:
            await self._load()
        except GridUnavailable as exc:
            log.warning("the snapshot cannot be taken now: %s", exc)
            await asyncio.sleep(RETRY_SECONDS)

    async def _load(self) -> None:
        """Take everything and report how it differs from what was known."""
        whole = await self._stores.grid.range(keys.ROOT)
        present = {keys.parse(item.key) for item in whole.items}
        changes = [
            self._remove(scope, path, whole.revision)
            for scope, path in list(self._records)
            if (scope, path) not in present
        ]
        changes += [self._put(item) for item in _data_keys_first(whole.items) if self._is_news(item)]
        self._advance(whole.revision, changes)

    def _take(self, changes: Changes) -> None:
        puts = (event.item for event in changes.events if isinstance(event, PutEvent))
        for item in puts:
            if is_data_key(item.key):
                self._stores.open(item)
        self._advance(changes.revision, [self._apply(event) for event in changes.events])

    def _apply(self, event: Event) -> Change | None:
        if isinstance(event, PutEvent):
            return self._put(event.item)
        place = keys.parse(event.key)
        return None if place is None else self._remove(*place, event.revision)

    def _is_news(self, item: KeyValue) -> bool:
        place = keys.parse(item.key)
        known = None if place is None else self._records.get(place)
        return known is None or known.mod_revision != item.mod_revision

    def _put(self, item: KeyValue) -> Change | None:
        place = keys.parse(item.key)
        if place is not None and place[1][0] in keys.NOT_IN_SNAPSHOT:
            return None
        record = self._stores.open(item)
        if record is None:  # what does not open must not go on under its last good value
            return None if place is None else self._remove(*place, item.mod_revision)
        previous = self._records.get((record.scope, record.path))
        self._records[record.scope, record.path] = record
        for prefix in _prefixes(record.path):
            self._below.setdefault((record.scope, prefix), {})[record.path] = record
        return Change(record.scope, record.path, record, previous, record.mod_revision)

    def _remove(self, scope: str, path: Path, revision: int) -> Change | None:
        previous = self._records.pop((scope, path), None)
        if previous is None:
            return None
        for prefix in _prefixes(path):
            below = self._below[scope, prefix]
            del below[path]
            if not below:
                del self._below[scope, prefix]
        return Change(scope, path, None, previous, revision)

    def _advance(self, revision: int, changes: Iterable[Change | None]) -> None:
        self.revision = revision
        self._advanced.set()
        self._advanced = asyncio.Event()
        for change in changes:
            if change is not None:
                self._tell(change)

    def _tell(self, change: Change) -> None:
        for callback in list(self._callbacks.values()):
            try:
                callback(change)
            except Exception:  # one subscriber's bug must not stop the feed of all others
                log.exception("a subscriber failed at revision %d", change.revision)


def _prefixes(path: Path) -> Iterable[Path]:
    return (path[:length] for length in range(1, len(path)))


def _data_keys_first(items: Iterable[KeyValue]) -> list[KeyValue]:
    return sorted(items, key=lambda item: not is_data_key(item.key))
