"""The contract of the grid (broker/grid/grid.py), claim by claim, for every store."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from broker.grid.grid import (
    MAXIMUM_OPERATIONS,
    MAXIMUM_VALUE_BYTES,
    PAGE_SIZE,
    CreateRevision,
    Delete,
    Exists,
    Get,
    Grid,
    GridUnavailable,
    InvalidTransaction,
    KeyValue,
    ModRevision,
    Put,
    Snapshot,
)
from tests.support.grid_stores import put, values

COUNTED_KEYS = 2 * PAGE_SIZE + 3


class TestReading:
    async def test_a_new_grid_is_empty(self, grid: Grid) -> None:
        assert (await grid.range("/t/")).items == ()

    async def test_an_absent_key_is_none(self, grid: Grid) -> None:
        assert await grid.get("/t/a") is None

    async def test_a_key_reads_as_it_was_put(self, grid: Grid) -> None:
        revision = await put(grid, "/t/a", b"\0\xff value")
        assert await grid.get("/t/a") == KeyValue("/t/a", b"\0\xff value", revision, revision, 0)

    async def test_a_range_is_ordered_by_key(self, grid: Grid) -> None:
        for key in ("/t/b", "/t/a.", "/t/a-", "/t/a/1", "/t/a", "/t/a0"):
            await put(grid, key)
        keys = [item.key for item in (await grid.range("/t/")).items]
        assert keys == ["/t/a", "/t/a-", "/t/a.", "/t/a/1", "/t/a0", "/t/b"]

    async def test_a_range_holds_only_its_prefix(self, grid: Grid) -> None:
        for key in ("/s/a", "/t", "/t/a", "/t/b", "/t0", "/u"):
            await put(grid, key)
        assert sorted(await values(grid, "/t/")) == ["/t/a", "/t/b"]

    async def test_a_range_of_many_pages_is_whole(self, grid: Grid) -> None:
        keys = [f"/t/{number:06d}" for number in range(COUNTED_KEYS)]
        for start in range(0, len(keys), MAXIMUM_OPERATIONS):
            await grid.txn([], [Put(key, b"v") for key in keys[start : start + MAXIMUM_OPERATIONS]])
        snapshot = await grid.range("/t/")
        assert [item.key for item in snapshot.items] == keys

    async def test_pages_are_the_range_in_parts_of_one_revision(self, grid: Grid) -> None:
        keys = [f"/t/{number:06d}" for number in range(COUNTED_KEYS)]
        for start in range(0, len(keys), MAXIMUM_OPERATIONS):
            await grid.txn([], [Put(key, b"v") for key in keys[start : start + MAXIMUM_OPERATIONS]])
        revision = (await grid.range("/t/")).revision
        pages = []
        async for page in grid.pages("/t/"):
            pages.append(page)
            await grid.txn([], [Put("/t/000000", b"later"), Put("/t/999999", b"later")])
        assert [len(page.items) for page in pages] == [PAGE_SIZE, PAGE_SIZE, 3]
        assert {page.revision for page in pages} == {revision}
        assert [item.key for page in pages for item in page.items] == keys
        assert {item.value for page in pages for item in page.items} == {b"v"}

    async def test_pages_of_nothing_are_one_empty_page(self, grid: Grid) -> None:
        revision = await put(grid, "/u")
        assert [page async for page in grid.pages("/t/")] == [Snapshot(revision, ())]

    async def test_a_range_is_at_one_revision_while_others_write(self, grid: Grid) -> None:
        """Two keys always change together; no range may see one without the other."""
        await grid.txn([], [Put("/t/0", b"0"), Put("/t/9", b"0")])

        async def write() -> None:
            for number in range(50):
                value = str(number).encode()
                await grid.txn([], [Put("/t/0", value), Put("/t/9", value)])

        writer = asyncio.ensure_future(write())
        seen = []
        while not writer.done():
            snapshot = await grid.range("/t/")
            seen.append(snapshot)
            assert snapshot.items[0].value == snapshot.items[1].value
            assert snapshot.items[0].mod_revision <= snapshot.revision
            await asyncio.sleep(0)  # a store may answer without waiting
        await writer
        assert [s.revision for s in seen] == sorted(s.revision for s in seen)

    @pytest.mark.parametrize("key", ["", "a\0b"])
    async def test_what_is_no_key_is_refused(self, grid: Grid, key: str) -> None:
        for call in (
            grid.get(key),
            grid.range(key),
            grid.txn([], [Put(key, b"")]),
            grid.txn([Exists(key)], []),
        ):
            with pytest.raises(ValueError, match="not a key"):
                await call


class TestTransactions:
    async def test_revisions_grow_by_one_with_each_change(self, grid: Grid) -> None:
        first = await put(grid, "/t/a")
        assert [await put(grid, "/t/a"), await put(grid, "/t/b")] == [first + 1, first + 2]

    async def test_one_transaction_has_one_revision(self, grid: Grid) -> None:
        result = await grid.txn([], [Put("/t/a", b"1"), Put("/t/b", b"2")])
        items = (await grid.range("/t/")).items
        assert {item.mod_revision for item in items} == {result.revision}

    async def test_what_changes_nothing_takes_no_revision(self, grid: Grid) -> None:
        revision = await put(grid, "/t/a")
        assert (await grid.txn([], [])).revision == revision
        assert (await grid.txn([], [Get("/t/a"), Delete("/t/none")])).revision == revision
        assert (await grid.txn([Exists("/t/none")], [Put("/t/b", b"")])).revision == revision

    async def test_a_put_keeps_the_create_revision(self, grid: Grid) -> None:
        created = await put(grid, "/t/a")
        written = await put(grid, "/t/a", b"2")
        item = await grid.get("/t/a")
        assert item is not None
        assert (item.create_revision, item.mod_revision) == (created, written)

    async def test_a_key_that_was_deleted_is_created_anew(self, grid: Grid) -> None:
        created = await put(grid, "/t/a")
        await grid.txn([], [Delete("/t/a")])
        again = await put(grid, "/t/a")
        item = await grid.get("/t/a")
        assert item is not None
        assert item.create_revision == item.mod_revision == again > created

    @pytest.mark.parametrize("kind", [CreateRevision, ModRevision])
    async def test_revision_zero_means_absent(self, grid: Grid, kind: Any) -> None:
        assert (await grid.txn([kind("/t/a", 0)], [Put("/t/a", b"1")])).succeeded
        assert not (await grid.txn([kind("/t/a", 0)], [Put("/t/a", b"2")])).succeeded
        assert await values(grid, "/t/") == {"/t/a": b"1"}

    async def test_compares_see_create_and_mod_revision(self, grid: Grid) -> None:
        created = await put(grid, "/t/a")
        written = await put(grid, "/t/a")
        for compare, expected in (
            (CreateRevision("/t/a", created), True),
            (CreateRevision("/t/a", written), False),
            (ModRevision("/t/a", written), True),
            (ModRevision("/t/a", created), False),
            (Exists("/t/a"), True),
            (Exists("/t/b"), False),
        ):
            assert (await grid.txn([compare], [])).succeeded is expected, compare

    async def test_all_compares_must_hold(self, grid: Grid) -> None:
        await put(grid, "/t/a")
        result = await grid.txn(
            [Exists("/t/a"), Exists("/t/b")], [Put("/t/c", b"then")], [Put("/t/c", b"else")]
        )
        assert not result.succeeded
        assert (await values(grid, "/t/"))["/t/c"] == b"else"

    async def test_get_answers_what_the_branch_found(self, grid: Grid) -> None:
        revision = await put(grid, "/t/a", b"1")
        result = await grid.txn([Exists("/t/none")], [], [Get("/t/a"), Get("/t/none")])
        assert result.values == {"/t/a": KeyValue("/t/a", b"1", revision, revision), "/t/none": None}

    async def test_delete_answers_what_was_there(self, grid: Grid) -> None:
        revision = await put(grid, "/t/a", b"1")
        result = await grid.txn([], [Delete("/t/a"), Delete("/t/none")])
        assert result.deleted == {"/t/a": KeyValue("/t/a", b"1", revision, revision), "/t/none": None}
        assert await grid.get("/t/a") is None

    async def test_only_one_of_many_takes_a_key(self, grid: Grid) -> None:
        tries = [grid.txn([CreateRevision("/t/slot", 0)], [Put("/t/slot", bytes([n]))]) for n in range(20)]
        results = await asyncio.gather(*tries)
        winners = [number for number, result in enumerate(results) if result.succeeded]
        assert len(winners) == 1
        assert await values(grid, "/t/") == {"/t/slot": bytes(winners)}

    async def test_only_one_of_many_takes_a_key_away(self, grid: Grid) -> None:
        await put(grid, "/t/ticket", b"right")
        tries = [grid.txn([Exists("/t/ticket")], [Delete("/t/ticket")]) for _ in range(20)]
        results = await asyncio.gather(*tries)
        assert sum(result.succeeded for result in results) == 1
        assert [r.deleted["/t/ticket"].value for r in results if r.deleted] == [b"right"]  # type: ignore[union-attr]

    async def test_a_counter_under_contention_loses_no_step(self, grid: Grid) -> None:
        await put(grid, "/t/counter", b"0")

        async def step() -> None:
            while True:
                item = await grid.get("/t/counter")
                assert item is not None
                raised = Put("/t/counter", str(int(item.value) + 1).encode())
                if (await grid.txn([ModRevision(item.key, item.mod_revision)], [raised])).succeeded:
                    return

        await asyncio.gather(*(step() for _ in range(30)))
        assert await values(grid, "/t/") == {"/t/counter": b"30"}

    @pytest.mark.parametrize(
        ("compares", "then", "otherwise"),
        [
            ([Exists(f"/t/{n}") for n in range(MAXIMUM_OPERATIONS + 1)], [], []),
            ([], [Get(f"/t/{n}") for n in range(MAXIMUM_OPERATIONS + 1)], []),
            ([], [], [Put(f"/t/{n}", b"") for n in range(MAXIMUM_OPERATIONS + 1)]),
            ([], [Put("/t/a", b"1"), Put("/t/a", b"2")], []),
            ([], [Put("/t/a", b"1"), Delete("/t/a")], []),
            ([], [], [Get("/t/a"), Delete("/t/a")]),
            ([], [Put("/t/a", bytes(MAXIMUM_VALUE_BYTES))], []),
            ([], [Put("/t/a", bytes(800_000)), Put("/t/b", bytes(800_000))], []),
        ],
        ids=[
            "compares",
            "then",
            "otherwise",
            "put twice",
            "put and delete",
            "get and delete",
            "value",
            "sum",
        ],
    )
    async def test_what_etcd_would_refuse_is_refused_whole(
        self, grid: Grid, compares: Any, then: Any, otherwise: Any
    ) -> None:
        revision = await put(grid, "/t/x")
        with pytest.raises(InvalidTransaction):
            await grid.txn(compares, then, otherwise)
        snapshot = await grid.range("/t/")
        assert (snapshot.revision, [item.key for item in snapshot.items]) == (revision, ["/t/x"])

    async def test_the_largest_transaction_passes(self, grid: Grid) -> None:
        many = [Put(f"/t/{n:04d}", b"v") for n in range(MAXIMUM_OPERATIONS)]
        absent = [CreateRevision(operation.key, 0) for operation in many]
        assert (await grid.txn(absent, many, [Get(operation.key) for operation in many])).succeeded
        await put(grid, "/u/a", bytes(MAXIMUM_VALUE_BYTES - 100))
        assert len(await values(grid, "/t/")) == MAXIMUM_OPERATIONS


class TestKeeping:
    async def test_what_was_acknowledged_is_there_after_reopening(self, store: Any) -> None:
        grid = await store.open()
        lease = await grid.lease(60)
        await put(grid, "/t/gone")
        await grid.txn([], [Put("/t/a", b"1"), Put("/t/b", b"2", lease.id), Delete("/t/gone")])
        before = await grid.range("/t/")
        await grid.close()
        grid = await store.open()
        assert await grid.range("/t/") == before
        assert await put(grid, "/t/c") == before.revision + 1
        await grid.keep_alive(lease.id)
        await grid.close()

    async def test_a_closed_grid_answers_unavailable(self, store: Any) -> None:
        grid = await store.open()
        lease = await grid.lease(60)
        await grid.close()
        for call in (
            grid.get("/t/a"),
            grid.range("/t/"),
            grid.txn([], [Put("/t/a", b"")]),
            grid.lease(1),
            grid.keep_alive(lease.id),
            grid.revoke(lease.id),
            anext(grid.watch("/t/", 1)),
        ):
            with pytest.raises(GridUnavailable):
                await call

    async def test_closing_twice_is_no_error(self, store: Any) -> None:
        grid = await store.open()
        await grid.close()
        await grid.close()
        with pytest.raises(GridUnavailable):
            await grid.get("/t/a")
