"""The embedded grid's file: SQLite in WAL mode with full sync; the current state and nothing of the past.

One process at a time has it open, kept out of by a lock file beside it (a lock on the file itself would
meddle with SQLite's own, which any close of the file in this process drops). All methods block: one thread
calls them.

A file is judged through a connection that can only read before anything may write to it: one that is damaged or of a
newer version stays as it is, its write-ahead log included. One of an older version is brought up to date, after a
copy of it was put beside it.
"""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import sqlite3
import stat
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from broker.grid import wal
from broker.grid.grid import GridError, GridUnavailable, KeyValue
from portcullis.durable import sync_folder

log = logging.getLogger(__name__)

APPLICATION_ID = 0x504F5254  # "PORT"
FILE_VERSION = 1
MIGRATIONS: Mapping[int, Sequence[str]] = {}
"""File version -> the statements that make the next one of it."""

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

    code = "grid_in_use"


class GridDamaged(GridError):
    """The file is not a grid, or not a sound one. Restore it from a backup."""

    code = "grid_damaged"


class GridTooNew(GridError):
    """A newer version of Portcullis wrote the file."""

    code = "grid_too_new"


@dataclass(frozen=True, slots=True)
class Stored:
    revision: int
    items: list[KeyValue]
    leases: dict[int, float]


class Disk:
    """Raises sqlite3.Error where the file system fails it after opening."""

    def __init__(self, path: Path, *, may_create: bool = True) -> None:
        """Open the file, or make it if that is allowed. Raises GridInUse, GridDamaged, GridTooNew, GridUnavailable."""
        self.path = path = path.resolve()
        try:
            self._lock = _locked(path)
        except OSError as exc:
            raise GridUnavailable(f"{path}: {exc.strerror}") from exc
        try:
            self._connection = _connect(path, may_create)
        except BaseException:
            os.close(self._lock)
            raise

    def load(self) -> Stored:
        return _load(self._connection)

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

    def size(self) -> int:
        """In bytes, of all that it holds."""
        page, pages = (
            self._connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_size", "page_count")
        )
        return int(page) * int(pages)

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


def read_whole(path: Path) -> Stored:
    """All that was committed, at one revision, also while a broker has the file open.

    Raises GridDamaged, GridTooNew, GridUnavailable. Nothing is changed: a write-ahead log that nobody has open stays.
    """
    path = path.resolve()
    try:
        with _reading(path) as connection:
            connection.execute("BEGIN")  # what is read from here on is of one moment
            _judge_kind(connection, path)
            _judge_content(connection, path)
            return _load(connection)
    except (sqlite3.OperationalError, OSError) as exc:
        raise GridUnavailable(f"{path}: {exc}") from exc
    except sqlite3.DatabaseError as exc:
        raise GridDamaged(f"{path} is damaged or not a grid: {exc}. Restore it from a backup") from exc


def _load(connection: sqlite3.Connection) -> Stored:
    rows = connection.execute("SELECT key, value, create_revision, mod_revision, lease FROM item")
    return Stored(
        connection.execute("SELECT value FROM grid WHERE name = 'revision'").fetchone()[0],
        [KeyValue(*row) for row in rows],
        dict(connection.execute("SELECT id, ttl_seconds FROM lease")),
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


def _connect(path: Path, may_create: bool) -> sqlite3.Connection:
    connection = None
    try:
        is_new = _take(path, may_create) or (may_create and _is_blank(path))
        if not is_new:
            _judge(path)
        connection = sqlite3.connect(path, isolation_level=None)
        if is_new:
            _create(connection)
        else:
            _migrate(connection, path)
        connection.execute("PRAGMA synchronous = FULL")
    except (sqlite3.OperationalError, OSError) as exc:
        _close(connection)
        raise GridUnavailable(f"{path}: {exc}") from exc
    except sqlite3.DatabaseError as exc:
        _close(connection)
        raise GridDamaged(f"{path} is damaged or not a grid: {exc}. Restore it from a backup") from exc
    except GridError:
        _close(connection)
        raise
    return connection


def _close(connection: sqlite3.Connection | None) -> None:
    if connection is not None:
        connection.close()


def _take(path: Path, may_create: bool) -> bool:
    """Make sure that the file is there and its owner's alone; whether it is new. SQLite gives its side files the mode
    of the main one. Syncing the folder makes the name durable. Raises OSError, GridUnavailable, GridDamaged."""
    create = os.O_CREAT if may_create else 0
    fd = os.open(path, create | os.O_RDWR | os.O_CLOEXEC | os.O_NONBLOCK, 0o600)
    try:
        found = os.fstat(fd)
        if not stat.S_ISREG(found.st_mode):
            raise GridDamaged(f"{path} is not a file")
        if found.st_uid != os.geteuid():
            raise GridUnavailable(
                f"{path} belongs to another account (uid {found.st_uid}): make it the broker's own (chown)"
            )
        if found.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            log.warning("%s was open to other accounts: its mode is 0600 now", path)
            os.fchmod(fd, 0o600)
        if found.st_size == 0 and not may_create:
            raise GridDamaged(f"{path} is empty, and was not: restore it from a backup")
    finally:
        os.close(fd)
    sync_folder(path.parent)
    return found.st_size == 0


def _is_blank(path: Path) -> bool:
    """A database without anything in it: the making of a grid was interrupted."""
    with _reading(path) as connection:
        tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
        return bool(tables == 0 and connection.execute("PRAGMA application_id").fetchone()[0] == 0)


def _judge(path: Path) -> None:
    """Without a change to the file. Raises GridDamaged, GridTooNew; sqlite3.Error, OSError."""
    if wal.is_damaged(path.with_name(f"{path.name}-wal")):
        raise GridDamaged(f"{path}-wal is damaged, and holds what was committed last: restore from a backup")
    with _reading(path) as connection:
        _judge_kind(connection, path)
        _judge_content(connection, path)


@contextlib.contextmanager
def _reading(path: Path) -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, isolation_level=None)
    try:
        yield connection
    finally:
        connection.close()


def _judge_kind(connection: sqlite3.Connection, path: Path) -> None:
    application_id = connection.execute("PRAGMA application_id").fetchone()[0]
    version = _version(connection)
    if application_id != APPLICATION_ID:
        raise GridDamaged(f"{path} is an SQLite file, but not a grid")
    if version > FILE_VERSION:
        raise GridTooNew(
            f"{path} has file version {version}, this program knows {FILE_VERSION}: use a newer one"
        )
    if version != FILE_VERSION and any(step not in MIGRATIONS for step in range(version, FILE_VERSION)):
        raise GridDamaged(f"{path} has file version {version}, which never was one")


def _judge_content(connection: sqlite3.Connection, path: Path) -> None:
    result = " ".join(connection.execute("PRAGMA quick_check(1)").fetchone()[0].split())
    if result != "ok":
        raise GridDamaged(f"{path} is damaged: {result}. Restore it from a backup")
    try:
        revisions = connection.execute("SELECT value FROM grid WHERE name = 'revision'").fetchall()
        newest = connection.execute("SELECT max(mod_revision) FROM item").fetchone()[0] or 0
        connection.execute("SELECT id, ttl_seconds FROM lease LIMIT 1").fetchone()
    except sqlite3.OperationalError as exc:
        if exc.sqlite_errorcode != sqlite3.SQLITE_ERROR:
            raise
        raise GridDamaged(f"{path} is damaged: {exc}. Restore it from a backup") from exc
    if len(revisions) != 1 or not isinstance(revisions[0][0], int) or revisions[0][0] < newest:
        raise GridDamaged(f"{path} is damaged: its revision is not that of its content")


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def _create(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("BEGIN IMMEDIATE")
    for statement in _SCHEMA:
        connection.execute(statement)
    connection.execute("COMMIT")


def _migrate(connection: sqlite3.Connection, path: Path) -> None:
    """Whole or not at all; what the file was before lies beside it."""
    version = _version(connection)
    if version == FILE_VERSION:
        return
    _keep_copy(connection, path.with_name(f"{path.name}.version-{version}"))
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("BEGIN IMMEDIATE")
    try:
        for step in range(version, FILE_VERSION):
            for statement in MIGRATIONS[step]:
                connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {FILE_VERSION}")
        connection.execute("COMMIT")
    except sqlite3.Error:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    log.info("%s was brought from file version %d to %d", path, version, FILE_VERSION)


def _keep_copy(connection: sqlite3.Connection, copy: Path) -> None:
    """One that an interrupted attempt left is made anew. Raises OSError, sqlite3.Error."""
    copy.unlink(missing_ok=True)
    os.close(os.open(copy, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600))
    connection.execute("VACUUM INTO ?", (str(copy),))
