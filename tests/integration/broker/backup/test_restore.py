"""A backup becomes a site again, in a real grid."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

from broker.backup import restore as restoring
from broker.backup.archive import Backup
from broker.backup.filling import ARRIVING, Arrival
from broker.backup.journal import Entry, Journal
from broker.grid import keys
from broker.grid.embedded import EmbeddedGrid
from broker.grid.grid import GridUnavailable
from broker.grid.scopes import Stores
from broker.grid.seal import SealBroken, SiteKey
from broker.schema import bring_up_to_date
from portcullis.clock import SystemClock
from portcullis.errors import Refused, Unavailable
from portcullis.model.tenant import KNOWN_SCHEMA
from portcullis.model.user import User
from tests.support.founded_site import Founded, records_of, site_of
from tests.support.grid_tap import TappedGrid

NEW_KEY = SiteKey(b"\7" * 32)
ARRIVAL = Arrival("a backup", "a" * 16, 1, 2.0)


async def restore(
    backup: Backup,
    grid: EmbeddedGrid | TappedGrid,
    key: SiteKey,
    *entries: Entry,
    backup_key: SiteKey | None = None,
    replaces: bool = False,
) -> None:
    then = backup_key or key
    plan = restoring.plan(backup, then, Journal(entries), time.time())
    await restoring.restore(
        grid, key, plan, backup_key=then, arrival=ARRIVAL, replaces=replaces, clock=SystemClock()
    )


def lasting(records: dict[str, object]) -> dict[str, object]:
    """Without what every restore changes: the epoch, and which codes are spent."""
    return {
        key: value for key, value in records.items() if "/attempts/" not in key and not key.endswith("/meta")
    }


async def test_everything_that_lasts_comes_back_and_what_passes_does_not(
    site: Founded, empty: EmbeddedGrid
) -> None:
    await site.add_user("ada")
    before = await records_of(site.grid, site.key)
    await site.add_what_passes()
    await restore(await site.backup(), empty, site.key)
    after = await records_of(empty, site.key)
    leased = {item.key for item in (await site.grid.range(keys.ROOT)).items if item.lease}
    assert lasting(after) == {key: value for key, value in lasting(before).items() if key not in leased}
    assert len(after) > 15 and None not in after.values()


async def test_the_epoch_is_above_every_one_that_was(site: Founded, empty: EmbeddedGrid) -> None:
    backup = await site.backup()
    await restore(backup, empty, site.key, Entry(1.0, 41, "user_enabled", site.tenant, "x"))
    assert (await site_of(Stores(empty, site.key))).epoch == 42


async def test_the_history_keeps_its_order_and_tells_of_the_restore(
    site: Founded, empty: EmbeddedGrid
) -> None:
    user = await site.add_user("ada")
    for number in range(3):
        await site.put(
            site.tenant, ("user", user.id), replace(user, groups=frozenset({str(number)})).to_json()
        )
    disabled = Entry(time.time(), 1, "user_disabled", site.tenant, user.id)
    await restore(await site.backup(), empty, site.key, disabled)
    store = await Stores(empty, site.key).tenant(site.tenant)
    history = sorted(await store.list("history", "user", user.id), key=lambda record: record.mod_revision)
    assert [record.value["value"]["groups"] for record in history] == [[], ["0"], ["1"], ["2"], ["2"]]
    assert history[-1].value["author"] == "restore" and history[-1].value["value"]["disabled"]
    found = await store.get(("user", user.id))
    assert found is not None and User.from_json(found.value).disabled


async def test_after_a_panic_no_grant_key_of_before_comes_back(site: Founded, empty: EmbeddedGrid) -> None:
    backup = await site.backup()
    await restore(backup, empty, site.key, Entry(time.time(), 2, "everything", "site", ""))
    before = {record.path for record in await site.stores.site.list("key", "grant")}
    after = {record.path for record in await Stores(empty, site.key).site.list("key", "grant")}
    assert len(after) == 1 and not after & before


async def test_without_a_panic_the_grant_keys_stay(site: Founded, empty: EmbeddedGrid) -> None:
    await restore(await site.backup(), empty, site.key)
    one, other = [
        {record.path: record.value for record in await stores.site.list("key")}
        for stores in (site.stores, Stores(empty, site.key))
    ]
    assert one == other and len(one) == 3


async def test_a_grid_that_holds_something_is_left_alone(site: Founded) -> None:
    backup, before = await site.backup(), await site.grid.range(keys.ROOT)
    with pytest.raises(Refused) as refused:
        await restore(backup, site.grid, site.key)
    assert refused.value.code == "grid_not_empty" and await site.grid.range(keys.ROOT) == before


async def test_a_grid_that_is_given_up_holds_the_backup_alone(site: Founded) -> None:
    backup = await site.backup()
    ada = await site.add_user("ada")
    await site.add_what_passes()
    await restore(backup, site.grid, site.key, replaces=True)
    left = await records_of(site.grid, site.key)
    assert not [key for key in left if ada.id in key or "/session/" in key or "/slot/" in key]
    assert {item.key for item in backup.items} <= left.keys()


async def test_a_broker_that_lives_keeps_its_grid(site: Founded) -> None:
    backup = await site.backup()
    await site.put("site", ("live", "broker", "a" * 16), {"address": "127.0.0.1:1"})
    with pytest.raises(Refused) as refused:
        await restore(backup, site.grid, site.key, replaces=True)
    assert refused.value.code == "brokers_run"


@pytest.mark.parametrize("writes", [0, 1, 2, 5])
async def test_an_interrupted_restore_keeps_brokers_away_and_is_run_again(
    site: Founded, empty: EmbeddedGrid, writes: int
) -> None:
    await site.add_user("ada")
    backup, tapped = await site.backup(), TappedGrid(empty)
    stop_after(tapped, writes)
    with pytest.raises(GridUnavailable):
        await restore(backup, tapped, site.key)
    if writes:
        with pytest.raises(Unavailable) as refused:
            await bring_up_to_date(Stores(empty, site.key))
        assert refused.value.code == "site_incomplete"
    await restore(backup, empty, site.key)
    await bring_up_to_date(Stores(empty, site.key))
    assert await empty.get(ARRIVING) is None
    assert {item.key for item in backup.items} <= (await records_of(empty, site.key)).keys()


async def test_a_backup_of_an_older_site_key_is_sealed_under_the_one_of_now(
    site: Founded, empty: EmbeddedGrid
) -> None:
    backup = await site.backup()
    await restore(backup, empty, NEW_KEY, backup_key=site.key)
    assert None not in (await records_of(empty, NEW_KEY)).values()
    with pytest.raises(SealBroken):
        await Stores(empty, site.key).site.get(("meta",))


async def test_records_of_a_newer_program_are_refused_before_anything_is_written(
    site: Founded, empty: EmbeddedGrid
) -> None:
    newer = replace(await site_of(site.stores), schema=KNOWN_SCHEMA + 1)
    await site.put("site", ("meta",), newer.to_json())
    with pytest.raises(Unavailable) as refused:
        await restore(await site.backup(), empty, site.key)
    assert refused.value.code == "site_too_new" and not (await empty.range(keys.ROOT)).items


async def test_a_record_that_does_not_open_is_found_before_anything_is_written(
    site: Founded, empty: EmbeddedGrid
) -> None:
    backup = await site.backup()
    moved = replace(backup.items[3], key=backup.items[3].key[:-1] + "x")
    broken = Backup(backup.info, (*backup.items[:3], moved, *backup.items[4:]))
    with pytest.raises(Refused) as refused:
        await restore(broken, empty, site.key)
    assert refused.value.code == "backup_damaged" and not (await empty.range(keys.ROOT)).items


def stop_after(grid: TappedGrid, writes: int) -> None:
    """The grid is unreachable after so many transactions."""
    txn, left = grid.txn, writes

    async def counted(*arguments: object, **more: object) -> object:
        nonlocal left
        if not left:
            raise GridUnavailable("interrupted")
        left -= 1
        return await txn(*arguments, **more)  # type: ignore[arg-type]

    grid.txn = counted  # type: ignore[method-assign, assignment]
