"""Reading an embedded grid beside the broker that has it open: all of one moment, and nothing that is not sound."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path

import pytest

from broker.grid.disk import FILE_VERSION, GridDamaged, GridTooNew, read_whole
from broker.grid.embedded import EmbeddedGrid
from broker.grid.grid import GridUnavailable, Put


async def test_what_is_read_is_of_one_revision_while_the_grid_is_written(tmp_path: Path) -> None:
    grid = await EmbeddedGrid.open(tmp_path / "grid.sqlite")
    stop = asyncio.Event()

    async def write() -> None:
        number = 0
        while not stop.is_set():
            number += 1
            await grid.txn((), [Put(f"/{name}", b"%d" % number) for name in "ab"])

    writing = asyncio.create_task(write())
    for _ in range(20):
        stored = await asyncio.to_thread(read_whole, tmp_path / "grid.sqlite")
        assert len({item.value for item in stored.items}) <= 1
        assert all(item.mod_revision == stored.revision for item in stored.items)
    stop.set()
    await writing
    await grid.close()
    assert len(read_whole(tmp_path / "grid.sqlite").items) == 2


async def sound(path: Path) -> bytes:
    grid = await EmbeddedGrid.open(path)
    await grid.txn((), [Put("/a", bytes(5000)), Put("/b", bytes(5000))])
    await grid.close()
    return path.read_bytes()


@pytest.mark.parametrize("damage", [b"", b"nothing of a database" * 400])
def test_a_damaged_file_is_refused_and_left_as_it_is(tmp_path: Path, damage: bytes) -> None:
    path = tmp_path / "grid.sqlite"
    path.write_bytes(damage)
    with pytest.raises(GridDamaged):
        read_whole(path)
    assert path.read_bytes() == damage


async def test_a_page_of_other_bytes_is_seen(tmp_path: Path) -> None:
    data = bytearray(await sound(tmp_path / "grid.sqlite"))
    data[4096 * 2 : 4096 * 3] = b"\xaa" * 4096
    (tmp_path / "grid.sqlite").write_bytes(data)
    with pytest.raises(GridDamaged):
        read_whole(tmp_path / "grid.sqlite")


async def test_a_file_of_a_newer_program_is_refused(tmp_path: Path) -> None:
    await sound(tmp_path / "grid.sqlite")
    with sqlite3.connect(tmp_path / "grid.sqlite") as connection:
        connection.execute(f"PRAGMA user_version = {FILE_VERSION + 1}")
    connection.close()
    with pytest.raises(GridTooNew):
        read_whole(tmp_path / "grid.sqlite")


def test_a_file_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(GridUnavailable):
        read_whole(tmp_path / "grid.sqlite")
    assert not list(tmp_path.iterdir())
