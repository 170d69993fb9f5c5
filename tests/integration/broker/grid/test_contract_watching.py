"""What every store of the grid promises to those who watch it, and of leases and members."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

import pytest

from broker.grid.grid import (
    Changes,
    Compacted,
    Delete,
    DeleteEvent,
    Exists,
    Get,
    Grid,
    GridUnavailable,
    KeyValue,
    LeaseGone,
    Put,
    PutEvent,
)
from tests.support.grid_stores import put, values
from tests.support.patience import patient

MANY_REVISIONS = 1200


class TestWatching:
    async def test_events_come_in_order_with_their_revisions(self, grid: Grid, watcher: Any) -> None:
        first = await put(grid, "/t/a", b"1")
        second = await put(grid, "/t/b", b"2")
        third = (await grid.txn([], [Delete("/t/a"), Put("/t/c", b"3")])).revision
        assert await watcher.until(grid, "/t/", first, third) == [
            PutEvent(KeyValue("/t/a", b"1", first, first)),
            PutEvent(KeyValue("/t/b", b"2", second, second)),
            DeleteEvent("/t/a", third),
            PutEvent(KeyValue("/t/c", b"3", third, third)),
        ]

    async def test_a_watch_resumes_at_any_revision(self, grid: Grid, watcher: Any) -> None:
        revisions = [await put(grid, "/t/a", str(n).encode()) for n in range(5)]
        for start in range(5):
            events = await watcher.until(grid, "/t/", revisions[start], revisions[-1])
            assert [event.item.value for event in events] == [str(n).encode() for n in range(start, 5)]

    async def test_a_watch_sees_only_its_prefix(self, grid: Grid, watcher: Any) -> None:
        start = await put(grid, "/t0")
        await put(grid, "/t/a")
        end = (await grid.txn([], [Put("/u", b""), Put("/t/b", b"")])).revision
        last = await put(grid, "/t/c")
        events = await watcher.until(grid, "/t/", start, last)
        assert [event.item.key for event in events] == ["/t/a", "/t/b", "/t/c"]
        assert events[1].item.mod_revision == end

    async def test_a_watch_waits_for_what_comes(self, grid: Grid, watcher: Any) -> None:
        start = await put(grid, "/t/a")
        waiting = asyncio.ensure_future(watcher.next_event(grid, "/t/", start + 1))
        await asyncio.sleep(0)
        revision = await put(grid, "/t/b")
        changes = await waiting
        assert (changes.revision, [event.item.key for event in changes.events]) == (revision, ["/t/b"])

    async def test_a_watch_may_start_ahead(self, grid: Grid, watcher: Any) -> None:
        start = await put(grid, "/t/a")
        waiting = asyncio.ensure_future(watcher.next_event(grid, "/t/", start + 3))
        for _ in range(4):
            last = await put(grid, "/t/a")
        changes = await waiting
        assert changes.events[0].item.mod_revision == start + 3
        assert last == start + 4

    async def test_a_revision_is_never_split(self, grid: Grid) -> None:
        start = await put(grid, "/t/start")
        watch = grid.watch("/t/", start + 1)
        writes = [grid.txn([], [Put(f"/t/{n}/{part}", b"") for part in range(50)]) for n in range(20)]
        await asyncio.gather(*writes)
        counts: dict[int, int] = {}
        last = start
        async with asyncio.timeout(patient(30)):
            async for changes in watch:
                revisions = {event.item.mod_revision for event in changes.events}  # type: ignore[union-attr]
                assert not revisions & counts.keys()
                for event in changes.events:
                    revision = event.item.mod_revision  # type: ignore[union-attr]
                    assert last < revision <= changes.revision
                    counts[revision] = counts.get(revision, 0) + 1
                last = changes.revision
                if last >= start + 20:
                    break
        await watch.aclose()
        assert counts == {start + n: 50 for n in range(1, 21)}

    async def test_a_watch_that_catches_up_claims_no_revision_too_early(self, grid: Grid) -> None:
        """etcd delivers 1,000 revisions at once, and says in each answer how far it is itself."""
        start = await put(grid, "/t/start")
        keys = [f"/t/{number}" for number in range(MANY_REVISIONS)]
        # Whoever could do one thing or another shares no revision.
        for first in range(0, MANY_REVISIONS, 100):  # all at once take a slow machine longer than each may
            some = keys[first : first + 100]
            await asyncio.gather(*(grid.txn([], [Put(key, b"")], [Get(key)]) for key in some))
        watch = grid.watch("/t/", start + 1)
        last, seen = start, 0
        async with asyncio.timeout(patient(30)):
            while last < start + MANY_REVISIONS:
                changes = await anext(watch)
                assert all(last < event.item.mod_revision <= changes.revision for event in changes.events)  # type: ignore[union-attr]
                last, seen = changes.revision, seen + len(changes.events)
        await watch.aclose()
        assert seen == MANY_REVISIONS

    async def test_snapshot_and_watch_meet_without_gap_or_overlap(self, grid: Grid, watcher: Any) -> None:
        """What a broker does at its start, while others write."""

        async def write() -> int:
            revision = 0
            for number in range(100):
                revision = await put(grid, f"/t/{number % 7}", str(number).encode())
            return revision

        writer = asyncio.ensure_future(write())
        await put(grid, "/t/meanwhile")
        snapshot = await grid.range("/t/")
        last = await writer
        held = {item.key: item.value for item in snapshot.items}
        for event in await watcher.until(grid, "/t/", snapshot.revision + 1, last):
            assert event.item.mod_revision > snapshot.revision
            held[event.item.key] = event.item.value
        assert held == await values(grid, "/t/")

    async def test_what_was_compacted_is_refused(self, store: Any, grid: Grid, watcher: Any) -> None:
        revisions = [await put(grid, "/t/a", bytes([n])) for n in range(6)]
        await grid.compact(revisions[3])
        with pytest.raises(Compacted):
            await watcher.until(grid, "/t/", revisions[1], revisions[-1])
        events = await watcher.until(grid, "/t/", revisions[3] + 1, revisions[-1])
        assert [event.item.value for event in events] == [b"\4", b"\5"]

    async def test_compacting_loses_no_key(self, store: Any, grid: Grid) -> None:
        await put(grid, "/t/old", b"1")
        last = await put(grid, "/t/new", b"2")
        await grid.compact(last)
        assert await values(grid, "/t/") == {"/t/old": b"1", "/t/new": b"2"}

    async def test_compacting_twice_is_no_error(self, grid: Grid) -> None:
        last = await put(grid, "/t/a")
        await grid.compact(last)
        await grid.compact(last)
        assert await values(grid, "/t/") == {"/t/a": b"v"}

    async def test_two_watches_do_not_disturb_each_other(self, grid: Grid, watcher: Any) -> None:
        start = await put(grid, "/t/a")
        abandoned = grid.watch("/t/", start)
        async with asyncio.timeout(patient(30)):
            assert (await anext(abandoned)).revision >= start
        await abandoned.aclose()
        last = await put(grid, "/t/b")
        assert len(await watcher.until(grid, "/t/", start, last)) == 2

    async def test_closing_the_grid_ends_a_watch(self, grid: Grid) -> None:
        revision = await put(grid, "/t/a")
        waiting = asyncio.ensure_future(self._exhaust(grid.watch("/t/", revision + 1)))
        await asyncio.sleep(0)
        await grid.close()
        with pytest.raises(GridUnavailable):
            async with asyncio.timeout(patient(30)):
                await waiting

    @staticmethod
    async def _exhaust(watch: AsyncGenerator[Changes, None]) -> None:
        async for _ in watch:
            pass


class TestLeases:
    async def test_granting_takes_no_revision(self, grid: Grid) -> None:
        revision = await put(grid, "/t/a")
        lease = await grid.lease(60)
        assert lease.ttl_seconds == 60
        assert (await grid.range("/t/")).revision == revision

    async def test_leases_differ_and_are_not_zero(self, grid: Grid) -> None:
        leases = {(await grid.lease(60)).id for _ in range(10)}
        assert len(leases) == 10
        assert 0 not in leases

    async def test_a_bound_key_says_so(self, grid: Grid) -> None:
        lease = await grid.lease(60)
        revision = await put(grid, "/t/a", b"v", lease.id)
        assert await grid.get("/t/a") == KeyValue("/t/a", b"v", revision, revision, lease.id)

    async def test_revoking_deletes_the_bound_keys_alone(self, grid: Grid, watcher: Any) -> None:
        lease = await grid.lease(60)
        await put(grid, "/t/free")
        await put(grid, "/t/a", lease=lease.id)
        start = await put(grid, "/t/b", lease=lease.id)
        await grid.revoke(lease.id)
        snapshot = await grid.range("/t/")
        assert [item.key for item in snapshot.items] == ["/t/free"]
        events = await watcher.until(grid, "/t/", start + 1, snapshot.revision)
        assert sorted(event.key for event in events) == ["/t/a", "/t/b"]
        assert all(isinstance(event, DeleteEvent) for event in events)

    async def test_revoking_twice_is_no_error(self, grid: Grid) -> None:
        lease = await grid.lease(60)
        await grid.revoke(lease.id)
        await grid.revoke(lease.id)
        with pytest.raises(LeaseGone):
            await grid.keep_alive(lease.id)

    async def test_a_put_under_an_unknown_lease_changes_nothing(self, grid: Grid) -> None:
        lease = await grid.lease(60)
        await grid.revoke(lease.id)
        revision = await put(grid, "/t/x")
        with pytest.raises(LeaseGone):
            await grid.txn([], [Put("/t/a", b""), Put("/t/b", b"", lease.id), Delete("/t/x")])
        snapshot = await grid.range("/t/")
        assert (snapshot.revision, [item.key for item in snapshot.items]) == (revision, ["/t/x"])

    async def test_an_unknown_lease_in_the_branch_that_does_not_run_is_no_matter(self, grid: Grid) -> None:
        lease = await grid.lease(60)
        await grid.revoke(lease.id)
        result = await grid.txn([Exists("/t/none")], [Put("/t/a", b"", lease.id)], [Put("/t/b", b"")])
        assert not result.succeeded
        assert list(await values(grid, "/t/")) == ["/t/b"]

    async def test_a_put_without_the_lease_frees_the_key(self, grid: Grid) -> None:
        lease = await grid.lease(60)
        await put(grid, "/t/a", lease=lease.id)
        await put(grid, "/t/a", b"free")
        await grid.revoke(lease.id)
        assert await values(grid, "/t/") == {"/t/a": b"free"}

    async def test_a_put_under_another_lease_moves_the_key(self, grid: Grid) -> None:
        first, second = await grid.lease(60), await grid.lease(60)
        await put(grid, "/t/a", lease=first.id)
        await put(grid, "/t/a", lease=second.id)
        await grid.revoke(first.id)
        assert list(await values(grid, "/t/")) == ["/t/a"]
        await grid.revoke(second.id)
        assert await values(grid, "/t/") == {}

    async def test_a_deleted_key_put_again_is_not_bound(self, grid: Grid) -> None:
        lease = await grid.lease(60)
        await put(grid, "/t/a", lease=lease.id)
        await grid.txn([], [Delete("/t/a")])
        await put(grid, "/t/a", b"new")
        await grid.revoke(lease.id)
        assert await values(grid, "/t/") == {"/t/a": b"new"}

    async def test_an_expired_lease_takes_its_keys(self, store: Any, grid: Grid, watcher: Any) -> None:
        lease = await grid.lease(store.shortest_lease_seconds)
        revision = await put(grid, "/t/a", lease=lease.id)
        changes = await watcher.next_event(grid, "/t/", revision + 1)
        assert changes.events == (DeleteEvent("/t/a", changes.events[0].revision),)
        with pytest.raises(LeaseGone):
            await grid.keep_alive(lease.id)

    async def test_a_kept_lease_outlives_one_that_is_not(self, store: Any, grid: Grid, watcher: Any) -> None:
        """Two equal leases; one is kept alive until the other's key is gone."""
        kept = await grid.lease(store.lease_seconds)
        await put(grid, "/t/kept", lease=kept.id)
        left = await grid.lease(store.lease_seconds)
        revision = await put(grid, "/t/left", lease=left.id)
        gone = asyncio.ensure_future(watcher.next_event(grid, "/t/", revision + 1))
        while not gone.done():
            await grid.keep_alive(kept.id)
            await asyncio.wait([gone], timeout=store.lease_seconds / 10)
        assert [event.key for event in gone.result().events] == ["/t/left"]
        assert list(await values(grid, "/t/")) == ["/t/kept"]

    async def test_a_lease_says_for_how_long_it_was_granted(self, grid: Grid) -> None:
        lease = await grid.lease(60)
        assert await grid.lease_seconds(lease.id) == 60
        await grid.revoke(lease.id)
        with pytest.raises(LeaseGone):
            await grid.lease_seconds(lease.id)


class TestMembers:
    async def test_a_sound_store_has_a_sound_leader(self, grid: Grid) -> None:
        (member,) = await grid.members()
        assert member.healthy
        assert member.is_leader
        assert (member.alarms, member.trouble) == ((), "")
        assert member.version
        assert member.database_bytes > 0
