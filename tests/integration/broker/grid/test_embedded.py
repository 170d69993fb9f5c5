"""What is the embedded grid's own: its file, its batches, its log, its clock."""

from __future__ import annotations

import asyncio
import sqlite3
import stat
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from broker.grid.disk import APPLICATION_ID, FILE_VERSION, GridDamaged, GridInUse, GridTooNew
from broker.grid.embedded import EmbeddedGrid
from broker.grid.grid import Compacted, Event, Exists, GridUnavailable, LeaseGone, Put
from tests.support.clock import ManualClock


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "grid.sqlite"


@pytest.fixture
async def grid(path: Path) -> AsyncIterator[EmbeddedGrid]:
    grid = await EmbeddedGrid.open(path)
    yield grid
    await grid.close()


async def put(grid: EmbeddedGrid, key: str, value: bytes = b"v", lease: int = 0) -> int:
    return (await grid.txn([], [Put(key, value, lease)])).revision


async def keys(grid: EmbeddedGrid) -> list[str]:
    return [item.key for item in (await grid.range("/")).items]


async def events_until(grid: EmbeddedGrid, start: int, revision: int) -> list[Event]:
    events: list[Event] = []
    watch = grid.watch("/", start)
    async for changes in watch:
        events += changes.events
        if changes.revision >= revision:
            break
    await watch.aclose()
    return events


class TestFile:
    async def test_nobody_else_may_read_it(self, grid: EmbeddedGrid, path: Path) -> None:
        await put(grid, "/a")
        modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}
        assert modes.keys() >= {"grid.sqlite", "grid.sqlite-wal", "grid.sqlite.lock"}
        assert set(modes.values()) == {0o600}

    async def test_a_second_opener_is_refused(self, grid: EmbeddedGrid, path: Path) -> None:
        await put(grid, "/a")
        with pytest.raises(GridInUse, match="in use by another process"):
            await EmbeddedGrid.open(path)
        assert await keys(grid) == ["/a"]

    async def test_a_second_name_of_the_file_is_no_way_round(self, grid: EmbeddedGrid, path: Path) -> None:
        link = path.with_name("other")
        link.symlink_to(path)
        with pytest.raises(GridInUse):
            await EmbeddedGrid.open(link)

    async def test_a_refused_opener_leaves_it_to_the_next(self, path: Path) -> None:
        first = await EmbeddedGrid.open(path)
        with pytest.raises(GridInUse):
            await EmbeddedGrid.open(path)
        await first.close()
        second = await EmbeddedGrid.open(path)
        assert await put(second, "/a") == 1
        await second.close()

    @pytest.mark.parametrize(
        "content", [b"not a database, but longer than one header " * 50, b"SQLite format 3\0"]
    )
    async def test_what_is_no_database_is_damaged(self, path: Path, content: bytes) -> None:
        path.write_bytes(content)
        with pytest.raises(GridDamaged):
            await EmbeddedGrid.open(path)
        assert path.read_bytes() == content

    async def test_another_database_is_left_alone(self, path: Path) -> None:
        with sqlite3.connect(path) as other:
            other.execute("CREATE TABLE item (key TEXT)")
        other.close()
        with pytest.raises(GridDamaged, match="not a grid"):
            await EmbeddedGrid.open(path)

    async def test_a_newer_file_is_refused(self, path: Path) -> None:
        await (await EmbeddedGrid.open(path)).close()
        with sqlite3.connect(path) as raw:
            raw.execute(f"PRAGMA user_version = {FILE_VERSION + 1}")
        raw.close()
        with pytest.raises(GridTooNew, match="use a newer one"):
            await EmbeddedGrid.open(path)

    async def test_a_torn_page_is_noticed(self, path: Path) -> None:
        grid = await EmbeddedGrid.open(path)
        for number in range(100):
            await put(grid, f"/{number:03d}", bytes([number]) * 900)
        await grid.close()
        content = bytearray(path.read_bytes())
        assert int.from_bytes(content[68:72], "big") == APPLICATION_ID
        middle = len(content) // 2
        content[middle : middle + 4096] = b"\xff" * 4096
        path.write_bytes(content)
        with pytest.raises(GridDamaged):
            await EmbeddedGrid.open(path)

    async def test_a_missing_folder_is_named(self, tmp_path: Path) -> None:
        with pytest.raises(GridUnavailable, match="nowhere"):
            await EmbeddedGrid.open(tmp_path / "nowhere" / "grid.sqlite")

    async def test_it_holds_no_past(self, path: Path) -> None:
        """A thousand writes of one key leave a file as small as one."""
        grid = await EmbeddedGrid.open(path)
        for number in range(1000):
            await put(grid, "/a", number.to_bytes(2, "big") * 500)
        await grid.close()
        assert path.stat().st_size < 100_000

    async def test_every_commit_is_synced(self, path: Path) -> None:
        await (await EmbeddedGrid.open(path)).close()
        grid = await EmbeddedGrid.open(path)  # of an old file as of a new one
        for pragma, wanted in (("journal_mode", "wal"), ("synchronous", 2)):
            cursor = await grid._in_thread(grid._disk._connection.execute, f"PRAGMA {pragma}")
            assert (await grid._in_thread(cursor.fetchone)) == (wanted,)
        await grid.close()

    async def test_values_stand_there_as_given(self, grid: EmbeddedGrid, path: Path) -> None:
        await put(grid, "/a", b"\0\xffbytes")
        raw = sqlite3.connect(path)
        rows = raw.execute("SELECT key, value, create_revision, mod_revision, lease FROM item").fetchall()
        raw.close()
        assert rows == [("/a", b"\0\xffbytes", 1, 1, 0)]


class TestBatches:
    async def test_calls_at_once_share_commits(
        self, grid: EmbeddedGrid, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        commits = []
        commit = grid._disk.commit
        monkeypatch.setattr(grid._disk, "commit", lambda *given: (commits.append(given[0]), commit(*given)))
        await asyncio.gather(*(put(grid, f"/{number}") for number in range(200)))
        assert commits[-1] == 200
        assert len(commits) < 20

    async def test_a_cancelled_caller_takes_nobody_with_it(self, grid: EmbeddedGrid) -> None:
        calls = [asyncio.ensure_future(put(grid, f"/{number:03d}")) for number in range(100)]
        await asyncio.sleep(0)
        for call in calls[::2]:
            call.cancel()
        results = await asyncio.gather(*calls, return_exceptions=True)
        assert all(isinstance(result, asyncio.CancelledError) for result in results[::2])
        assert results[1::2] == list(range(2, 101, 2))
        assert len(await keys(grid)) == 100

    async def test_a_call_is_whole_or_not_sent_when_cancelled_at_once(self, grid: EmbeddedGrid) -> None:
        call = asyncio.ensure_future(put(grid, "/never"))
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        assert await keys(grid) == []

    async def test_closing_writes_what_waits(self, path: Path) -> None:
        grid = await EmbeddedGrid.open(path)
        calls = [asyncio.ensure_future(put(grid, f"/{number}")) for number in range(50)]
        await asyncio.sleep(0)
        await grid.close()
        assert await asyncio.gather(*calls) == list(range(1, 51))
        grid = await EmbeddedGrid.open(path)
        assert len(await keys(grid)) == 50
        await grid.close()

    async def test_reading_waits_for_what_it_saw(
        self, grid: EmbeddedGrid, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """No answer tells of a write that a crash could still undo."""
        entered, leave = self._hold_commits(grid, monkeypatch)
        write = asyncio.ensure_future(put(grid, "/a"))
        await entered.wait()
        reads = [
            asyncio.ensure_future(call)
            for call in (grid.get("/a"), grid.range("/"), grid.txn([Exists("/a")], []), grid.lease(60))
        ]
        done, _ = await asyncio.wait([write, *reads], timeout=0.05)
        assert done == set()
        leave.set()
        item, snapshot, result, _ = await asyncio.gather(*reads)
        assert (item.value, len(snapshot.items), result.succeeded) == (b"v", 1, True)

    async def test_events_wait_for_the_disk(
        self, grid: EmbeddedGrid, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        entered, leave = self._hold_commits(grid, monkeypatch)
        watching = asyncio.ensure_future(events_until(grid, 1, 1))
        write = asyncio.ensure_future(put(grid, "/a"))
        await entered.wait()
        done, _ = await asyncio.wait([watching], timeout=0.05)
        assert done == set()
        leave.set()
        await write
        assert len(await watching) == 1

    @staticmethod
    def _hold_commits(
        grid: EmbeddedGrid, monkeypatch: pytest.MonkeyPatch
    ) -> tuple[asyncio.Event, asyncio.Event]:
        """(a commit was begun, let it go on)"""
        entered, leave = asyncio.Event(), asyncio.Event()
        in_thread = grid._in_thread

        async def held(*call: object) -> object:
            entered.set()
            await leave.wait()
            return await in_thread(*call)

        monkeypatch.setattr(grid, "_in_thread", held)
        return entered, leave


class TestFailingDisk:
    async def test_a_full_disk_refuses_and_passes(self, grid: EmbeddedGrid) -> None:
        await put(grid, "/a", b"before")
        lease = await grid.lease(60)
        await self._limit(grid, pages=1)
        calls = [put(grid, f"/{number}", bytes(50_000), lease.id) for number in range(5)]
        results = await asyncio.gather(*calls, put(grid, "/a", b"lost" * 5000), return_exceptions=True)
        assert all(isinstance(result, GridUnavailable) for result in results), results
        await self._limit(grid, pages=1 << 30)
        assert [(item.key, item.value) for item in (await self._when_back(grid)).items] == [("/a", b"before")]
        assert await put(grid, "/b", b"after", lease.id) == 2
        events = await events_until(grid, 1, 2)
        assert [event.item.value for event in events] == [b"before", b"after"]  # type: ignore[union-attr]

    async def test_what_a_full_disk_refused_is_not_there_later(self, path: Path) -> None:
        grid = await EmbeddedGrid.open(path)
        await put(grid, "/a")
        await self._limit(grid, pages=1)
        with pytest.raises(GridUnavailable):
            await put(grid, "/lost", bytes(50_000))
        await grid.close()
        grid = await EmbeddedGrid.open(path)
        assert await keys(grid) == ["/a"]
        await grid.close()

    async def test_any_other_failure_ends_it_until_a_restart(
        self, grid: EmbeddedGrid, path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        await put(grid, "/a")
        watching = asyncio.ensure_future(events_until(grid, 2, 2))
        failure = sqlite3.OperationalError("disk I/O error")
        failure.sqlite_errorcode = sqlite3.SQLITE_IOERR_FSYNC

        def fail(*_: object) -> None:
            raise failure

        monkeypatch.setattr(grid._disk, "commit", fail)
        with pytest.raises(GridUnavailable, match="disk I/O error"):
            await put(grid, "/b")
        assert "disk I/O error" in await grid.until_failed()
        for call in (grid.get("/a"), put(grid, "/c"), grid.lease(1), watching):
            with pytest.raises(GridUnavailable):
                await call
        await grid.close()
        again = await EmbeddedGrid.open(path)
        assert await keys(again) == ["/a"]
        await again.close()

    @staticmethod
    async def _limit(grid: EmbeddedGrid, pages: int) -> None:
        """SQLite then says what it says on a full disk."""
        await grid._in_thread(grid._disk._connection.execute, f"PRAGMA max_page_count = {pages}")

    @staticmethod
    async def _when_back(grid: EmbeddedGrid):
        while True:
            try:
                return await grid.range("/")
            except GridUnavailable:
                await asyncio.sleep(0)


class TestLog:
    async def test_it_is_bounded_in_events(self, path: Path) -> None:
        grid = await EmbeddedGrid.open(path, maximum_log_events=10)
        for _ in range(30):
            last = await put(grid, "/a")
        with pytest.raises(Compacted):
            await events_until(grid, last - 10, last)
        assert len(await events_until(grid, last - 9, last)) == 10
        await grid.close()

    async def test_it_is_bounded_in_bytes(self, path: Path) -> None:
        grid = await EmbeddedGrid.open(path, maximum_log_bytes=10_000)
        for _ in range(30):
            last = await put(grid, "/a", bytes(1000))
        with pytest.raises(Compacted):
            await events_until(grid, last - 10, last)
        assert len(await events_until(grid, last - 9, last)) == 10
        await grid.close()

    async def test_a_watch_that_fell_behind_is_told(self, path: Path) -> None:
        grid = await EmbeddedGrid.open(path, maximum_log_events=10)
        watch = grid.watch("/", 1)
        await put(grid, "/a")
        assert (await anext(watch)).revision == 1
        for _ in range(30):
            await put(grid, "/a")
        with pytest.raises(Compacted):
            await anext(watch)
        await grid.close()

    async def test_a_reopened_grid_begins_after_its_state(self, path: Path) -> None:
        grid = await EmbeddedGrid.open(path)
        last = await put(grid, "/a")
        await grid.close()
        grid = await EmbeddedGrid.open(path)
        with pytest.raises(Compacted):
            await events_until(grid, last, last)
        new = await put(grid, "/b")
        assert len(await events_until(grid, last + 1, new)) == 1
        await grid.close()


class TestLeases:
    async def test_they_run_out_by_the_clock(self, path: Path) -> None:
        clock = ManualClock()
        grid = await EmbeddedGrid.open(path, clock=clock)
        short, long = await grid.lease(10), await grid.lease(20)
        await put(grid, "/short", lease=short.id)
        await put(grid, "/long", lease=long.id)
        clock.advance(9.9)
        await grid.expire_due()
        assert await keys(grid) == ["/long", "/short"]
        clock.advance(0.1)
        await grid.expire_due()
        assert await keys(grid) == ["/long"]
        clock.advance(10)
        await grid.expire_due()
        assert await keys(grid) == []
        await grid.close()

    async def test_keeping_alive_gives_the_full_time(self, path: Path) -> None:
        clock = ManualClock()
        grid = await EmbeddedGrid.open(path, clock=clock)
        lease = await grid.lease(10)
        await put(grid, "/a", lease=lease.id)
        for _ in range(5):
            clock.advance(9)
            await grid.keep_alive(lease.id)
            await grid.expire_due()
        assert await keys(grid) == ["/a"]
        clock.advance(10)
        await grid.expire_due()
        with pytest.raises(LeaseGone):
            await grid.keep_alive(lease.id)
        await grid.close()

    async def test_a_restart_gives_the_full_time_again(self, path: Path) -> None:
        clock = ManualClock()
        grid = await EmbeddedGrid.open(path, clock=clock)
        lease = await grid.lease(10)
        await put(grid, "/a", lease=lease.id)
        clock.advance(9)
        await grid.close()
        clock.advance(3600)
        grid = await EmbeddedGrid.open(path, clock=clock)
        clock.advance(9)
        await grid.expire_due()
        assert await keys(grid) == ["/a"]
        clock.advance(1)
        await grid.expire_due()
        assert await keys(grid) == []
        await grid.close()

    async def test_an_expired_lease_is_gone_after_a_restart(self, path: Path) -> None:
        clock = ManualClock()
        grid = await EmbeddedGrid.open(path, clock=clock)
        lease = await grid.lease(10)
        clock.advance(10)
        await grid.expire_due()
        await grid.close()
        grid = await EmbeddedGrid.open(path, clock=clock)
        with pytest.raises(LeaseGone):
            await grid.keep_alive(lease.id)
        await grid.close()
