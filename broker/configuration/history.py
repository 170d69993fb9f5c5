"""What was changed, when, by whom and why: the history records of a tenant, newest first, and how it was before.

History is not in the snapshot. An index of a tenant's entries is made when somebody asks first, page by page, and kept
up with the watch from then on: 100,000 entries take a second and 30 MB once, a question after that reads what it shows.
"""

from __future__ import annotations

import asyncio
import bisect
import heapq
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from broker.configuration.changes import differences
from broker.configuration.host_past import GroupChange, HostPast
from broker.configuration.objects import OWN, Fields, Held
from broker.configuration.past import Names, entitlement_held, held_of, shown_fields
from broker.configuration.reading import LABEL
from broker.grid.grid import Compacted
from broker.grid.keys import HISTORY, Path
from broker.grid.scopes import Record, Scope, Stores
from broker.snapshot import Snapshot

KINDS = ("application", "group", LABEL, "policy", "role", "token", "user")
"""Of a tenant's own records; its settings are the site's record of the tenant, and host groups stand in the records of
hosts."""
FEW = 500
"""New entries that are read one by one; of more the index is made anew."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One write of one object. `path`: of the object."""

    revision: int
    kind: str
    path: Path
    stamp: str
    time: float
    author: str
    reason: str
    change: str
    """Id of the change of many objects that it was part of."""
    gone: bool

    @property
    def is_of_labels(self) -> bool:
        """Of an object whose own record is another one."""
        return self.path[0] == LABEL and self.kind != "entitlement"


@dataclass(frozen=True, slots=True)
class Shown:
    """An entry with what it changed."""

    entry: Entry
    name: str
    action: str
    fields: Sequence[Mapping[str, Any]]

    def to_json(self) -> dict[str, Any]:
        entry = self.entry
        return {
            "revision": entry.revision,
            "time": entry.time,
            "author": entry.author,
            "reason": entry.reason,
            "change": entry.change,
            "kind": entry.kind,
            "name": self.name,
            "action": self.action,
            "fields": list(self.fields),
        }


@dataclass(frozen=True, slots=True)
class Question:
    kind: str = ""
    name: str = ""
    author: str = ""
    """Part of it, whatever the case."""
    limit: int = 100
    before: int = sys.maxsize
    """Only what has a lower revision."""


@dataclass(frozen=True, slots=True)
class Past:
    """What was otherwise at a revision."""

    objects: Mapping[tuple[str, str], Held | None]
    """By kind and name; None: there was none. Without labels."""
    labels: Mapping[tuple[str, str], Mapping[str, str]]
    """Those whose labels were changed since."""
    hosts: Mapping[str, frozenset[str]]
    """Groups by id of the host."""


class History:
    def __init__(self, stores: Stores, snapshot: Snapshot) -> None:
        self._stores = stores
        self._snapshot = snapshot
        self._tenants: dict[str, _TenantHistory] = {}
        self._hosts = _HostHistory()
        snapshot.follow(HISTORY, self._written)

    async def entries(self, tenant_id: str, question: Question) -> list[Shown]:
        """The newest first. What one transaction wrote is never parted. Raises GridUnavailable."""
        history, hosts = await self._of(tenant_id), await self._host_past()
        groups = (_shown_group(change) for change in reversed(hosts.group_changes(tenant_id)))
        own = ((entry, None) for entry in reversed(history.entries))
        found: list[Shown] = []
        for entry, group in heapq.merge(own, groups, key=lambda each: -each[0].revision):
            named = group.name if group else history.name_of(entry.path)
            if entry.revision >= question.before or not _answers(entry, named, question):
                continue
            if len(found) >= question.limit and found[-1].entry.revision != entry.revision:
                break
            shown = group or await self._shown(tenant_id, history, entry)
            _add(found, shown)
        return found

    async def before(self, tenant_id: str, revision: int) -> Past:
        """How everything was that was changed after `revision`. A change that was being written then counts as a
        whole. Raises GridUnavailable.
        """
        history, hosts = await self._of(tenant_id), await self._host_past()
        begun = {entry.change for entry in history.entries if entry.change and entry.revision <= revision}
        under_way = begun | hosts.changes_at(revision)
        was: dict[Path, Entry | None] = {}
        for entry in history.entries:
            if entry.revision <= revision or entry.change in under_way:
                was[entry.path] = entry
        later = {
            entry.path
            for entry in history.entries
            if entry.revision > revision and entry.change not in under_way and entry.kind != "token"
        }
        objects: dict[tuple[str, str], Held | None] = {}
        labels: dict[tuple[str, str], Mapping[str, str]] = {}
        for path in sorted(later):
            known = was.get(path)
            if known is None and self._is_older(tenant_id, history.first(path)):
                continue  # what it was nobody wrote down
            value = await self._value(tenant_id, known) if known and not known.gone else None
            name = history.name_of(path)
            if path[0] == LABEL and path[1] != "entitlement":
                labels[path[1], name] = value.get("labels", {}) if value else {}
            elif path[0] == LABEL:
                objects[path[1], name] = entitlement_held(value) if value else None
            else:
                objects[path[0], name] = held_of(path, value, history.names) if value else None
        return Past(objects, labels, hosts.groups_at(tenant_id, revision, under_way))

    def _is_older(self, tenant_id: str, first: Entry) -> bool:
        """Whether labels were there before the first word of them: brokers of before kept no history of them."""
        if first.path[0] != LABEL:
            return False
        record = self._snapshot.get(tenant_id, first.path)
        return record is not None and record.create_revision < first.revision

    async def _host_past(self) -> HostPast:
        hosts = self._hosts
        async with hosts.lock:
            while not hosts.is_whole:
                await hosts.load(self._stores.site)
        return hosts.past

    async def _of(self, tenant_id: str) -> _TenantHistory:
        history = self._tenants.get(tenant_id)
        if history is None:
            history = self._tenants[tenant_id] = _TenantHistory()
        async with history.lock:
            while not history.is_whole:
                await self._load(tenant_id, history)
        return history

    async def _load(self, tenant_id: str, history: _TenantHistory) -> None:
        """What is written meanwhile comes by `_written`, and is looked at in the next round."""
        store = await self._stores.tenant(tenant_id)
        news, history.news = history.news, set()
        try:
            if not history.is_loaded or len(news) > FEW:
                history.clear()
                for kind in KINDS:
                    async for page in store.pages(HISTORY, kind):
                        history.take(page)
                        await asyncio.sleep(0)
                history.take(await self._stores.site.list(HISTORY, "tenant", tenant_id))
                history.is_loaded = True
            else:
                for path in sorted(news):
                    scope: Scope = self._stores.site if path[1] == "tenant" else store
                    record = await scope.get(path)
                    history.take([record] if record else [])
        except Compacted:
            return
        except BaseException:
            history.news |= news
            raise

    async def _shown(self, tenant_id: str, history: _TenantHistory, entry: Entry) -> Shown:
        earlier = history.earlier(entry)
        value = None if entry.gone else await self._value(tenant_id, entry)
        before = await self._value(tenant_id, earlier) if earlier and not earlier.gone else None
        one, other = _fields(entry.path, before), _fields(entry.path, value)
        action = "delete" if entry.gone else "change" if before is not None else "create"
        if entry.is_of_labels:
            action = "change"
        fields = [] if action == "delete" else [change.to_json() for change in differences(one, other)]
        return Shown(entry, history.name_of(entry.path), action, fields)

    async def _value(self, tenant_id: str, entry: Entry) -> dict[str, Any] | None:
        store: Scope = self._stores.site if entry.kind == "tenant" else await self._stores.tenant(tenant_id)
        record = await store.get((HISTORY, *entry.path, entry.stamp))
        value: dict[str, Any] | None = record.value["value"] if record else None
        return value

    def _written(self, scope: str, path: Path, revision: int) -> None:
        """Of the snapshot's feed. An empty path: the feed has a gap."""
        if not path:
            self._tenants.clear()
            self._hosts = _HostHistory()
            return
        if scope == "site" and path[1] == "host":
            self._hosts.news.add(path)
            return
        if path[1] == "tenant":
            scope = path[2]
        history = self._tenants.get(scope)
        if history is not None and path[1] in (*KINDS, "tenant"):
            history.news.add(path)


class _TenantHistory:
    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.names = Names()
        self.news: set[Path] = set()
        self.is_loaded = False
        self.lock = asyncio.Lock()
        self._named: dict[Path, str] = {}
        self._by_path: dict[Path, list[Entry]] = {}

    @property
    def is_whole(self) -> bool:
        return self.is_loaded and not self.news

    def clear(self) -> None:
        self.entries.clear()
        self._by_path.clear()

    def take(self, records: Iterable[Record]) -> None:
        for record in records:
            entry = _entry(record)
            if not entry.gone:
                self._note_name(entry.path, record.value["value"])
            same = self._by_path.setdefault(entry.path, [])
            if all(entry.stamp != other.stamp for other in reversed(same)):
                bisect.insort(same, entry, key=_order)
                bisect.insort(self.entries, entry, key=_order)

    def first(self, path: Path) -> Entry:
        return self._by_path[path][0]

    def earlier(self, entry: Entry) -> Entry | None:
        """Of the same object."""
        same = self._by_path[entry.path]
        place = same.index(entry)
        return same[place - 1] if place else None

    def name_of(self, path: Path) -> str:
        """As the object was called last."""
        if path[0] == "policy":
            level, id = path[1], path[2]
            of = self.names.of(level, id)
            return level if level == "tenant" else f"{level}/{of or id}"
        return OWN if path[0] == "tenant" else self._named.get(path, path[-1])

    def _note_name(self, path: Path, value: Mapping[str, Any]) -> None:
        kind = path[0]
        if kind == LABEL:
            self._named[path] = value["name"]
            return
        if kind == "token":
            self._named[path] = value.get("note") or path[-1][:16]
        elif kind != "policy" and "name" in value:
            self._named[path] = value["name"]
        if kind in ("user", "application"):
            self.names.note(kind, path[-1], value["name"])
        if kind == "group":
            self.names.note_groups([value["name"]])
        if kind == "user":
            self.names.note_groups(value.get("groups", ()))


def _order(entry: Entry) -> tuple[int, Path]:
    return entry.revision, entry.path


def _entry(record: Record) -> Entry:
    _, *path, stamp = record.path
    value = record.value
    return Entry(
        revision=record.create_revision,
        kind=path[1] if path[0] == LABEL else path[0],
        path=tuple(path),
        stamp=stamp,
        time=value.get("time", 0.0),
        author=value.get("author", "system"),
        reason=value.get("reason", ""),
        change=value.get("change", ""),
        gone=value.get("value") is None,
    )


class _HostHistory:
    """Of all hosts of the site, for all tenants."""

    def __init__(self) -> None:
        self.past = HostPast()
        self.news: set[Path] = set()
        self.is_loaded = False
        self.lock = asyncio.Lock()

    @property
    def is_whole(self) -> bool:
        return self.is_loaded and not self.news

    async def load(self, site: Scope) -> None:
        """What is written meanwhile is looked at in the next round. Raises GridUnavailable."""
        news, self.news = self.news, set()
        try:
            if not self.is_loaded:
                async for page in site.pages(HISTORY, "host"):
                    self.past.take(page)
                    await asyncio.sleep(0)
                self.is_loaded = True
                return
            for path in sorted(news):
                record = await site.get(path)
                self.past.take([record] if record else [])
        except Compacted:
            return
        except BaseException:
            self.news |= news
            raise


def _shown_group(change: GroupChange) -> tuple[Entry, Shown]:
    write = change.write
    entry = Entry(
        revision=write.revision,
        kind="host-group",
        path=("host-group",),
        stamp=write.stamp,
        time=write.time,
        author=change.author,
        reason=write.reason,
        change=write.change,
        gone=not change.after,
    )
    action = "create" if not change.before else "delete" if not change.after else "change"
    hosts = {"field": "hosts", "from": list(change.before) or None, "to": list(change.after)}
    return entry, Shown(entry, change.name, action, [] if action == "delete" else [hosts])


def _answers(entry: Entry, name: str, question: Question) -> bool:
    return (
        (not question.kind or entry.kind == question.kind)
        and (not question.author or question.author.casefold() in entry.author.casefold())
        and (not question.name or name.casefold() == question.name.casefold())
    )


def _add(found: list[Shown], shown: Shown) -> None:
    """One object that a transaction wrote is told once, its labels with it."""
    for place in range(len(found) - 1, -1, -1):
        other = found[place]
        if other.entry.revision != shown.entry.revision:
            break
        if (other.entry.kind, other.name) == (shown.entry.kind, shown.name):
            found[place] = _merged(other, shown)
            return
    found.append(shown)


def _merged(one: Shown, other: Shown) -> Shown:
    own, labels = (other, one) if one.entry.is_of_labels else (one, other)
    return own if own.action == "delete" else replace(own, fields=[*own.fields, *labels.fields])


def _fields(path: Path, value: Mapping[str, Any] | None) -> Fields:
    return {} if value is None else shown_fields(path, value)
