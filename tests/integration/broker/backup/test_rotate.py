"""New keys: what was sealed opens with the new ones alone, and grants of both keys are good for a while."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from broker.backup import rotate
from broker.backup.rotate import OVERLAP_SECONDS, KeyFiles, reseal, rotate_grant_key
from broker.grid import keys
from broker.grid.embedded import EmbeddedGrid
from broker.grid.grid import GridUnavailable
from broker.grid.scopes import Stores
from broker.grid.seal import SealBroken, SiteKey
from broker.repositories.keys import GrantKeys
from broker.schema import bring_up_to_date
from broker.snapshot import Snapshot
from portcullis.clock import SystemClock
from portcullis.errors import Refused, Unavailable
from tests.integration.broker.backup.test_restore import stop_after
from tests.support.broker_grid import SettableClock
from tests.support.founded_site import Founded, records_of
from tests.support.grid_tap import TappedGrid

NEW_KEY = SiteKey(b"\7" * 32)


def unsealed(records: dict[str, object]) -> dict[str, object]:
    """Without the data keys, which are other ones."""
    return {key: value for key, value in records.items() if "/key/tenant/" not in key}


async def test_everything_opens_with_the_new_key_and_nothing_with_the_old(site: Founded) -> None:
    await site.add_what_passes()
    before = await records_of(site.grid, site.key)
    items = {item.key: item for item in (await site.grid.range(keys.ROOT)).items}
    done = await reseal(site.grid, site.key, NEW_KEY)
    after = {item.key: item for item in (await site.grid.range(keys.ROOT)).items}
    assert unsealed(await records_of(site.grid, NEW_KEY)) == unsealed(before)
    assert done.values == len(items) and done.tenants == 1
    assert not [key for key, item in after.items() if item.value == items[key].value]
    assert {key: item.lease for key, item in after.items()} == {
        key: item.lease for key, item in items.items()
    }
    assert {key: item.create_revision for key, item in after.items()} == {
        key: item.create_revision for key, item in items.items()
    }
    old = Stores(site.grid, site.key)
    assert [old.open(item) for item in after.values()] == [None] * len(after)


async def test_a_stolen_data_key_of_before_opens_nothing_of_now(site: Founded) -> None:
    thief = await Stores(site.grid, site.key).tenant(site.tenant)
    user = next(record for record in await thief.list("user"))
    await reseal(site.grid, site.key, NEW_KEY)
    with pytest.raises(SealBroken):
        await thief.get(user.path)


@pytest.mark.parametrize("writes", [0, 1, 2, 3, 4, 5])
async def test_an_interrupted_change_keeps_brokers_away_and_goes_on(site: Founded, writes: int) -> None:
    await site.add_what_passes()
    before = await records_of(site.grid, site.key)
    tapped = TappedGrid(site.grid)
    stop_after(tapped, writes)
    with pytest.raises(GridUnavailable):
        await reseal(tapped, site.key, NEW_KEY)
    if writes:
        with pytest.raises(Unavailable) as refused:
            await bring_up_to_date(Stores(site.grid, NEW_KEY))
        assert refused.value.code == "site_incomplete"
        with pytest.raises(SealBroken):
            await bring_up_to_date(Stores(site.grid, site.key))
    await reseal(site.grid, site.key, NEW_KEY)
    await bring_up_to_date(Stores(site.grid, NEW_KEY))
    assert unsealed(await records_of(site.grid, NEW_KEY)) == unsealed(before)


async def test_a_broker_that_lives_stops_it(site: Founded) -> None:
    await site.put("site", ("live", "broker", "a" * 16), {"address": "127.0.0.1:1"})
    with pytest.raises(Refused) as refused:
        await reseal(site.grid, site.key, NEW_KEY)
    assert refused.value.code == "brokers_run"
    await bring_up_to_date(site.stores)


async def test_a_grid_without_a_site_has_no_keys_to_change(empty: EmbeddedGrid) -> None:
    with pytest.raises(Unavailable, match="no site"):
        await reseal(empty, SiteKey(bytes(32)), NEW_KEY)


async def test_a_record_that_ends_with_its_lease_meanwhile_is_no_obstacle(
    site: Founded, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, login = await site.add_what_passes()
    (lease,) = {item.lease for item in (await site.grid.range(keys.ROOT)).items if login.hash in item.key}
    replaced = rotate._is_replaced

    async def slow(*arguments: object) -> bool:
        await site.grid.revoke(lease)
        return await replaced(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(rotate, "_is_replaced", slow)
    await reseal(site.grid, site.key, NEW_KEY)
    records = await records_of(site.grid, NEW_KEY)
    assert None not in records.values() and not [key for key in records if login.hash in key]


async def test_the_new_grant_key_is_announced_before_it_signs_and_the_old_one_verifies_on(
    site: Founded,
) -> None:
    clock = SettableClock()
    clock.wall = time.time()
    stores = Stores(site.grid, site.key)
    snapshot = Snapshot(stores)
    await snapshot.start()
    granted = GrantKeys(snapshot, clock)
    old = granted.signing()[0]
    new = await rotate_grant_key(stores, clock)
    assert await snapshot.until(site.grid._state.revision)
    assert granted.signing()[0] == old and granted.verifying().keys() == {old, new}
    clock.passed = rotate.ANNOUNCED_SECONDS
    assert granted.signing()[0] == new and granted.verifying().keys() == {old, new}
    (leaving,) = [record for record in await stores.site.list("key", "grant") if record.lease]
    assert leaving.path[-1] == old and await site.grid.lease_seconds(leaving.lease) == OVERLAP_SECONDS
    await site.grid.revoke(leaving.lease)
    assert await snapshot.until(site.grid._state.revision)
    assert granted.verifying().keys() == {new}
    await snapshot.stop()


async def test_a_grant_key_that_is_leaving_keeps_its_end(site: Founded) -> None:
    stores = Stores(site.grid, site.key)
    await rotate_grant_key(stores, SystemClock())
    (first,) = [record.lease for record in await stores.site.list("key", "grant") if record.lease]
    await rotate_grant_key(stores, SystemClock())
    leases = [record.lease for record in await stores.site.list("key", "grant")]
    assert first in leases and len(leases) == 3 and leases.count(0) == 1


def test_the_key_files_change_places_and_the_old_one_is_kept(tmp_path: Path) -> None:
    SiteKey.create(tmp_path / "site.key")
    old = (tmp_path / "site.key").read_text()
    files = KeyFiles(tmp_path)
    files.load_new()
    new = files.new.read_text()
    files.load_new()  # of an interrupted change: the same
    assert files.new.read_text() == new != old
    files.put_in_force()
    assert (files.current.read_text(), files.previous.read_text()) == (new, old)
    assert not files.new.exists() and files.current.stat().st_mode & 0o777 == 0o400
    assert {path.name for path in tmp_path.iterdir()} == {"site.key", "site.key.previous"}
