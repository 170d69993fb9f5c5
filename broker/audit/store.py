"""The file of events: SQLite in WAL mode with full sync. All methods block; `audit.py` calls them in its threads.

Each event lies there as JSON, the steps of a launch compressed beside it (a site of 1,000 hosts has as many of them),
and the few columns that are searched. Names in those are folded, so that a search finds them whatever their case. A
store has an id of its own; events carry the store that took them first (`origin`) and their number there, by which
copies follow without gaps.

One connection writes, another reads: a search never keeps an event waiting. Brokers that share a state folder have a
file each, by a lock beside it.
"""

# ruff: noqa: S608  (statements are put together out of names that stand in this file; values are always bound)

from __future__ import annotations

import errno
import fcntl
import json
import os
import sqlite3
import unicodedata
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from broker.audit.event import Event, id_bounds
from broker.audit.query import Page, Query
from portcullis.ids import is_id, new_id

APPLICATION_ID = 0x50415544  # "PAUD"
FILE_VERSION = 1
LOOKED_AT = 20_000
"""Events that one search looks at, at most."""
DELETED_AT_ONCE = 500
"""Whoever waits for an event to be written waits for no more."""
NAME = "audit.sqlite"
MOST_BROKERS = 16
"""That share a folder."""
LARGEST_BYTES = 256 * 1024
"""Of the JSON of an event, and of its steps."""
_SITE = "-"
"""In the column `tenant`, of an event of the whole site; no id looks so."""

_SCHEMA = (
    "CREATE TABLE about (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
    "CREATE TABLE event (id TEXT NOT NULL, origin TEXT NOT NULL, number INTEGER NOT NULL, tenant TEXT NOT NULL,"
    " type TEXT NOT NULL, user TEXT NOT NULL, user_id TEXT NOT NULL, kind TEXT NOT NULL, object TEXT NOT NULL,"
    " object_id TEXT NOT NULL, code TEXT NOT NULL, reference TEXT NOT NULL, time REAL NOT NULL, words TEXT NOT NULL,"
    " body TEXT NOT NULL, steps BLOB)",
    "CREATE UNIQUE INDEX event_id ON event (id)",
    "CREATE UNIQUE INDEX event_origin ON event (origin, number)",
    "CREATE INDEX event_tenant ON event (tenant, id)",
    "CREATE INDEX event_type ON event (tenant, type, id)",
    "CREATE INDEX event_user ON event (tenant, user, id) WHERE user != ''",
    "CREATE INDEX event_object ON event (tenant, object, id) WHERE object != ''",
    "CREATE INDEX event_code ON event (tenant, code, id) WHERE code != ''",
    "CREATE INDEX event_reference ON event (reference) WHERE reference != ''",
    f"PRAGMA application_id = {APPLICATION_ID}",
    f"PRAGMA user_version = {FILE_VERSION}",
)


@dataclass(frozen=True, slots=True)
class Numbered:
    """An event, and where it is in the store that took it."""

    origin: str
    number: int
    event: Event


class StoreDamaged(Exception):
    """The file is no store of events, or not a sound one."""


class Store:
    """Raises sqlite3.Error where the file system or the file fails it."""

    def __init__(self, path: Path) -> None:
        """Open the file, or make it. Raises StoreDamaged, sqlite3.Error, OSError."""
        self.path = path
        self._number = 0
        fresh = not path.exists() or path.stat().st_size == 0
        os.close(os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600))
        self._write = self._read = sqlite3.connect(":memory:")
        try:
            self._write = _connect(path)
            if fresh:
                _create(self._write)
            _judge(self._write)
            self._write.execute("PRAGMA synchronous = FULL")
            self._read = _connect(path)
            self.id = self._about("store")
            self.latest, self._number = self._own()
        except BaseException:
            self.close()
            raise

    def append(self, events: Sequence[Event]) -> list[Numbered]:
        """Durable when this returns; all or none."""
        numbered = [Numbered(self.id, self._number + 1 + at, event) for at, event in enumerate(events)]
        self._insert("INSERT", numbered)
        self._number += len(numbered)
        return numbered

    def copy(self, events: Sequence[Numbered]) -> None:
        """Events of other stores; those that are there already stay."""
        self._insert("INSERT OR IGNORE", events)

    def search(self, query: Query) -> Page:
        """Looks at LOOKED_AT events at most."""
        column, value = _narrowest(query)
        low, high = id_bounds(query.start, query.end)
        high = min(query.before or high, high)
        inner = (
            f"SELECT * FROM event INDEXED BY event_{column} WHERE tenant = ? AND id >= ? AND id < ?"
            f"{_equals(column)} ORDER BY id DESC LIMIT {LOOKED_AT}"
        )
        if column == "reference":
            inner = "SELECT * FROM event WHERE tenant = ? AND id >= ? AND id < ? AND reference = ? ORDER BY id DESC"
        arguments: list[object] = [_tenant(query.tenant), low, high, *([] if value is None else [value])]
        conditions, more = _conditions(query)
        rows = self._read.execute(
            f"SELECT body, {'steps' if query.whole else 'NULL'}, id FROM ({inner}) WHERE {conditions} LIMIT ?",
            [*arguments, *more, query.limit],
        ).fetchall()
        events = tuple(_event(*row[:2]) for row in rows)
        if len(rows) == query.limit:
            return Page(events, rows[-1][2])
        return Page(events, self._looked_to(inner, arguments))

    def since(self, origin: str, number: int, limit: int) -> list[Numbered]:
        """What the store of this id took after its event of that number, oldest first."""
        rows = self._read.execute(
            "SELECT number, body, steps FROM event WHERE origin = ? AND number > ? ORDER BY number LIMIT ?",
            (origin, number, limit),
        )
        return [Numbered(origin, row[0], _event(*row[1:])) for row in rows]

    def reached(self, origin: str) -> int:
        """The number of the newest event that is here of that store."""
        row = self._read.execute("SELECT max(number) FROM event WHERE origin = ?", (origin,)).fetchone()
        return int(row[0] or 0)

    def counts(
        self, since: float, bucket_seconds: int
    ) -> Iterator[tuple[str, str | None, int, str, str, int]]:
        """(origin, tenant, bucket, type, code, how many) of what happened since then."""
        rows = self._read.execute(
            "SELECT origin, tenant, CAST(time / ? AS INTEGER), type, code, count(*) FROM event WHERE id >= ?"
            " AND time >= ? GROUP BY 1, 2, 3, 4, 5",
            (bucket_seconds, id_bounds(since, None)[0], since),
        )
        for origin, tenant, bucket, kind, code, number in rows.fetchall():
            yield origin, None if tenant == _SITE else tenant, bucket, kind, code, number

    def prune(self, oldest: float, most_bytes: int) -> int:
        """Remove one portion of what is too old or too much; how many went. Where it is too much, the kind of event
        that there is most of gives way: what anybody can cause at will does not push out what is rare.
        """
        gone = self._delete("id < ?", id_bounds(oldest, None)[0])
        if gone or self.used_bytes() <= most_bytes:
            return gone
        row = self._write.execute(
            "SELECT type FROM event GROUP BY type ORDER BY count(*) DESC LIMIT 1"
        ).fetchone()
        return self._delete("type = ?", row[0]) if row else 0

    def forget(self, tenant: str) -> int:
        """Remove one portion of the events of a tenant that is gone."""
        return self._delete("tenant = ?", tenant)

    def tenants(self) -> set[str]:
        """Of whom there is anything; by jumps over the index."""
        found: set[str] = set()
        row = self._read.execute("SELECT min(tenant) FROM event").fetchone()
        while row[0] is not None:
            found.add(row[0])
            row = self._read.execute("SELECT min(tenant) FROM event WHERE tenant > ?", (row[0],)).fetchone()
        return found - {_SITE}

    def used_bytes(self) -> int:
        page, pages, free = (
            self._write.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("page_size", "page_count", "freelist_count")
        )
        return int(page) * (int(pages) - int(free))

    def check(self) -> None:
        """Read the whole file. Raises StoreDamaged, sqlite3.Error."""
        result = self._read.execute("PRAGMA quick_check(1)").fetchone()[0]
        if result != "ok":
            raise StoreDamaged(result)

    def close(self) -> None:
        self._read.close()
        self._write.close()

    def _own(self) -> tuple[str, int]:
        row = self._write.execute(
            "SELECT id, number FROM event WHERE origin = ? ORDER BY number DESC LIMIT 1", (self.id,)
        ).fetchone()
        return (row[0], row[1]) if row else ("", int(self._about("number")))

    def _about(self, name: str) -> str:
        row = self._write.execute("SELECT value FROM about WHERE name = ?", (name,)).fetchone()
        if row is None:
            raise StoreDamaged(f"it does not say its {name}")
        return str(row[0])

    def _looked_to(self, inner: str, arguments: Sequence[object]) -> str:
        """Where a search stopped that found too little; "" when it saw everything."""
        row = self._read.execute(
            f"SELECT min(id), count(*) FROM (SELECT id FROM ({inner}))", arguments
        ).fetchone()
        return str(row[0]) if row[1] >= LOOKED_AT else ""

    def _insert(self, insert: str, events: Iterable[Numbered]) -> None:
        rows = [_row(each) for each in events]
        with _transaction(self._write) as connection:
            connection.executemany(f"{insert} INTO event VALUES ({', '.join('?' * 16)})", rows)

    def _delete(self, condition: str, value: object) -> int:
        """The oldest of them. The number that this store has reached outlives its events."""
        with _transaction(self._write) as connection:
            gone = connection.execute(
                f"DELETE FROM event WHERE rowid IN (SELECT rowid FROM event WHERE {condition} ORDER BY id LIMIT ?)",
                (value, DELETED_AT_ONCE),
            ).rowcount
            connection.execute("INSERT OR REPLACE INTO about VALUES ('number', ?)", (str(self._number),))
        return int(gone)


def free_path(folder: Path) -> tuple[Path, int]:
    """The first file that no other process or broker has, and its lock, to be closed. Raises OSError."""
    for number in range(1, MOST_BROKERS + 1):
        path = folder / (NAME if number == 1 else f"audit-{number}.sqlite")
        lock = os.open(f"{path}.lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
        else:
            return path, lock
    raise OSError(errno.EBUSY, f"{folder}: all files of the audit are in use")


class _transaction:
    """BEGIN to COMMIT; undone when the block raises."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def __enter__(self) -> sqlite3.Connection:
        self._connection.execute("BEGIN IMMEDIATE")
        return self._connection

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is None:
            try:
                self._connection.execute("COMMIT")
            except sqlite3.Error:
                self._roll_back()
                raise
        else:
            self._roll_back()

    def _roll_back(self) -> None:
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")


def fold(text: str) -> str:
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())


def _connect(path: Path) -> sqlite3.Connection:
    # The threads that use them are never two at once.
    return sqlite3.connect(path, isolation_level=None, check_same_thread=False)


def _create(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA journal_mode = WAL")
    with _transaction(connection):
        for statement in _SCHEMA:
            connection.execute(statement)
        connection.execute("INSERT INTO about VALUES ('store', ?), ('number', '0')", (new_id(),))


def _judge(connection: sqlite3.Connection) -> None:
    kind, version = (
        connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("application_id", "user_version")
    )
    if kind != APPLICATION_ID or version != FILE_VERSION:
        raise StoreDamaged(f"kind {kind:x}, version {version}")


def _row(numbered: Numbered) -> tuple[object, ...]:
    event = numbered.event
    actor, what = event.actor, event.object
    named = (
        actor.user,
        what.kind,
        what.name,
        event.type,
        event.code,
        event.reason,
        actor.address,
        event.reference,
    )
    return (
        event.id,
        numbered.origin,
        numbered.number,
        _tenant(event.tenant),
        event.type,
        fold(actor.user),
        actor.id,
        what.kind,
        fold(what.name),
        what.id,
        event.code,
        event.reference,
        event.time,
        fold("\n".join(text for text in named if text)),
        *_body(event),
    )


def _body(event: Event) -> tuple[str, bytes | None]:
    """What is larger than any event should be is left out: the event counts."""
    value = event.to_json()
    steps = value["detail"].pop("steps", None)
    body, packed = _json(value), None if steps is None else zlib.compress(_json(steps).encode(), 1)
    if len(body) > LARGEST_BYTES:
        body = _json({**value, "detail": {"left_out": len(body)}})
    return body, None if packed is not None and len(packed) > LARGEST_BYTES else packed


def _json(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))


def _event(body: str, steps: bytes | None) -> Event:
    value = json.loads(body)
    if steps is not None:
        value["detail"]["steps"] = json.loads(zlib.decompress(steps))
    return Event.from_json(value)


def _tenant(tenant: str | None) -> str:
    return _SITE if tenant is None else tenant


def _narrowest(query: Query) -> tuple[str, str | None]:
    """The index that leaves least to look at, and the value in it."""
    name = _object_name(query.object)
    if query.reference:
        return "reference", query.reference
    if query.user and not is_id(query.user):
        return "user", fold(query.user)
    if name and not is_id(name):
        return "object", fold(name)
    if query.code:
        return "code", query.code
    if len(query.types) == 1:
        return "type", query.types[0]
    return "tenant", None


def _equals(column: str) -> str:
    """The second term is what makes SQLite use an index of some rows only."""
    if column == "tenant":
        return ""
    return f" AND {column} = ?" + ("" if column == "type" else f" AND {column} != ''")


def _conditions(query: Query) -> tuple[str, list[object]]:
    """Everything that was asked, whatever the index has seen to already."""
    found: list[tuple[str, list[object]]] = [("1", [])]
    if query.types:
        found.append((f"type IN ({', '.join('?' * len(query.types))})", list(query.types)))
    if query.user:
        found.append(("(user = ? OR user_id = ?)", [fold(query.user), query.user]))
    kind, colon, _ = query.object.partition(":")
    if colon:
        found.append(("kind = ?", [kind]))
    if name := _object_name(query.object):
        found.append(("(object = ? OR object_id = ?)", [fold(name), name]))
    for column, value in (("code", query.code), ("reference", query.reference)):
        if value:
            found.append((f"{column} = ?", [value]))
    if query.start is not None:
        found.append(("time >= ?", [query.start]))
    if query.end is not None:
        found.append(("time < ?", [query.end]))
    if query.text:
        found.append(("instr(words, ?)", [fold(query.text)]))
    return " AND ".join(term for term, _ in found), [value for _, values in found for value in values]


def _object_name(text: str) -> str:
    _, colon, name = text.partition(":")
    return name if colon else text
