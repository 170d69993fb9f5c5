"""The snapshot over a real store: it equals the grid, tells of every change, and survives gaps in the feed."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import AsyncIterator
from typing import Any

import pytest

from broker import snapshot as snapshot_module
from broker.grid.grid import Delete, Grid, Put
from broker.grid.keys import NOT_IN_SNAPSHOT, Path
from broker.grid.scopes import Record, Stores, TenantStore
from broker.grid.seal import SealBroken, SiteKey
from broker.snapshot import Change, Snapshot
from tests.support.grid_tap import TappedGrid

SITE_KEY = SiteKey(bytes(range(32)))
ONE = "1" * 16


@pytest.fixture
def tap(grid: Grid) -> TappedGrid:
    return TappedGrid(grid)


@pytest.fixture
def stores(tap: TappedGrid) -> Stores:
    return Stores(tap, SITE_KEY)


@pytest.fixture
async def one(stores: Stores) -> TenantStore:
    store, data_key = stores.found_tenant(ONE)
    await stores.commit(
        data_key, stores.site.put(("tenant", ONE), {"id": ONE}), stores.site.put(("meta",), {})
    )
    return store


@pytest.fixture
async def snapshot(stores: Stores, one: TenantStore) -> AsyncIterator[Snapshot]:
    snapshot = Snapshot(stores)
    await snapshot.start()
    yield snapshot
    await snapshot.stop()


@pytest.fixture(autouse=True)
def _retry_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshot_module, "RETRY_SECONDS", 0.001)


def held(snapshot: Snapshot, scope: str, *prefix: str) -> dict[Path, Any]:
    return {record.path: record.value for record in snapshot.list(scope, *prefix)}


async def reached(snapshot: Snapshot, revision: int) -> None:
    assert await snapshot.until(revision, timeout_seconds=30)


class TestReading:
    async def test_it_begins_with_all_that_is_there(self, stores: Stores, one: TenantStore) -> None:
        result = await stores.commit(
            one.put(("user", "u"), {"n": 1}), stores.site.put(("slot", "h", "0"), {})
        )
        snapshot = Snapshot(stores)
        await snapshot.start()
        assert snapshot.revision == result.revision
        assert snapshot.get(ONE, ("user", "u")) == await one.get(("user", "u"))
        assert [record.value for record in snapshot.tenants()] == [{"id": ONE}]
        await snapshot.stop()

    async def test_it_follows(self, stores: Stores, one: TenantStore, snapshot: Snapshot) -> None:
        await reached(snapshot, (await stores.commit(one.put(("user", "u"), {"n": 1}))).revision)
        assert held(snapshot, ONE, "user") == {("user", "u"): {"n": 1}}
        await reached(snapshot, (await stores.commit(one.put(("user", "u"), {"n": 2}))).revision)
        assert held(snapshot, ONE, "user") == {("user", "u"): {"n": 2}}
        await reached(snapshot, (await stores.commit(one.delete(("user", "u")))).revision)
        assert held(snapshot, ONE, "user") == {}
        assert snapshot.get(ONE, ("user", "u")) is None

    async def test_lists_hold_what_lies_below_alone(self, stores: Stores, snapshot: Snapshot) -> None:
        paths = [
            ("slot", "h1", "0"),
            ("slot", "h1", "1"),
            ("slot", "h2", "0"),
            ("slot-x", "a"),
            ("slot", "h10", "0"),
        ]
        result = await stores.commit(*(stores.site.put(path, {}) for path in paths))
        await reached(snapshot, result.revision)
        assert held(snapshot, "site", "slot", "h1").keys() == set(paths[:2])
        assert held(snapshot, "site", "slot").keys() == set(paths) - {("slot-x", "a")}
        assert snapshot.list("site", "slot", "h3") == []
        assert snapshot.list(ONE, "slot") == []

    @pytest.mark.parametrize("kind", sorted(NOT_IN_SNAPSHOT))
    async def test_some_kinds_are_left_out(self, stores: Stores, one: TenantStore, kind: str) -> None:
        await stores.commit(one.put((kind, "before"), {}))
        snapshot = Snapshot(stores)
        changes: list[Change] = []
        await snapshot.start()
        snapshot.subscribe(changes.append)
        await stores.commit(one.put((kind, "after"), {}))
        await reached(snapshot, (await stores.commit(one.delete((kind, "before")))).revision)
        assert (snapshot.list(ONE, kind), changes) == ([], [])
        assert await one.get((kind, "after")) is not None
        await snapshot.stop()

    async def test_a_tenant_founded_later_is_readable(
        self, stores: Stores, tap: TappedGrid, snapshot: Snapshot
    ) -> None:
        """By another broker, whose stores know the data key first; its record may come last in the transaction."""
        elsewhere = Stores(tap, SITE_KEY)
        store, data_key = elsewhere.found_tenant("2" * 16)
        result = await elsewhere.commit(store.put(("user", "u"), {"n": 1}), data_key)
        await reached(snapshot, result.revision)
        assert held(snapshot, "2" * 16, "user") == {("user", "u"): {"n": 1}}

    async def test_waiting_ends_when_time_is_up(self, snapshot: Snapshot) -> None:
        assert await snapshot.until(snapshot.revision, timeout_seconds=0)
        assert not await snapshot.until(snapshot.revision + 1, timeout_seconds=0.01)

    async def test_the_wrong_site_key_is_told_at_the_start(self, one: TenantStore, tap: TappedGrid) -> None:
        with pytest.raises(SealBroken):
            await Snapshot(Stores(tap, SiteKey(bytes(32)))).start()


class TestTelling:
    async def test_each_change_comes_with_what_was_before(
        self, stores: Stores, one: TenantStore, snapshot: Snapshot
    ) -> None:
        changes: list[Change] = []
        snapshot.subscribe(changes.append)
        for operation in (
            one.put(("user", "u"), {"n": 1}),
            one.put(("user", "u"), {"n": 2}),
            one.delete(("user", "u")),
        ):
            result = await stores.commit(operation)
        await reached(snapshot, result.revision)

        def n(record: Record | None) -> Any:
            return record and record.value["n"]

        assert [(n(change.previous), n(change.record)) for change in changes] == [
            (None, 1),
            (1, 2),
            (2, None),
        ]
        assert {(change.scope, change.path) for change in changes} == {(ONE, ("user", "u"))}
        assert [change.revision for change in changes] == list(
            range(result.revision - 2, result.revision + 1)
        )

    async def test_a_callback_sees_the_whole_transaction(
        self, stores: Stores, one: TenantStore, snapshot: Snapshot
    ) -> None:
        seen = []
        snapshot.subscribe(
            lambda change: seen.append(
                (snapshot.get("site", ("slot", "h", "0")) and snapshot.get(ONE, ("session", "s"))) is not None
            )
        )
        result = await stores.commit(stores.site.put(("slot", "h", "0"), {}), one.put(("session", "s"), {}))
        await reached(snapshot, result.revision)
        assert seen == [True, True]

    async def test_one_that_subscribed_before_the_start_is_told_of_all(
        self, stores: Stores, one: TenantStore
    ) -> None:
        await stores.commit(one.put(("user", "u"), {}))
        snapshot, changes = Snapshot(stores), []
        snapshot.subscribe(changes.append)
        await snapshot.start()
        assert (ONE, ("user", "u"), None) in [(c.scope, c.path, c.previous) for c in changes]
        await snapshot.stop()

    async def test_unsubscribing_ends_it(self, stores: Stores, one: TenantStore, snapshot: Snapshot) -> None:
        kept: list[Change] = []
        ended: list[Change] = []
        snapshot.subscribe(kept.append)
        unsubscribe = snapshot.subscribe(ended.append)
        unsubscribe()
        unsubscribe()
        await reached(snapshot, (await stores.commit(one.put(("user", "u"), {}))).revision)
        assert (len(kept), ended) == (1, [])

    async def test_a_subscriber_that_fails_stops_nobody(
        self, stores: Stores, one: TenantStore, snapshot: Snapshot, caplog: pytest.LogCaptureFixture
    ) -> None:
        changes: list[Change] = []

        def fail(change: Change) -> None:
            raise RuntimeError("a bug")

        snapshot.subscribe(fail)
        snapshot.subscribe(changes.append)
        with caplog.at_level(logging.ERROR):
            await reached(snapshot, (await stores.commit(one.put(("user", "a"), {}))).revision)
            await reached(snapshot, (await stores.commit(one.put(("user", "b"), {}))).revision)
        assert len(changes) == 2
        assert "a subscriber failed" in caplog.text


class TestFeed:
    async def test_an_outage_is_made_good(
        self, stores: Stores, one: TenantStore, snapshot: Snapshot, tap: TappedGrid, grid: Grid
    ) -> None:
        changes: list[Change] = []
        snapshot.subscribe(changes.append)
        elsewhere = Stores(grid, SITE_KEY)
        store = await elsewhere.tenant(ONE)
        tap.unreachable = True
        for number in range(3):
            result = await elsewhere.commit(store.put(("user", "u"), {"n": number}))
        assert not await snapshot.until(result.revision, timeout_seconds=0.05)
        tap.unreachable = False
        await reached(snapshot, result.revision)
        assert [change.record.value["n"] for change in changes if change.record] == [0, 1, 2]

    async def test_after_a_compaction_the_difference_is_told(
        self, stores: Stores, one: TenantStore, snapshot: Snapshot, tap: TappedGrid, grid: Grid, store: Any
    ) -> None:
        await stores.commit(
            one.put(("user", "gone"), {}), one.put(("user", "same"), {}), one.put(("user", "new"), {})
        )
        result = await stores.commit(one.put(("user", "changed"), {"n": 1}))
        await reached(snapshot, result.revision)
        changes: list[Change] = []
        snapshot.subscribe(changes.append)
        tap.unreachable = True
        elsewhere = Stores(grid, SITE_KEY)
        tenant = await elsewhere.tenant(ONE)
        await elsewhere.commit(tenant.delete(("user", "gone")), tenant.put(("user", "changed"), {"n": 2}))
        await elsewhere.commit(tenant.delete(("user", "new")))
        last = (await elsewhere.commit(tenant.put(("user", "new"), {"again": True}))).revision
        await grid.compact(last)
        tap.unreachable = False
        await reached(snapshot, last)
        told = {
            change.path[1]: (change.previous is not None, change.record is not None) for change in changes
        }
        assert told == {"gone": (True, False), "changed": (True, True), "new": (True, True)}
        assert held(snapshot, ONE, "user").keys() == {("user", "changed"), ("user", "new"), ("user", "same")}
        await reached(snapshot, (await stores.commit(one.put(("user", "later"), {}))).revision)

    async def test_what_no_scope_sealed_is_left_out(
        self,
        stores: Stores,
        one: TenantStore,
        snapshot: Snapshot,
        grid: Grid,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        await reached(snapshot, (await stores.commit(one.put(("user", "u"), {"n": 1}))).revision)
        with caplog.at_level(logging.ERROR):
            foreign = [
                f"/p/v1/t/{ONE}/user/u",
                f"/p/v1/t/{ONE}/user/v",
                f"/p/v1/t/{'3' * 16}/user/u",
                "/p/v1/else",
                "/p/v1/site//x",
            ]
            result = await grid.txn([], [Put(key, b"garbage") for key in foreign])
            await reached(snapshot, result.revision)
        assert held(snapshot, ONE, "user") == {}
        assert caplog.text.count("ignored") >= len(foreign)
        await grid.txn([], [Delete(key) for key in foreign])
        await reached(snapshot, (await stores.commit(one.put(("user", "u"), {"n": 2}))).revision)
        assert held(snapshot, ONE, "user") == {("user", "u"): {"n": 2}}

    async def test_stopping_ends_the_feed(self, stores: Stores, one: TenantStore) -> None:
        snapshot = Snapshot(stores)
        await snapshot.start()
        await snapshot.stop()
        before = snapshot.revision
        result = await stores.commit(one.put(("user", "u"), {}))
        assert not await snapshot.until(result.revision, timeout_seconds=0.02)
        assert snapshot.revision == before

    @pytest.mark.parametrize("seed", range(3))
    async def test_through_outages_and_compactions_it_equals_a_fold_of_its_changes(
        self, stores: Stores, one: TenantStore, tap: TappedGrid, grid: Grid, store: Any, seed: int
    ) -> None:
        choose = random.Random(seed)
        snapshot = Snapshot(stores)
        fold: dict[tuple[str, Path], Record] = {}

        def apply(change: Change) -> None:
            assert fold.get((change.scope, change.path)) == change.previous
            if change.record is None:
                del fold[change.scope, change.path]
            else:
                fold[change.scope, change.path] = change.record

        snapshot.subscribe(apply)
        await snapshot.start()
        writer = Stores(grid, SITE_KEY)
        scopes = [writer.site, await writer.tenant(ONE)]
        for _ in range(200):
            scope, path = (
                choose.choice(scopes),
                (choose.choice(["session", "user"]), str(choose.randrange(6))),
            )
            operation = (
                scope.put(path, {"n": choose.random()}) if choose.random() < 0.6 else scope.delete(path)
            )
            result = await writer.commit(operation)
            tap.unreachable = choose.random() < 0.2
            if choose.random() < 0.05:
                await grid.compact(result.revision)
            await asyncio.sleep(0)
        tap.unreachable = False
        await reached(snapshot, (await writer.commit(writer.site.put(("end",), {}))).revision)
        for scope in scopes:
            for kind in ("session", "user"):
                expected = {record.path: record for record in await scope.list(kind)}
                assert {record.path: record for record in snapshot.list(scope.scope, kind)} == expected
                assert {path: fold[scope.scope, path] for path in expected} == expected
        assert sum(path[0] in ("session", "user") for _, path in fold) == sum(
            len(snapshot.list(scope.scope, kind)) for scope in scopes for kind in ("session", "user")
        )
        await snapshot.stop()
