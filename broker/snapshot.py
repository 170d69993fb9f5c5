"""The watch-fed picture of the grid: what deciding reads, so that it reads no disk and no network.

`start` takes everything, page by page, and then follows the watch. When the watch was compacted away it takes
everything anew and works out the difference, deletes included, so that subscribers see every change of a record
that lasted. Kinds of `keys.NOT_IN_SNAPSHOT` are left out. One task runs from `start` to `stop`.

A value is unsealed when it comes, since what does not open must not be there, and parsed when somebody reads it
(`Record.value`): a site of 100,000 sessions is half a million records. Between pages the loop serves others; they see
what was before until all pages are in.

Reading is synchronous and sees whole revisions only. A callback runs after all changes of a delivery are in,
in their order; it must not block. A callback subscribed before `start` is told of all that is there.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from broker.grid import keys
from broker.grid.grid import Changes, Compacted, Event, GridUnavailable, KeyValue, PutEvent
from broker.grid.keys import Path
from broker.grid.scopes import Record, Stores, is_data_key
from portcullis.tasks import cancel_and_wait, spawn

log = logging.getLogger(__name__)

RETRY_SECONDS = 0.5


T = TypeVar("T")

Place = tuple[str, Path]
Unkept = Callable[[str, Path, int], None]
"""Scope, path and revision of a record that was put; an empty path: everything may have changed."""
News = list[tuple[Place, int, Record | None]]

_NOTHING: Mapping[Path, Record] = {}


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
        self._kinds: dict[tuple[str, str], dict[Path, Record]] = {}
        self._below: dict[Place, dict[Path, Record]] = {}  # by every proper prefix longer than the kind
        self._callbacks: dict[object, Callable[[Change], None]] = {}
        self._waiting: dict[int, set[asyncio.Future[None]]] = {}  # by the revision waited for
        self._followers: dict[str, list[Unkept]] = {}  # of kinds that are not kept
        self._indexes: dict[Callable[[Snapshot], Any], Any] = {}
        self._feed: asyncio.Task[None] | None = None

    def get(self, scope: str, path: Path) -> Record | None:
        return self._kinds.get((scope, path[0]), _NOTHING).get(path)

    def tenants(self) -> list[Record]:
        return self.list(keys.SITE, "tenant")

    def list(self, scope: str, *prefix: str) -> list[Record]:
        """All records below `prefix`, which names at least the kind, in no particular order."""
        return list(self._all(scope, prefix).values())

    def count(self, scope: str, *prefix: str) -> int:
        """How many `list` would answer."""
        return len(self._all(scope, prefix))

    async def newest(self) -> int:
        """The revision of the grid itself, which this snapshot may not have reached. Raises GridUnavailable."""
        return (await self._stores.commit(self._stores.site.read(("meta",)))).revision

    async def until(self, revision: int, timeout_seconds: float = 1.0) -> bool:
        """Wait until the snapshot has reached `revision`; whether it did in time."""
        if self.revision >= revision:
            return True
        reached = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(revision, set()).add(reached)
        try:
            async with asyncio.timeout(timeout_seconds):
                await reached
        except TimeoutError:
            return False
        finally:
            self._stop_waiting(revision, reached)
        return True

    def index(self, kind: Callable[[Snapshot], T]) -> T:
        """The one index of this kind over the snapshot: it is made when somebody asks first."""
        if kind not in self._indexes:
            self._indexes[kind] = kind(self)
        made: T = self._indexes[kind]
        return made

    def subscribe(self, callback: Callable[[Change], None]) -> Callable[[], None]:
        """Call `callback` with every change until the function returned here is called."""
        handle = object()
        self._callbacks[handle] = callback
        return lambda: self._callbacks.pop(handle, None) and None

    def follow(self, kind: str, follower: Unkept) -> None:
        """Tell `follower` of every put of a kind that is not kept here, which it reads itself."""
        self._followers.setdefault(kind, []).append(follower)

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
        while True:
            try:
                revision, present, news = await self._read_all()
                break
            except Compacted:
                log.info("what was being read was compacted away: the snapshot is taken from the beginning")
        changes = [self._remove(*place, revision) for place in self._places() if place not in present]
        changes += [self._hold(place, mod_revision, record) for place, mod_revision, record in news]
        self._advance(revision, changes)
        for kind in self._followers:
            self._tell_followers("", kind, (), revision)

    async def _read_all(self) -> tuple[int, set[Place], News]:
        """The revision, what is there, and what of it is not as it was known, opened."""
        present: set[Place] = set()
        news: News = []
        revision = 0
        pages = self._stores.grid.pages(keys.ROOT)  # keys in order: data keys come before what they open
        async with contextlib.aclosing(pages):
            async for page in pages:
                revision = page.revision
                self._compare(page.items, present, news)
                await asyncio.sleep(0)
        return revision, present, news

    def _compare(self, items: Iterable[KeyValue], present: set[Place], news: News) -> None:
        for item in items:
            place = keys.parse(item.key)
            if place is None:
                self._stores.open(item)  # which says so
            elif place[1][0] not in keys.NOT_IN_SNAPSHOT:
                present.add(place)
                known = self.get(*place)
                if known is None or known.mod_revision != item.mod_revision:
                    news.append((place, item.mod_revision, self._stores.open_at(*place, item)))

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

    def _put(self, item: KeyValue) -> Change | None:
        place = keys.parse(item.key)
        if place is None:
            self._stores.open(item)  # which says so
            return None
        if place[1][0] in keys.NOT_IN_SNAPSHOT:
            self._tell_followers(place[0], place[1][0], place[1], item.mod_revision)
            return None
        return self._hold(place, item.mod_revision, self._stores.open_at(*place, item))

    def _hold(self, place: Place, revision: int, record: Record | None) -> Change | None:
        if record is None:  # what does not open must not go on under its last good value
            return self._remove(*place, revision)
        scope, path = record.scope, record.path
        kind = self._kinds.setdefault((scope, path[0]), {})
        previous = kind.get(path)
        kind[path] = record
        for prefix in _prefixes(path):
            self._below.setdefault((scope, prefix), {})[path] = record
        return Change(scope, path, record, previous, revision)

    def _remove(self, scope: str, path: Path, revision: int) -> Change | None:
        previous = self._kinds.get((scope, path[0]), {}).pop(path, None)
        if previous is None:
            return None
        if scope == keys.SITE and path[:2] == ("key", "tenant"):
            self._stores.forget(path[2])
        for prefix in _prefixes(path):
            below = self._below[scope, prefix]
            del below[path]
            if not below:
                del self._below[scope, prefix]
        return Change(scope, path, None, previous, revision)

    def _all(self, scope: str, prefix: Path) -> Mapping[Path, Record]:
        if len(prefix) == 1:
            return self._kinds.get((scope, prefix[0]), _NOTHING)
        return self._below.get((scope, prefix), _NOTHING)

    def _places(self) -> Sequence[Place]:
        return [(scope, path) for (scope, _), records in self._kinds.items() for path in records]

    def _advance(self, revision: int, changes: Iterable[Change | None]) -> None:
        self.revision = revision
        for awaited in [awaited for awaited in self._waiting if awaited <= revision]:
            for reached in self._waiting.pop(awaited):
                if not reached.done():
                    reached.set_result(None)
        for change in changes:
            if change is not None:
                self._tell(change)

    def _stop_waiting(self, revision: int, reached: asyncio.Future[None]) -> None:
        waiting = self._waiting.get(revision)
        if waiting is not None:
            waiting.discard(reached)
            if not waiting:
                del self._waiting[revision]

    def _tell_followers(self, scope: str, kind: str, path: Path, revision: int) -> None:
        for follower in self._followers.get(kind, ()):
            follower(scope, path, revision)

    def _tell(self, change: Change) -> None:
        for callback in list(self._callbacks.values()):
            try:
                callback(change)
            except Exception:  # one subscriber's bug must not stop the feed of all others
                log.exception("a subscriber failed at revision %d", change.revision)


def _prefixes(path: Path) -> Iterator[Path]:
    return (path[:length] for length in range(2, len(path)))
