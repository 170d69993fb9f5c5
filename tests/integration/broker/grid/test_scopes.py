"""Scopes over a real store: what they write, what they refuse, and the wall between tenants."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest

from broker.grid.grid import Delete, Grid, InvalidTransaction, LeaseGone, Put
from broker.grid.keys import HISTORY_KINDS, InvalidPath
from broker.grid.scopes import Path, Record, Stores, TenantStore
from broker.grid.seal import SealBroken, SiteKey
from portcullis.errors import Refused
from tests.support.clock import ManualClock

SITE_KEY = SiteKey(bytes(range(32)))
ONE, OTHER = "1" * 16, "2" * 16
CANARY = "canary-7f3a"


@pytest.fixture
def stores(grid: Grid) -> Stores:
    return Stores(grid, SITE_KEY, ManualClock())


async def tenant(stores: Stores, tenant_id: str) -> TenantStore:
    store, data_key = stores.found_tenant(tenant_id)
    await stores.commit(data_key)
    return store


async def value(store: Any, path: Path) -> Any:
    record = await store.get(path)
    return record and record.value


async def raw(grid: Grid) -> dict[str, bytes]:
    return {item.key: item.value for item in (await grid.range("/")).items}


class TestRecords:
    async def test_a_record_reads_as_it_was_put(self, stores: Stores) -> None:
        written = {"text": "ä\0\n", "number": 1.5, "none": None, "list": [True, {"a": "b"}]}
        result = await stores.commit(stores.site.put(("key", "ca", "k1"), written))
        assert result.succeeded
        assert await stores.site.get(("key", "ca", "k1")) == Record.of(
            "site", ("key", "ca", "k1"), written, result.revision, result.revision, 0
        )

    async def test_an_absent_record_is_none(self, stores: Stores) -> None:
        assert await stores.site.get(("meta",)) is None

    async def test_a_list_holds_what_lies_below_alone(self, stores: Stores) -> None:
        for path in (
            ("slot", "h1", "1"),
            ("slot", "h1", "0"),
            ("slot", "h10", "0"),
            ("slot-x", "h1"),
            ("meta",),
        ):
            await stores.commit(stores.site.put(path, {}))
        assert [record.path for record in await stores.site.list("slot", "h1")] == [
            ("slot", "h1", "0"),
            ("slot", "h1", "1"),
        ]
        assert len(await stores.site.list("slot")) == 3

    async def test_a_lease_binds_the_record_not_its_history(self, stores: Stores) -> None:
        lease = await stores.grid.lease(60)
        await stores.commit(stores.site.put(("host", "h1"), {"a": 1}, lease=lease.id))
        record = await stores.site.get(("host", "h1"))
        assert record is not None
        assert record.lease == lease.id
        await stores.grid.revoke(lease.id)
        assert await stores.site.get(("host", "h1")) is None
        assert len(await stores.site.list("history", "host", "h1")) == 1

    async def test_what_is_not_json_is_refused_before_anything_is_sent(
        self, stores: Stores, grid: Grid
    ) -> None:
        for wrong in ({"a": float("nan")}, {"a": b"bytes"}, {"a": object()}):
            with pytest.raises((ValueError, TypeError)):
                stores.site.put(("meta",), wrong)
        assert await raw(grid) == {}


class TestCommit:
    async def test_all_scopes_change_at_one_revision(self, stores: Stores) -> None:
        one, other = await tenant(stores, ONE), await tenant(stores, OTHER)
        result = await stores.commit(
            stores.site.put(("slot", "h1", "0"), {"session": "s"}),
            one.put(("session", "s"), {"n": 1}),
            other.put(("session", "s"), {"n": 2}),
        )
        records = [await stores.site.get(("slot", "h1", "0")), await one.get(("session", "s"))]
        assert {record.mod_revision for record in records if record} == {result.revision}
        assert await value(other, ("session", "s")) == {"n": 2}

    async def test_nothing_changes_when_one_condition_fails(self, stores: Stores, grid: Grid) -> None:
        one = await tenant(stores, ONE)
        before = await raw(grid)
        result = await stores.commit(
            stores.site.put(("slot", "h1", "0"), {}),
            one.put(("user", "u"), {}),
            conditions=[stores.site.absent(("slot", "h1", "0")), one.present(("session", "s"))],
        )
        assert not result.succeeded
        assert await raw(grid) == before

    async def test_conditions_hold_as_they_say(self, stores: Stores) -> None:
        path = ("live", "host", "h1")
        first = (await stores.commit(stores.site.put(path, {"n": 1}))).revision
        old = await stores.site.get(path)
        assert old is not None
        await stores.commit(stores.site.put(path, {"n": 2}))
        new = await stores.site.get(path)
        assert new is not None
        for condition, expected in (
            (stores.site.absent(path), False),
            (stores.site.absent(("live", "host", "h2")), True),
            (stores.site.present(path), True),
            (stores.site.present(("live", "host", "h2")), False),
            (stores.site.unchanged(old), False),
            (stores.site.unchanged(new), True),
            (stores.site.created_at(path, first), True),
            (stores.site.created_at(path, first + 1), False),
        ):
            assert (await stores.commit(conditions=[condition])).succeeded is expected

    async def test_a_deleted_record_is_answered_once(self, stores: Stores) -> None:
        one = await tenant(stores, ONE)
        await stores.commit(one.put(("ticket", "t"), {"session": "s"}))
        result = await stores.commit(one.delete(("ticket", "t")), conditions=[one.present(("ticket", "t"))])
        assert result.deleted[ONE, ("ticket", "t")].value == {"session": "s"}
        again = await stores.commit(one.delete(("ticket", "t")), conditions=[one.present(("ticket", "t"))])
        assert (again.succeeded, again.deleted) == (False, {})

    async def test_deleting_what_is_not_there_is_no_error(self, stores: Stores) -> None:
        result = await stores.commit(stores.site.delete(("slot", "h1", "0")))
        assert (result.succeeded, result.deleted) == (True, {})

    async def test_one_record_twice_is_refused(self, stores: Stores) -> None:
        with pytest.raises(InvalidTransaction):
            await stores.commit(stores.site.put(("meta",), {}), stores.site.delete(("meta",)))

    async def test_an_unknown_lease_is_refused(self, stores: Stores) -> None:
        lease = await stores.grid.lease(60)
        await stores.grid.revoke(lease.id)
        with pytest.raises(LeaseGone):
            await stores.commit(stores.site.put(("live", "host", "h1"), {}, lease=lease.id))


class TestHistory:
    @pytest.mark.parametrize("kind", sorted(HISTORY_KINDS))
    async def test_every_write_of_configuration_is_kept(self, stores: Stores, kind: str) -> None:
        one = await tenant(stores, ONE)
        await stores.commit(one.put((kind, "x"), {"n": 1}, author="alice"))
        stores.clock.advance(1.5)  # type: ignore[attr-defined]
        await stores.commit(one.put((kind, "x"), {"n": 2}, author="bob"))
        await stores.commit(one.delete((kind, "x"), author="carol"))
        entries = sorted(await one.list("history", kind, "x"), key=lambda record: record.mod_revision)
        assert [(e.value["value"], e.value["author"]) for e in entries] == [
            ({"n": 1}, "alice"),
            ({"n": 2}, "bob"),
            (None, "carol"),
        ]
        assert entries[1].value["time"] - entries[0].value["time"] == 1.5
        assert [e.path[3][:13] for e in entries] == ["1763676000000", "1763676001500", "1763676001500"]

    async def test_history_is_of_the_same_revision(self, stores: Stores) -> None:
        result = await stores.commit(stores.site.put(("host", "h1"), {}))
        (entry,) = await stores.site.list("history")
        assert entry.mod_revision == result.revision

    @pytest.mark.parametrize(
        "kind", ["session", "ticket", "nonce", "login", "key", "user-name", "icon", "slot"]
    )
    async def test_other_kinds_keep_none(self, stores: Stores, kind: str) -> None:
        await stores.commit(stores.site.put((kind, "x"), {"n": 1}))
        await stores.commit(stores.site.delete((kind, "x")))
        assert await stores.site.list("history") == []

    async def test_a_transaction_that_fails_keeps_none(self, stores: Stores) -> None:
        await stores.commit(stores.site.put(("host", "h1"), {}), conditions=[stores.site.present(("meta",))])
        assert await stores.site.list("history") == []


class TestTenants:
    async def test_an_unknown_tenant_is_not_found(self, stores: Stores) -> None:
        for tenant_id in (
            ONE,
            "site",
            "",
            "../site",
            "..",
            f"{ONE}/..",
            ONE[:-1],
            f"{ONE}\n",
            "1" * 15 + "A",
        ):
            with pytest.raises(Refused) as refused:
                await stores.tenant(tenant_id)
            assert refused.value.code == "not_found"

    async def test_another_broker_opens_the_same_records(self, stores: Stores, grid: Grid) -> None:
        one = await tenant(stores, ONE)
        await stores.commit(one.put(("user", "u"), {"name": "demo"}))
        elsewhere = await Stores(grid, SITE_KEY).tenant(ONE)
        assert await value(elsewhere, ("user", "u")) == {"name": "demo"}

    async def test_another_site_key_opens_nothing(self, stores: Stores, grid: Grid) -> None:
        await tenant(stores, ONE)
        await stores.commit(stores.site.put(("meta",), {}))
        foreign = Stores(grid, SiteKey(bytes(32)))
        with pytest.raises(SealBroken):
            await foreign.site.get(("meta",))
        with pytest.raises(SealBroken):
            await foreign.tenant(ONE)

    async def test_a_tenant_cannot_be_founded_under_any_other_name(self, stores: Stores) -> None:
        for wrong in ("site", "..", "", ONE + "0"):
            with pytest.raises(InvalidPath):
                stores.found_tenant(wrong)

    async def test_stores_do_not_show_their_keys(self, stores: Stores) -> None:
        one = await tenant(stores, ONE)
        assert repr(one) == f"TenantStore({ONE})"
        assert CANARY not in repr(one.put(("user", "u"), {"a": CANARY}))
        assert CANARY not in repr(Record.of(ONE, ("user", "u"), {"a": CANARY}, 1, 1))


class TestWall:
    """Two tenants with identical names for everything."""

    @pytest.fixture
    async def pair(self, stores: Stores) -> tuple[TenantStore, TenantStore]:
        one, other = await tenant(stores, ONE), await tenant(stores, OTHER)
        for store in (one, other):
            await stores.commit(store.put(("user", "u"), {"of": store.scope, "secret": CANARY}))
        return one, other

    async def test_nothing_is_readable_in_the_store(self, pair: Any, grid: Grid) -> None:
        for key, sealed in (await raw(grid)).items():
            assert CANARY.encode() not in sealed
            with pytest.raises((UnicodeDecodeError, json.JSONDecodeError)):
                json.loads(sealed)
            assert key.startswith(("/p/v1/site/", f"/p/v1/t/{ONE}/", f"/p/v1/t/{OTHER}/"))

    @pytest.mark.parametrize(
        "path",
        [
            ("..", OTHER, "user", "u"),
            ("user", "..", "..", OTHER, "user", "u"),
            ("user/u",),
            (f"../{OTHER}/user/u",),
            ("user", "u\0"),
            ("user", ""),
            ("",),
            (),
            ("user", "%2e%2e"),
            ("user", "U"),
        ],
    )
    async def test_no_path_leads_out(self, pair: Any, grid: Grid, path: Path) -> None:
        one, _ = pair
        before = await raw(grid)
        for refused in (one.put, one.absent, one.present, one.delete):
            with pytest.raises(InvalidPath):
                refused(path, {}) if refused == one.put else refused(path)
        with pytest.raises(InvalidPath):
            one.created_at(path, 0)
        with pytest.raises(InvalidPath):
            await one.get(path)
        with pytest.raises(InvalidPath):
            await one.list(*path)
        assert await raw(grid) == before

    async def test_raw_keys_are_no_paths(self, pair: Any) -> None:
        one, _ = pair
        for key in (f"/p/v1/t/{OTHER}/user/u", "/p/v1/site/meta", "user/u", b"user"):
            with pytest.raises(InvalidPath):
                await one.get(key)

    async def test_an_open_range_is_refused(self, pair: Any) -> None:
        one, _ = pair
        with pytest.raises(InvalidPath):
            await one.list()
        assert {record.scope for record in await one.list("user")} == {ONE}

    async def test_the_others_record_is_no_condition(self, stores: Stores, pair: Any) -> None:
        one, other = pair
        record = await other.get(("user", "u"))
        with pytest.raises(ValueError, match="scope"):
            one.unchanged(record)

    @pytest.mark.parametrize(
        "place",
        [
            f"/p/v1/t/{OTHER}/user/u",
            f"/p/v1/t/{ONE}/user/v",
            f"/p/v1/t/{ONE}/application/u",
            "/p/v1/site/meta",
        ],
    )
    async def test_a_moved_value_does_not_open(
        self, stores: Stores, pair: Any, grid: Grid, place: str
    ) -> None:
        sealed = (await raw(grid))[f"/p/v1/t/{ONE}/user/u"]
        await grid.txn([], [Put(place, sealed)])
        scope, *path = place.removeprefix("/p/v1/").removeprefix("t/").split("/")
        store = stores.site if scope == "site" else await stores.tenant(scope)
        with pytest.raises(SealBroken):
            await store.get(tuple(path))

    async def test_a_moved_data_key_does_not_open(self, stores: Stores, pair: Any, grid: Grid) -> None:
        """Else whoever writes to the store could give one tenant the other's key."""
        held = await raw(grid)
        await grid.txn([], [Put(f"/p/v1/site/key/tenant/{OTHER}", held[f"/p/v1/site/key/tenant/{ONE}"])])
        with pytest.raises(SealBroken):
            await Stores(grid, SITE_KEY).tenant(OTHER)

    async def test_a_ticket_that_does_not_open_is_not_redeemed(
        self, stores: Stores, pair: Any, grid: Grid, caplog: pytest.LogCaptureFixture
    ) -> None:
        one, _ = pair
        sealed = (await raw(grid))[f"/p/v1/t/{ONE}/user/u"]
        await grid.txn([], [Put(f"/p/v1/t/{ONE}/ticket/t", sealed)])
        with caplog.at_level(logging.ERROR):
            result = await stores.commit(
                one.delete(("ticket", "t")), conditions=[one.present(("ticket", "t"))]
            )
        assert (result.succeeded, result.deleted) == (True, {})
        assert "does not open" in caplog.text
        assert CANARY not in caplog.text

    async def test_what_one_tenant_does_leaves_the_other_byte_for_byte(
        self, stores: Stores, pair: Any, grid: Grid
    ) -> None:
        one, _ = pair
        before = {key: sealed for key, sealed in (await raw(grid)).items() if f"/{ONE}/" not in key}
        record = await one.get(("user", "u"))
        await stores.commit(
            one.put(("user", "u"), {"changed": True}),
            one.put(("user", OTHER), {}),
            one.put((OTHER, "user", "u"), {}),
            one.delete(("session", "none")),
            conditions=[one.unchanged(record)],
        )
        after = {key: sealed for key, sealed in (await raw(grid)).items() if f"/p/v1/t/{ONE}/" not in key}
        assert after == before

    async def test_the_same_value_is_sealed_differently(self, pair: Any, grid: Grid) -> None:
        sealed = list((await raw(grid)).values())
        assert len(set(sealed)) == len(sealed)


async def test_a_deleted_data_key_makes_a_tenant_unreadable(stores: Stores, grid: Grid) -> None:
    """Crypto-shredding: a backup of the records alone is worth nothing."""
    one = await tenant(stores, ONE)
    await stores.commit(one.put(("user", "u"), {}))
    await grid.txn([], [Delete(f"/p/v1/site/key/tenant/{ONE}")])
    with pytest.raises(Refused):
        await Stores(grid, SITE_KEY).tenant(ONE)
