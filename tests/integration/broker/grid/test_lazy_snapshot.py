"""A snapshot that parses late answers as one that opens and parses everything at once."""

from __future__ import annotations

import json
import random
import secrets
from dataclasses import dataclass
from typing import Any

import pytest

from broker.backup.rotate import reseal
from broker.grid import keys
from broker.grid.grid import Grid, Put
from broker.grid.scopes import Stores
from broker.grid.seal import SealBroken, SiteKey
from broker.schema import SCHEMA_VERSION
from broker.snapshot import Snapshot

KEY, OTHER_KEY = SiteKey(bytes(range(32))), SiteKey(bytes(range(1, 33)))
TENANTS = ("1" * 16, "2" * 16)
META = {"id": "a" * 16, "name": "s", "schema": SCHEMA_VERSION, "epoch": 1, "public_origins": []}


@dataclass(frozen=True)
class Eager:
    value: Any
    create_revision: int
    mod_revision: int


async def eagerly(grid: Grid, key: SiteKey) -> dict[tuple[str, keys.Path], Eager]:
    """All that opens under a scope's own seal, parsed."""
    stores = Stores(grid, key)
    found = {}
    for item in (await grid.range(keys.ROOT)).items:
        place = keys.parse(item.key)
        if place is None or place[1][0] in keys.NOT_IN_SNAPSHOT:
            continue
        try:
            scope = stores.site if place[0] == keys.SITE else await stores.tenant(place[0])
            plain = scope._seal.open(item.key, item.value)
        except SealBroken:
            continue
        found[place] = Eager(json.loads(plain), item.create_revision, item.mod_revision)
    return found


def lazily(snapshot: Snapshot) -> dict[tuple[str, keys.Path], Eager]:
    found = {}
    for scope, kinds in (
        ("site", ("meta", "key", "tenant", "slot")),
        *((t, ("user", "own")) for t in TENANTS),
    ):
        for kind in kinds:
            records = snapshot.list(scope, kind)
            whole = snapshot.get(scope, (kind,))
            assert snapshot.count(scope, kind) == len(records)
            for record in records:
                assert whole is None or whole in records
                assert snapshot.get(scope, record.path) is record
                found[scope, record.path] = Eager(record.value, record.create_revision, record.mod_revision)
    return found


async def _random_history(grid: Grid, stores: Stores, choose: random.Random) -> int:
    scopes = [stores.site, *[await stores.tenant(tenant) for tenant in TENANTS]]
    revision = 0
    for _ in range(150):
        scope = choose.choice(scopes)
        last = str(choose.randrange(5))
        path = choose.choice(
            [("slot", f"h{choose.randrange(2)}", last)]
            if scope is stores.site
            else [("user", last), ("own", "u", last)]
        )
        kind = choose.random()
        if kind < 0.6:
            value = {"n": choose.random(), "text": "ä" * choose.randrange(3), "list": [1, None, {"a": True}]}
            revision = (await stores.commit(scope.put(path, value))).revision
        elif kind < 0.8:
            revision = (await stores.commit(scope.delete(path))).revision
        else:  # garbage, or the value of another place
            key = keys.key(scope.scope, path)
            other = await grid.get(keys.key("site", ("tenant", TENANTS[0])))
            broken = secrets.token_bytes(40) if other is None or choose.random() < 0.5 else other.value
            revision = (await grid.txn([], [Put(key, broken)])).revision
    return revision


@pytest.mark.parametrize("seed", range(4))
async def test_over_random_histories_broken_seals_and_new_keys(grid: Grid, seed: int) -> None:
    choose = random.Random(seed)
    stores = Stores(grid, KEY)
    founded = [stores.found_tenant(tenant) for tenant in TENANTS]
    tenants = [stores.site.put(("tenant", tenant), {"id": tenant}) for tenant in TENANTS]
    await stores.commit(stores.site.put(("meta",), META), *(key for _, key in founded), *tenants)
    snapshot = Snapshot(stores)
    await snapshot.start()
    for _ in range(3):
        revision = await _random_history(grid, stores, choose)
        assert await snapshot.until(revision, 30)
        followed, expected = lazily(snapshot), await eagerly(grid, KEY)
        assert followed == expected
        assert {place for place in expected if place[1][0] in ("user", "slot", "own")}
    await snapshot.stop()
    await _mend(grid, stores, choose)
    await reseal(grid, KEY, OTHER_KEY)
    fresh = Snapshot(Stores(grid, OTHER_KEY))
    await fresh.start()
    assert lazily(fresh) == await eagerly(grid, OTHER_KEY)
    assert lazily(fresh).keys() >= {("site", ("tenant", tenant)) for tenant in TENANTS}
    await fresh.stop()


async def _mend(grid: Grid, stores: Stores, choose: random.Random) -> None:
    """Keys are changed in a grid that opens whole: what does not open is written anew."""
    opened = await eagerly(grid, KEY)
    for item in (await grid.range(keys.ROOT)).items:
        place = keys.parse(item.key)
        assert place is not None
        if place not in opened and place[1][0] not in keys.NOT_IN_SNAPSHOT:
            scope = stores.site if place[0] == keys.SITE else await stores.tenant(place[0])
            await stores.commit(scope.put(place[1], {"n": choose.random()}))


async def test_a_value_that_breaks_is_gone_at_once_though_nobody_reads_it(grid: Grid) -> None:
    stores = Stores(grid, KEY)
    await stores.commit(stores.site.put(("meta",), META), stores.site.put(("slot", "h", "0"), {"n": 1}))
    snapshot = Snapshot(stores)
    await snapshot.start()
    told: list[tuple[bool, bool]] = []
    snapshot.subscribe(lambda change: told.append((change.previous is not None, change.record is not None)))
    result = await grid.txn([], [Put(keys.key("site", ("slot", "h", "0")), b"\x01" + bytes(40))])
    assert await snapshot.until(result.revision, 30)
    assert (told, snapshot.count("site", "slot")) == ([(True, False)], 0)
    assert snapshot.get("site", ("slot", "h", "0")) is None
    await snapshot.stop()


async def test_waiting_leaves_nothing_behind(grid: Grid) -> None:
    stores = Stores(grid, KEY)
    await stores.commit(stores.site.put(("meta",), META))
    snapshot = Snapshot(stores)
    await snapshot.start()
    assert not await snapshot.until(snapshot.revision + 1, timeout_seconds=0)
    assert snapshot._waiting == {}
    await snapshot.stop()


async def test_there_is_one_index_of_a_kind(grid: Grid) -> None:
    stores = Stores(grid, KEY)

    class Index:
        def __init__(self, snapshot: Snapshot) -> None: ...

    snapshot, other = Snapshot(stores), Snapshot(stores)
    assert snapshot.index(Index) is snapshot.index(Index)
    assert snapshot.index(Index) is not other.index(Index)
