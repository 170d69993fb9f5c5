"""A site moves to another grid and back: nothing is lost, and never do two grids take a broker."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from broker.backup.filling import META
from broker.backup.migrate import Ends, Migrated, Migration, _same_order, cancel
from broker.grid import keys
from broker.grid.embedded import EmbeddedGrid
from broker.grid.grid import Grid, GridUnavailable, Put
from broker.grid.scopes import Stores
from broker.schema import bring_up_to_date
from portcullis.clock import SystemClock
from portcullis.errors import Refused, Unavailable
from tests.integration.broker.backup.test_restore import stop_after
from tests.support.founded_site import Founded, records_of
from tests.support.grid_tap import TappedGrid

HERE, THERE = "embedded", "etcds://a:2379"


async def move(site: Founded, source: Grid, target: Grid, names: tuple[str, str] = (HERE, THERE)) -> Migrated:
    return await Migration(Ends(source, target, *names), site.key, SystemClock()).run()


async def lasting(grid: Grid) -> dict[str, tuple[bytes, bool]]:
    """What every record holds, as it is sealed, and whether it lives on a lease."""
    items = (await grid.range(keys.ROOT)).items
    return {item.key: (item.value, bool(item.lease)) for item in items if item.key != META}


async def created(grid: Grid) -> list[str]:
    """Keys in the order of their creation."""
    items = (await grid.range(keys.ROOT)).items
    ordered = sorted(items, key=lambda item: (item.create_revision, item.key))
    return [item.key for item in ordered if item.key != META]


async def refusal(site: Founded, grid: Grid) -> Unavailable | None:
    try:
        await bring_up_to_date(Stores(grid, site.key))
    except Unavailable as exc:
        return exc
    return None


async def fill(site: Founded) -> None:
    """With names that grow as they are made, and with ones that do not."""
    for name in ("ada", "zoe", "bob"):
        user = await site.add_user(name)
        await site.put(site.tenant, ("user", user.id), replace(user, groups=frozenset({"staff"})).to_json())
    await site.add_what_passes()


async def test_every_record_is_there_as_it_was_sealed_and_in_its_order(
    site: Founded, empty: EmbeddedGrid
) -> None:
    await fill(site)
    before, order = await lasting(site.grid), await created(site.grid)
    opened = await records_of(site.grid, site.key)
    done = await move(site, site.grid, empty)
    assert (await lasting(empty), await created(empty)) == (before, order)
    assert await records_of(empty, site.key) == opened
    assert (done.records, done.leases) == (len(before) + 1, 2)


async def test_leases_keep_their_time(site: Founded, empty: EmbeddedGrid) -> None:
    _, login = await site.add_what_passes()
    await move(site, site.grid, empty)
    store = await Stores(empty, site.key).tenant(site.tenant)
    record = await store.get(("login", login.hash))
    assert record is not None and await empty.lease_seconds(record.lease) == 3600


async def test_a_broker_starts_on_the_new_grid_alone(site: Founded, empty: EmbeddedGrid) -> None:
    await move(site, site.grid, empty)
    refused = await refusal(site, site.grid)
    assert refused is not None and refused.code == "site_moved"
    assert f"--grid {THERE}" in refused.message and f"migrate --from {THERE}" in refused.message
    assert await refusal(site, empty) is None


async def test_the_site_moves_back_to_where_it_was(site: Founded, empty: EmbeddedGrid) -> None:
    await fill(site)
    await move(site, site.grid, empty)
    away = Founded(empty, site.key)
    away.secrets = site.secrets
    await away.add_user("made-meanwhile")
    before, order = await lasting(empty), await created(empty)
    await move(site, empty, site.grid, (THERE, HERE))
    assert (await lasting(site.grid), await created(site.grid)) == (before, order)
    assert await refusal(site, site.grid) is None
    refused = await refusal(site, empty)
    assert refused is not None and refused.code == "site_moved"


async def test_a_move_there_back_and_there_again_keeps_everything(site: Founded, empty: EmbeddedGrid) -> None:
    await fill(site)
    opened = await records_of(site.grid, site.key)
    for ends in ((site.grid, empty, (HERE, THERE)), (empty, site.grid, (THERE, HERE))) * 2:
        await move(site, *ends)
    assert await records_of(site.grid, site.key) == opened


@pytest.mark.parametrize("writes", [0, 1, 2, 7, 12])
@pytest.mark.parametrize("broken", ["source", "target"])
async def test_an_interrupted_move_goes_on_and_no_broker_starts_meanwhile(
    site: Founded, empty: EmbeddedGrid, writes: int, broken: str
) -> None:
    await fill(site)
    before, order = await lasting(site.grid), await created(site.grid)
    source, target = TappedGrid(site.grid), TappedGrid(empty)
    stop_after(source if broken == "source" else target, writes)
    try:
        await move(site, source, target)
    except GridUnavailable:
        takers = [grid for grid in (site.grid, empty) if await has_site(site, grid)]
        assert len(takers) <= 1
        await move(site, site.grid, empty)
    assert (await lasting(empty), await created(empty)) == (before, order)
    assert [await has_site(site, grid) for grid in (site.grid, empty)] == [False, True]


async def has_site(site: Founded, grid: Grid) -> bool:
    """Whether a broker would serve it."""
    return await refusal(site, grid) is None and await Stores(grid, site.key).site.get(("meta",)) is not None


async def test_a_lease_that_ends_during_an_interruption_takes_its_records_from_both(
    site: Founded, empty: EmbeddedGrid
) -> None:
    _, login = await site.add_what_passes()
    await site.add_user("ada")
    tapped = TappedGrid(empty)
    stop_after(tapped, len({item.create_revision for item in (await site.grid.range(keys.ROOT)).items}))
    with pytest.raises(GridUnavailable):
        await move(site, site.grid, tapped)
    assert [key for key in await created(empty) if login.hash in key]
    (lease,) = {item.lease for item in (await site.grid.range(keys.ROOT)).items if login.hash in item.key}
    await site.grid.revoke(lease)
    await move(site, site.grid, empty)
    assert not [key for key in await created(empty) if login.hash in key]


async def test_a_target_with_something_in_it_is_refused_before_the_source_is_marked(
    site: Founded, empty: EmbeddedGrid
) -> None:
    await empty.txn((), [Put("/p/v1/site/slot/a/0", b"x")])
    with pytest.raises(Refused) as refused:
        await move(site, site.grid, empty)
    assert refused.value.code == "grid_not_empty"
    assert await refusal(site, site.grid) is None


async def test_a_copy_that_holds_the_same_site_unmarked_is_refused(
    site: Founded, empty: EmbeddedGrid
) -> None:
    await move(site, site.grid, empty)
    await cancel(site.grid, site.key)
    with pytest.raises(Refused) as refused:
        await move(site, site.grid, empty)
    assert refused.value.code == "grid_not_empty" and await refusal(site, site.grid) is None


async def test_a_broker_that_lives_stops_the_move_and_the_site_stays(
    site: Founded, empty: EmbeddedGrid
) -> None:
    await site.put("site", ("live", "broker", "a" * 16), {"address": "127.0.0.1:1"})
    with pytest.raises(Refused) as refused:
        await move(site, site.grid, empty)
    assert refused.value.code == "brokers_run" and await refusal(site, site.grid) is None
    assert not (await empty.range(keys.ROOT)).items


async def test_a_grid_without_a_site_is_none_to_move(
    site: Founded, empty: EmbeddedGrid, tmp_path: Path
) -> None:
    other = await EmbeddedGrid.open(tmp_path / "third.sqlite")
    with pytest.raises(Unavailable, match="no site"):
        await move(site, other, empty)
    await other.close()


async def test_a_move_that_is_done_is_not_done_again_elsewhere(
    site: Founded, empty: EmbeddedGrid, tmp_path: Path
) -> None:
    await move(site, site.grid, empty)
    third = await EmbeddedGrid.open(tmp_path / "third.sqlite")
    with pytest.raises(Unavailable) as refused:
        await move(site, site.grid, third, (HERE, "etcds://b:2379"))
    assert refused.value.code == "site_moved" and not (await third.range(keys.ROOT)).items
    await third.close()


async def test_a_cancelled_move_leaves_the_site_where_it_was(site: Founded, empty: EmbeddedGrid) -> None:
    before = await records_of(site.grid, site.key)
    tapped = TappedGrid(empty)
    stop_after(tapped, 3)
    with pytest.raises(GridUnavailable):
        await move(site, site.grid, tapped)
    assert await cancel(site.grid, site.key) and not await cancel(site.grid, site.key)
    assert await records_of(site.grid, site.key) == before
    assert await has_site(site, site.grid) and not await has_site(site, empty)


async def test_a_copy_that_differs_is_not_made_a_site(
    site: Founded, empty: EmbeddedGrid, monkeypatch: pytest.MonkeyPatch
) -> None:
    tapped = TappedGrid(empty)
    txn = tapped.txn

    async def altering(compares: object, then: list[object], *rest: object) -> object:
        changed = [
            replace(each, value=each.value[:-1] + b"?")
            if isinstance(each, Put) and "/user/" in each.key
            else each
            for each in then
        ]
        return await txn(compares, changed, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(tapped, "txn", altering)
    with pytest.raises(Unavailable) as refused:
        await move(site, site.grid, tapped)
    assert refused.value.code == "site_incomplete" and not await has_site(site, empty)


def test_an_order_that_differs_is_seen() -> None:
    assert _same_order([(1, 5), (2, 6), (2, 7), (9, 8)]) and _same_order([])
    assert not _same_order([(1, 5), (2, 5)]) and not _same_order([(1, 6), (2, 5)])
