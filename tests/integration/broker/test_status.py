"""The state of a real site, as an administrator and as metrics see it, while brokers and hosts come and go."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from broker.live_brokers import LiveBroker
from broker.peers import exchange
from broker.status.findings import findings
from broker.status.measured import MeasuredStatus
from broker.status.picture import Picture
from portcullis.ids import new_id
from portcullis.protocol.reports import Report
from tests.support.patience import patient
from tests.support.running_broker import RunningBroker
from tests.support.several_brokers import several_brokers


@pytest.fixture
async def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Sequence[RunningBroker]]:
    monkeypatch.setattr(exchange, "PERIOD_SECONDS", 0.05)
    async with several_brokers(tmp_path, 2) as brokers:
        yield brokers


async def until(broker: RunningBroker, holds: object) -> Picture:
    async with asyncio.timeout(patient(10)):
        while True:
            picture = await broker.parts.status.picture()
            if holds(picture):  # type: ignore[operator]
                return picture
            await asyncio.sleep(0.02)


def states(picture: Picture) -> dict[str, str]:
    return {broker.name: broker.state for broker in picture.brokers}


def codes(picture: Picture) -> set[str]:
    return {finding.code for finding in findings(picture)}


async def test_every_part_is_shown_by_every_broker(site: Sequence[RunningBroker]) -> None:
    async with site[0].agent() as agent:
        await agent.heartbeat(0.5)
        for each in site:
            picture = await until(each, lambda p: p.hosts[0].load == 0.5 and len(p.brokers) == 2)
            assert states(picture) == {"b1": "serving", "b2": "serving"}
            assert [(host.name, host.state, host.broker) for host in picture.hosts] == [
                ("h1", "online", "b1")
            ]
            assert [(gateway.name, gateway.state) for gateway in picture.gateways] == [("gw", "gone")]
            assert len(picture.members) == 1 and not picture.degraded
            here = [broker.name for broker in picture.brokers if broker.here]
            assert here == [each.parts.presence.me.name]


async def test_a_broker_that_stops_is_not_missed_and_one_that_dies_is_for_a_day(
    site: Sequence[RunningBroker],
) -> None:
    first, second = site
    me = second.parts.presence.me
    await until(first, lambda picture: len(picture.brokers) == 2)
    store = first.parts.stores
    await store.grid.revoke(second.parts.presence.lease)  # what the end of a dead broker's lease does
    await second.parts.exchange.stop()
    first.parts.exchange._heard.clear()
    picture = await until(first, lambda picture: states(picture).get("b2") == "gone")
    assert "broker_gone" in codes(picture)
    known = await store.site.list("broker")
    assert {str(record.value["name"]) for record in known} == {"b1", "b2"}
    assert all(record.lease for record in known)
    await second.parts.presence.stop()
    picture = await until(first, lambda picture: "b2" not in states(picture))
    assert "broker_gone" not in codes(picture)
    assert me.name == "b2"


async def test_a_broker_that_counts_as_live_and_says_nothing_is_silent(site: Sequence[RunningBroker]) -> None:
    frozen = LiveBroker(new_id(), "b3", "127.0.0.1:1", "1")
    parts = site[0].parts
    lease = (await parts.stores.grid.lease(60)).id
    put = parts.stores.site.put(("live", "broker", frozen.id), frozen.to_json(), lease=lease)
    assert await parts.snapshot.until((await parts.stores.commit(put)).revision)
    picture = await until(site[0], lambda picture: "b3" in states(picture))
    assert states(picture)["b3"] == "silent" and "broker_silent" in codes(picture)


async def test_a_broker_of_the_version_before_is_not_taken_for_a_silent_one(
    site: Sequence[RunningBroker],
) -> None:
    """It answers 404, and its record bears no name: it is called by its address."""
    older = LiveBroker(new_id(), "old", str(site[1].broker.address), "0.1")
    parts = site[0].parts
    value = {"address": older.address, "version": older.version, "started": 1.0}
    lease = (await parts.stores.grid.lease(60)).id
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(exchange, "PATH", "/inner/v1/no-such-route")
        put = parts.stores.site.put(("live", "broker", older.id), value, lease=lease)
        assert await parts.snapshot.until((await parts.stores.commit(put)).revision)
        picture = await until(site[0], lambda picture: states(picture).get(older.address) == "serving")
    assert [b.version for b in picture.brokers if b.name == older.address] == ["0.1"]


async def test_a_host_that_is_gone_is_shown_with_what_it_took_along(site: Sequence[RunningBroker]) -> None:
    application = await site[0].publish()
    async with site[0].agent() as agent:
        session = await site[0].launch(application)
        await agent.orders(lambda orders: len(orders) == 1)
        await agent.send(Report(session.id, site[0].tenant, "ready", "ready"))
        await agent.orders(lambda orders: orders[0].state == "ready")
    live = site[0].parts.hosts.live(site[0].host.id)
    assert live is not None
    await site[0].parts.stores.grid.revoke(live.lease)
    picture = await until(site[1], lambda picture: picture.hosts[0].state == "gone")
    (finding,) = [finding for finding in findings(picture) if finding.code == "host_gone"]
    assert "1 session" in finding.what


async def test_a_session_without_a_record_is_told_of_by_a_broker_that_does_not_hold_its_host(
    site: Sequence[RunningBroker],
) -> None:
    agent = site[0].agent()
    await agent.connect(Report("00000000000000ff", site[0].tenant, "active", "ready"))
    picture = await until(site[1], lambda picture: picture.hosts[0].orphans == 1)
    assert "host_orphans" in codes(picture)
    await agent.close()


async def test_metrics_count_what_the_picture_shows(site: Sequence[RunningBroker]) -> None:
    await until(site[0], lambda picture: len(picture.brokers) == 2)
    measured = MeasuredStatus(site[0].parts.status)
    await measured.look()
    assert measured.brokers() == {("serving",): 2, ("draining",): 0, ("silent",): 0, ("gone",): 0}
    assert measured.members() == {("healthy",): 1, ("down",): 0}
    assert measured.findings()["error",] >= 1  # no gateway, no host
