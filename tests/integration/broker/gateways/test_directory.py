"""Gateways are live for as long as they call; revoked and silent ones are not in the directory of agents."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from broker.gateways.directory import GatewayDirectory
from broker.repositories.gateways import Gateways
from portcullis.model.host import Gateway
from portcullis.protocol.directory import GatewayEntry
from tests.support.broker_grid import SmallSite, small_site

ONE = Gateway("0000000000000a01", "one", "10.0.0.1:9443", "https://one.example")
TWO = Gateway("0000000000000a02", "two", "10.0.0.2:9443", "https://two.example")


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[SmallSite]:
    async with small_site(tmp_path) as site:
        for gateway in (ONE, TWO):
            await site.put("site", ("gateway", gateway.id), gateway.to_json())
        yield site


def directory(site: SmallSite) -> GatewayDirectory:
    return GatewayDirectory(Gateways(site.stores, site.snapshot), site.keys, site.snapshot)


def listed(site: SmallSite) -> list[str]:
    return [entry.name for entry in directory(site).for_agents().gateways]


async def test_a_gateway_is_listed_once_it_called(site: SmallSite) -> None:
    assert listed(site) == []
    await directory(site).seen(ONE.id)
    assert directory(site).for_agents().gateways == (GatewayEntry("one", "10.0.0.1:9443"),)


async def test_calling_again_keeps_the_lease_and_writes_nothing(site: SmallSite) -> None:
    await directory(site).seen(ONE.id)
    before = (await site.grid.range("/p/v1/")).revision
    await directory(site).seen(ONE.id)
    assert (await site.grid.range("/p/v1/")).revision == before


async def test_a_gateway_that_fell_silent_is_gone_and_comes_back_with_its_next_call(site: SmallSite) -> None:
    await directory(site).seen(ONE.id)
    (record,) = await site.records("site", "live", "gateway")
    await site.grid.revoke(record.lease)  # what its expiry does
    assert await site.snapshot.until((await site.grid.range("/p/v1/")).revision)
    assert listed(site) == []
    await directory(site).seen(ONE.id)
    assert listed(site) == ["one"]


async def test_a_revoked_gateway_is_not_listed_though_it_lives(site: SmallSite) -> None:
    for gateway in (TWO, ONE):
        await directory(site).seen(gateway.id)
    assert listed(site) == ["one", "two"]
    await site.put("site", ("gateway", ONE.id), replace(ONE, revoked=True).to_json())
    assert listed(site) == ["two"]
