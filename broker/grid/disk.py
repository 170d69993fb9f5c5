"""The embedded grid's file: SQLite in WAL mode with full sync; the current state and nothing of the past.

One process at a time has it open, kept out of by a lock file beside it (a lock on the file itself would
meddle with SQLite's own, which any close of the file in this process drops). All methods block: one thread
calls them.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from broker.grid.grid import GridError, GridUnavailable, KeyValue

APPLICATION_ID = 0x504F5254  # "PORT"
FILE_VERSION = 1

_SCHEMA = (
    "CREATE TABLE grid (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID",
    "CREATE TABLE item (key TEXT PRIMARY KEY, value BLOB NOT NULL, create_revision INTEGER NOT NULL,"
    " mod_revision INTEGER NOT NULL, lease INTEGER NOT NULL) WITHOUT ROWID",
    "CREATE TABLE lease (id INTEGER PRIMARY KEY, ttl_seconds REAL NOT NULL)",
    "INSERT INTO grid VALUES ('revision', 0)",
    f"PRAGMA application_id = {APPLICATION_ID}",
    f"PRAGMA user_version = {FILE_VERSION}",
)


class GridInUse(GridError):
    """Another process has the file open."""


class GridDamaged(GridError):
    """The file is not a grid, or not a sound one. Restore it from a backup."""


class GridTooNew(GridError):
    """A newer version of Portcullis wrote the file."""


@dataclass(frozen=True, slots=True)
class Stored:
    revision: int
    items: list[KeyValue]
    leases: dict[int, float]


class Disk:
    """Raises sqlite3.Error where the file system fails it after opening."""

    def __init__(self, path: Path) -> None:
        """Open or make the file. Raises GridInUse, GridDamaged, GridTooNew or GridUnavailable."""
        path = path.resolve()
        try:
            self._lock = _locked(path)
        except OSError as exc:
            raise GridUnavailable(f"{path}: {exc.strerror}") from exc
        try:
            self._connection = _connect(path)
        except BaseException:
            os.close(self._lock)
            raise

    def load(self) -> Stored:
        rows = self._connection.execute("SELECT key, value, create_revision, mod_revision, lease FROM item")
        return Stored(
            self._connection.execute("SELECT value FROM grid WHERE name = 'revision'").fetchone()[0],
            [KeyValue(*row) for row in rows],
            dict(self._connection.execute("SELECT id, ttl_seconds FROM lease")),
        )

    def commit(
        self, revision: int, items: Mapping[str, KeyValue | None], leases: Mapping[int, float | None]
    ) -> None:
        """Bring the file to `revision`, durably. None removes. Leaves it as it was when it raises."""
        connection = self._connection
        try:
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("UPDATE grid SET value = ? WHERE name = 'revision'", (revision,))
            self._write_items(items)
            self._write_leases(leases)
            connection.execute("COMMIT")
        except sqlite3.Error:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise

    def close(self) -> None:
        self._connection.close()
        os.close(self._lock)

    def _write_items(self, items: Mapping[str, KeyValue | None]) -> None:
        self._connection.executemany(
            "INSERT OR REPLACE INTO item VALUES (?, ?, ?, ?, ?)",
            (
                (item.key, item.value, item.create_revision, item.mod_revision, item.lease)
                for item in items.values()
                if item is not None
            ),
        )
        self._connection.executemany(
            "DELETE FROM item WHERE key = ?", ((key,) for key, item in items.items() if item is None)
        )

    def _write_leases(self, leases: Mapping[int, float | None]) -> None:
        self._connection.executemany(
            "INSERT OR REPLACE INTO lease VALUES (?, ?)",
            ((lease, ttl) for lease, ttl in leases.items() if ttl is not None),
        )
        self._connection.executemany(
            "DELETE FROM lease WHERE id = ?", ((lease,) for lease, ttl in leases.items() if ttl is None)
        )


def _locked(path: Path) -> int:
    lock = os.open(f"{path}.lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        raise GridInUse(f"{path} is in use by another process: stop that broker first") from None
    except OSError:
        os.close(lock)
        raise
    return lock


def _connect(path: Path) -> sqlite3.Connection:
    connection = None
    try:
        _make_private(path)
        connection = sqlite3.connect(path, isolation_level=None)
        _prepare(connection, path)
    except (sqlite3.OperationalError, OSError) as exc:
        _close(connection)
        raise GridUnavailable(f"{path}: {exc}") from exc
    except sqlite3.DatabaseError as exc:
        _close(connection)
        raise GridDamaged(f"{path} is damaged or not a grid: {exc}") from exc
    except GridError:
        _close(connection)
        raise
    return connection


def _close(connection: sqlite3.Connection | None) -> None:
    if connection is not None:
        connection.close()


def _make_private(path: Path) -> None:
    """SQLite gives its side files the mode of the main one. Syncing the folder makes the name durable."""
    os.close(os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600))
    folder = os.open(path.parent, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    empty = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0] == 0
    application_id = connection.execute("PRAGMA application_id").fetchone()[0]
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if empty and application_id == 0:
        _create(connection)
    elif application_id != APPLICATION_ID:
        raise GridDamaged(f"{path} is an SQLite file, but not a grid")
    elif version > FILE_VERSION:
        raise GridTooNew(
            f"{path} has file version {version}, this program knows {FILE_VERSION}: use a newer one"
        )
    else:
        _check(connection, path)
    connection.execute("PRAGMA synchronous = FULL")


def _create(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("BEGIN IMMEDIATE")
    for statement in _SCHEMA:
        connection.execute(statement)
    connection.execute("COMMIT")


def _check(connection: sqlite3.Connection, path: Path) -> None:
    result = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    if result != "ok":
        raise GridDamaged(f"{path} is damaged: {result}")
    if connection.execute("SELECT count(*) FROM grid WHERE name = 'revision'").fetchone()[0] != 1:
        raise GridDamaged(f"{path} is damaged: it holds no revision")
