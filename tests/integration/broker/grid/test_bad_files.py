"""Files that are not what the embedded grid left: refused with a code and left as they are, or brought up to date."""

from __future__ import annotations

import os
import shutil
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from broker.grid import disk
from broker.grid.disk import FILE_VERSION, GridDamaged, GridTooNew
from broker.grid.embedded import EmbeddedGrid
from broker.grid.grid import GridError, GridUnavailable, KeyValue

CHILD = Path(__file__).with_name("crash_child.py")
PAGE = 4096
FRAME = 24 + PAGE
HEADER = 32


@pytest.fixture(scope="module")
def crashed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as a killed broker leaves it: much in the file, the last commits in the write-ahead log alone."""
    path = tmp_path_factory.mktemp("crashed") / "grid.sqlite"
    grid = disk.Disk(path)
    old = [f"/old/{number:03d}" for number in range(300)]
    grid.commit(1, {key: KeyValue(key, bytes(900), 1, 1) for key in old}, {})
    grid.close()
    command = [sys.executable, str(CHILD), str(path), "life"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        for _ in range(100):
            child.stdout.readline()
        child.kill()
    assert path.with_name("grid.sqlite-wal").stat().st_size > HEADER + 20 * FRAME
    return path.parent


@pytest.fixture
def path(crashed: Path, tmp_path: Path) -> Path:
    shutil.copytree(crashed, tmp_path / "state")
    return tmp_path / "state" / "grid.sqlite"


def content(path: Path) -> dict[str, bytes]:
    """Of what was committed; the index beside it is made anew by whoever opens it."""
    kept = (path, path.with_name("grid.sqlite-wal"))
    return {file.name: file.read_bytes() for file in kept if file.exists()}


def write(name: str, start: int, data: bytes) -> Callable[[Path], None]:
    def damage(path: Path) -> None:
        with path.with_name(name).open("r+b") as file:
            file.seek(start)
            file.write(data)

    return damage


def cut(name: str, size: int) -> Callable[[Path], None]:
    return lambda path: os.truncate(path.with_name(name), size)


def without_header(path: Path) -> None:
    path.with_name("grid.sqlite-wal").unlink()  # the log holds the first page, and would mend it
    write("grid.sqlite", 0, b"\xff" * 100)(path)


DAMAGES = {
    "no header": without_header,
    "page in the middle": write("grid.sqlite", 30 * PAGE, b"\xff" * PAGE),
    "truncated": cut("grid.sqlite", 40 * PAGE),
    "truncated within a page": cut("grid.sqlite", 40 * PAGE + 77),
    "empty": cut("grid.sqlite", 0),
    "not a database": lambda path: path.write_bytes(b"not a database" * 1000),
    "log without a header": write("grid.sqlite-wal", 0, b"\xff" * HEADER),
    "log of noise": lambda path: path.with_name("grid.sqlite-wal").write_bytes(os.urandom(50_000)),
    "frame in the middle of the log": write("grid.sqlite-wal", HEADER + 5 * FRAME + 200, b"\xff" * 8),
    "salts in the middle of the log": write("grid.sqlite-wal", HEADER + 5 * FRAME + 8, b"\xff" * 8),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
async def test_damaged_grid_is_refused_and_not_made_worse(path: Path, damage: Callable[[Path], None]) -> None:
    damage(path)
    before = content(path)
    with pytest.raises(GridDamaged) as refused:
        await EmbeddedGrid.open(path, may_create=False)
    assert refused.value.code == "grid_damaged" and str(path) in str(refused.value)
    assert content(path) == before


async def test_all_that_was_acknowledged_before_a_crash_is_there(path: Path) -> None:
    grid = await EmbeddedGrid.open(path, may_create=False)
    kept = (await grid.range("/life/")).items
    await grid.close()
    assert len(kept) >= 200


async def test_a_last_transaction_that_a_crash_tore_is_nobodys_loss(path: Path) -> None:
    """It was not acknowledged: nothing but its own frames is missing."""
    log = path.with_name("grid.sqlite-wal")
    os.truncate(log, log.stat().st_size - FRAME // 2)
    grid = await EmbeddedGrid.open(path, may_create=False)
    assert len((await grid.range("/old/")).items) == 300
    await grid.close()


@pytest.mark.parametrize(
    "statement",
    [
        "DROP TABLE lease",
        "DROP TABLE item",
        "DELETE FROM grid",
        "UPDATE grid SET value = 3",
        "PRAGMA user_version = 0",
    ],
)
async def test_a_grid_that_lacks_something_is_damaged(path: Path, statement: str) -> None:
    with sqlite3.connect(path) as raw:
        raw.execute(statement)
    raw.close()
    with pytest.raises(GridDamaged):
        await EmbeddedGrid.open(path)


@pytest.mark.parametrize("kind", [Path.mkdir, os.mkfifo], ids=["folder", "pipe"])
async def test_what_is_no_file_is_refused_at_once(tmp_path: Path, kind: Callable[[Path], None]) -> None:
    kind(tmp_path / "grid.sqlite")
    with pytest.raises(GridError):
        await EmbeddedGrid.open(tmp_path / "grid.sqlite")


async def test_a_serving_broker_makes_no_grid(tmp_path: Path) -> None:
    with pytest.raises(GridUnavailable, match="No such file"):
        await EmbeddedGrid.open(tmp_path / "grid.sqlite", may_create=False)
    assert not (tmp_path / "grid.sqlite").exists()


async def test_a_file_that_others_could_read_is_closed_to_them(path: Path) -> None:
    path.chmod(0o666)
    await (await EmbeddedGrid.open(path)).close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


async def test_a_file_of_another_account_is_refused(path: Path) -> None:
    os.chown(path, 12345, 12345)
    with pytest.raises(GridUnavailable, match="another account"):
        await EmbeddedGrid.open(path)


async def test_a_file_of_an_older_version_is_brought_up_to_date_beside_a_copy(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(disk, "FILE_VERSION", FILE_VERSION + 2)
    steps = {
        FILE_VERSION: ("CREATE TABLE more (name TEXT)", "INSERT INTO more VALUES ('one')"),
        FILE_VERSION + 1: ("INSERT INTO more VALUES ('two')",),
    }
    monkeypatch.setattr(disk, "MIGRATIONS", steps)
    grid = await EmbeddedGrid.open(path)
    assert len((await grid.range("/old/")).items) == 300
    await grid.close()
    with sqlite3.connect(path) as raw:
        assert raw.execute("SELECT name FROM more").fetchall() == [("one",), ("two",)]
        assert raw.execute("PRAGMA user_version").fetchone() == (FILE_VERSION + 2,)
    raw.close()
    monkeypatch.undo()
    with pytest.raises(GridTooNew, match="use a newer one"):
        await EmbeddedGrid.open(path)
    copy = path.with_name(f"grid.sqlite.version-{FILE_VERSION}")
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    before = await EmbeddedGrid.open(copy)
    assert len((await before.range("/life/")).items) >= 200
    await before.close()


async def test_a_step_that_fails_leaves_the_file_of_the_older_version(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(disk, "FILE_VERSION", FILE_VERSION + 1)
    monkeypatch.setattr(disk, "MIGRATIONS", {FILE_VERSION: ("DELETE FROM item", "nonsense")})
    for _ in range(2):
        with pytest.raises(GridError):
            await EmbeddedGrid.open(path)
    monkeypatch.undo()
    grid = await EmbeddedGrid.open(path)
    assert len((await grid.range("/old/")).items) == 300
    await grid.close()
