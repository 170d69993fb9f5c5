"""Data keys change while two brokers read and write: nothing is ever unreadable, and the old key opens nothing then."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest

from broker.backup.vault import Vault
from broker.grid import keys
from broker.grid.grid import GridUnavailable
from broker.grid.scopes import Record, Stores
from broker.grid.seal import Seal, SealBroken
from broker.pki.change import KeyChange
from broker.snapshot import Snapshot
from broker.tenants import data_keys
from broker.tenants.data_keys import KEPT_SECONDS, SETTLED_SECONDS, DataKeys, look
from portcullis.clock import SystemClock
from tests.integration.broker.backup.test_restore import stop_after
from tests.support.broker_grid import SettableClock
from tests.support.founded_site import Founded, records_of
from tests.support.grid_tap import TappedGrid


@dataclass
class TwoBrokers:
    site: Founded
    clock: SettableClock
    stores: tuple[Stores, Stores]
    snapshots: tuple[Snapshot, Snapshot]

    async def step(self, seconds: float = SETTLED_SECONDS) -> KeyChange | None:
        """A round of the job by the first, later; how far it is as the second sees it."""
        self.clock.passed += seconds
        fence = self.stores[0].site.present(("meta",))
        await DataKeys(self.stores[0], self.snapshots[0]).round(fence)
        await self.seen()
        return look(self.snapshots[1])

    async def seen(self) -> None:
        revision = (await self.site.grid.range("/p/v1/site/meta")).revision
        for snapshot in self.snapshots:
            assert await snapshot.until(revision, 10)

    async def write(self, number: int, name: str) -> None:
        tenant = await self.stores[number].tenant(self.site.tenant)
        assert (await self.stores[number].commit(tenant.put(("label", "id", name), {"by": number}))).succeeded

    def value(self) -> dict[str, Any]:
        record = self.snapshots[0].get("site", ("key", "tenant", self.site.tenant))
        assert record is not None
        return record.value

    async def under(self, key: str) -> list[str]:
        """What of the tenant lies under this data key."""
        seal = Seal(base64.b64decode(key))
        items = (await self.site.grid.range(keys.prefix(self.site.tenant))).items
        return [item.key for item in items if _opens(seal, item)]


def _opens(seal: Seal, item: Any) -> bool:
    try:
        seal.open(item.key, item.value)
    except SealBroken:
        return False
    return True


@pytest.fixture
async def two(site: Founded, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[TwoBrokers]:
    monkeypatch.setattr(data_keys, "PAUSE_SECONDS", 0.0)
    monkeypatch.setattr(data_keys, "AT_ONCE", 2)
    clock = SettableClock()
    clock.wall = SystemClock().now()
    stores = Stores(site.grid, site.key, clock), Stores(site.grid, site.key, clock)
    snapshots = Snapshot(stores[0]), Snapshot(stores[1])
    for snapshot in snapshots:
        await snapshot.start()
    yield TwoBrokers(site, clock, stores, snapshots)
    for snapshot in snapshots:
        await snapshot.stop()


async def test_nothing_is_unreadable_at_any_step_and_the_old_key_opens_nothing_in_the_end(
    two: TwoBrokers, caplog: pytest.LogCaptureFixture
) -> None:
    _, login = await two.site.add_what_passes()
    before = await records_of(two.site.grid, two.site.key)
    old = two.value()["data_key"]
    assert await data_keys.begin(two.stores[0]) == 1 and await data_keys.begin(two.stores[0]) == 0
    for phase in ("coming", "sealing", "kept"):
        await two.seen()
        now = look(two.snapshots[1])
        assert now is not None and (now.phase, now.tenants) == (phase, 1)
        for number in (0, 1):
            await two.write(number, f"{phase}-{number}")
        assert before.keys() <= (await records_of(two.site.grid, two.site.key)).keys()
        await two.step()
    new = two.value()["data_key"]
    assert new != old and await two.under(old) == []
    assert await two.step(KEPT_SECONDS) is None
    assert set(two.value()) == {"data_key"}

    after = await records_of(two.site.grid, two.site.key)
    assert {key: after[key] for key in before if "/key/tenant/" not in key} == {
        key: value for key, value in before.items() if "/key/tenant/" not in key
    }
    assert len([key for key in after if "/label/id/" in key and "/history/" not in key]) == 6
    item = await two.site.grid.get(keys.key(two.site.tenant, ("login", login.hash)))
    assert item is not None and item.lease
    for snapshot in two.snapshots:
        assert len(snapshot.list(two.site.tenant, "user")) == 2
    assert "ignored" not in caplog.text


async def test_what_is_written_under_the_old_key_late_is_found_before_that_is_destroyed(
    two: TwoBrokers,
) -> None:
    await data_keys.begin(two.stores[0])
    old = two.value()["data_key"]
    frozen = await Stores(two.site.grid, two.site.key).tenant(two.site.tenant)
    thawed = frozen.put(("label", "id", "late"), {"by": "a broker that was frozen"})
    await two.seen()
    for _ in range(2):
        await two.step()
    await two.stores[0].commit(thawed)
    assert len(await two.under(old)) == 2  # and its history
    kept = await two.step(KEPT_SECONDS)
    assert kept is not None and kept.phase == "kept"  # it is looked through again first
    assert await two.step() is None
    tenant = await two.stores[1].tenant(two.site.tenant)
    found = await tenant.get(("label", "id", "late"))
    assert isinstance(found, Record) and found.value["by"] == "a broker that was frozen"


async def test_an_older_broker_holds_it_up(two: TwoBrokers) -> None:
    await two.site.put("site", ("live", "broker", "c" * 16), {"name": "b-old", "address": "127.0.0.1:1"})
    await data_keys.begin(two.stores[0])
    await two.seen()
    assert await two.step() == KeyChange("coming", 1, ("b-old",))


async def test_a_backup_of_the_middle_opens(two: TwoBrokers) -> None:
    await data_keys.begin(two.stores[0])
    await two.seen()
    await two.step()
    await two.write(0, "new")
    items = (await two.site.grid.range(keys.ROOT)).items
    vault = Vault.of(two.site.key, items)
    assert len([vault.open(item) for item in items]) == len(items)


@pytest.mark.parametrize("answers", [3, 4, 6])
async def test_it_goes_on_where_it_was_interrupted(two: TwoBrokers, answers: int) -> None:
    await data_keys.begin(two.stores[0])
    await two.seen()
    old = two.value()["data_key"]
    await two.step()
    tapped = TappedGrid(two.site.grid)
    stop_after(tapped, answers)
    broken = Stores(tapped, two.site.key, two.clock)
    two.clock.passed += SETTLED_SECONDS
    with pytest.raises(GridUnavailable):
        await DataKeys(broken, two.snapshots[0]).round(broken.site.present(("meta",)))
    assert await two.under(old)
    await two.step()
    assert await two.under(old) == []
