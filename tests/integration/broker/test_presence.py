"""A broker's live record: there while it serves, back when it was lost, gone when it stops."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from broker import presence as presence_module
from broker.presence import Presence
from portcullis.settings import Address
from tests.support.broker_grid import SmallSite, small_site
from tests.support.patience import patient

ADDRESS = Address("127.0.0.1", 8444)


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[SmallSite]:
    async with small_site(tmp_path) as site:
        yield site


def presence(site: SmallSite, broker_id: str) -> Presence:
    return Presence(site.stores, site.snapshot, site.clock, broker_id, "1")


async def brokers(site: SmallSite) -> dict[str, str]:
    return {r.path[2]: r.value["address"] for r in await site.records("site", "live", "broker")}


async def test_a_broker_is_there_from_start_to_stop(site: SmallSite) -> None:
    ours = presence(site, "1" * 16)
    await ours.start(ADDRESS)
    assert await brokers(site) == {"1" * 16: str(ADDRESS)}
    (record,) = await site.records("site", "live", "broker")
    assert record.lease != 0
    await ours.stop()
    assert await brokers(site) == {}


async def test_what_a_killed_broker_of_the_same_address_left_is_removed(site: SmallSite) -> None:
    killed, other, ours = (presence(site, digit * 16) for digit in "123")
    await killed.start(ADDRESS)
    await other.start(Address("127.0.0.2", 8444))
    await ours.start(ADDRESS)
    assert await brokers(site) == {"2" * 16: "127.0.0.2:8444", "3" * 16: str(ADDRESS)}
    for each in (killed, other, ours):
        await each.stop()


async def test_a_lease_that_was_lost_is_made_anew(site: SmallSite, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(presence_module, "KEEP_ALIVE_SECONDS", 0.01)
    ours, back = presence(site, "1" * 16), asyncio.Event()
    await ours.start(ADDRESS)
    (record,) = await site.records("site", "live", "broker")
    site.snapshot.subscribe(
        lambda change: back.set() if change.path[:2] == ("live", "broker") and change.record else None
    )
    await site.grid.revoke(record.lease)
    async with asyncio.timeout(patient(10)):
        await back.wait()
    assert await brokers(site) == {"1" * 16: str(ADDRESS)}
    await ours.stop()
