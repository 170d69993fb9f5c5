"""Any broker serves any request: what one began another goes on with, over a real etcd, and hosts move between them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from pathlib import Path

import pytest

from broker.hosts.loads import HostLoad
from broker.peers import exchange
from portcullis.protocol.directory import Directory
from portcullis.protocol.reports import Report
from tests.support.etcd import EtcdCluster
from tests.support.patience import until
from tests.support.running_broker import RunningBroker
from tests.support.several_brokers import several_brokers

SECONDS = 20.0


@pytest.fixture
async def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Sequence[RunningBroker]]:
    monkeypatch.setattr(exchange, "PERIOD_SECONDS", 0.05)
    async with (
        EtcdCluster(tmp_path / "etcd", size=1) as etcd,
        several_brokers(tmp_path, 4, etcd.choice(tmp_path / "broker")) as brokers,
    ):
        yield brokers


async def test_a_launch_goes_on_at_whichever_broker_is_asked_next(site: Sequence[RunningBroker]) -> None:
    """Launched at one, begun by a host of the second, followed at the third, redeemed at the fourth."""
    first, second, third, fourth = site
    application, login = await first.publish(), await second.sign_in()
    async with second.agent() as agent:
        await until(lambda: first.parts.hosts.is_live(first.host.id))
        session = await first.launch(application)
        (order,) = await agent.orders(lambda orders: len(orders) == 1)
        assert await third.parts.snapshot.until(first.parts.snapshot.revision, SECONDS)
        told = []
        async with aclosing(third.parts.stages.follow(first.tenant, session.id)) as events:
            for state, stage in (("starting", "accepted"), ("starting", "window"), ("ready", "ready")):
                await agent.report(order, state, stage)  # type: ignore[arg-type]
            async for event in events:
                told.append(event.kind if event.kind != "stage" else event.stage)
        assert told[-1] == "ready" and told[:2] == ["placed", "accepted"]
        ticket = await third.parts.attach.issue_ticket(login, session.id)
        status, redeemed = await fourth.redeem(ticket.text)
        assert status == 200 and redeemed["session"] == session.id
        assert (await first.redeem(ticket.text))[0] == 401  # once, wherever
        await until(lambda: first.parts.sessions.get(first.tenant, session.id).e == 1)  # type: ignore[union-attr]
        await first.parts.attach.renew(login, session.id, 1)
        await first.parts.lifecycle.log_off(first.tenant, session.id)
        (ending,) = await agent.orders(lambda orders: bool(orders) and orders[0].state == "ending")
        await agent.report(ending, "ended", "ready")
        await agent.orders(lambda orders: orders == ())


async def test_one_click_at_two_brokers_makes_one_session(site: Sequence[RunningBroker]) -> None:
    first, second, third, _ = site
    application = await first.publish()
    async with third.agent():
        for each in (first, second):
            await until(lambda each=each: each.parts.hosts.is_live(each.host.id))  # type: ignore[misc]
            assert await each.parts.snapshot.until(third.parts.snapshot.revision, SECONDS)
        one, other = await asyncio.gather(first.launch(application), second.launch(application))
        assert one.id == other.id


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
async def test_a_host_that_comes_to_another_broker_goes_on_there_and_never_counts_as_gone(
    site: Sequence[RunningBroker], order: tuple[int, int]
) -> None:
    here, there = site[order[0]], site[order[1]]
    application = await here.publish()
    gone = []
    there.parts.snapshot.subscribe(
        lambda change: (
            gone.append(change) if change.path[:2] == ("live", "host") and not change.record else None
        )
    )
    async with here.agent() as before:
        session = await here.launch(application)
        (first,) = await before.orders(lambda orders: len(orders) == 1)
        await before.report(first, "ready", "ready")
        await before.orders(lambda orders: orders[0].state == "ready")
        agent = there.agent()
        await agent.connect(Report(session.id, here.tenant, "ready", "ready"))
        assert await before.closed() == 4409  # the first broker hears of the second through the grid
        await agent.orders(lambda orders: [one.session for one in orders] == [session.id])
        live = there.parts.hosts.live(there.host.id)
        assert live is not None and live.broker_id == there.parts.presence.me.id
        await agent.close()
    assert gone == []


async def test_loads_of_hosts_reach_every_broker(site: Sequence[RunningBroker]) -> None:
    async with site[0].agent() as agent:
        await agent.heartbeat(0.75)
        for each in site:
            await until(lambda each=each: each.parts.loads.get(each.host.id) is not None)  # type: ignore[misc]
            assert each.parts.loads.get(each.host.id) == HostLoad(0.75, 2**30)


async def test_a_session_without_a_record_is_known_to_every_broker(site: Sequence[RunningBroker]) -> None:
    agent = site[0].agent()
    await agent.connect(Report("00000000000000ff", site[0].tenant, "active", "ready"))
    await until(lambda: [o.session for o in site[2].parts.exchange.orphans()] == ["00000000000000ff"])
    await agent.close()


async def test_agents_are_told_of_brokers_that_come_and_go(site: Sequence[RunningBroker]) -> None:
    async with site[0].agent() as agent:
        assert agent.welcome is not None
        assert set(agent.welcome.directory.brokers) == {str(each.broker.address) for each in site}
        await site[3].broker.stop()
        await agent.expect(Directory, lambda told: str(site[3].broker.address) not in told.brokers)


async def test_a_broker_that_drains_sends_its_hosts_to_the_others_and_takes_no_more(
    site: Sequence[RunningBroker],
) -> None:
    first, second, *_ = site
    async with first.agent() as agent:
        await second.parts.drains.broker(first.parts.presence.me.id, True, "test")
        assert await agent.closed() == 1012
    again = first.agent()
    await again.dial()
    assert await again.closed() == 1012
    await again.close()
    async with second.agent() as agent:
        assert agent.welcome is not None
        assert str(first.broker.address) not in agent.welcome.directory.brokers
        await second.parts.drains.broker(first.parts.presence.me.id, False, "test")
        await agent.expect(Directory, lambda told: str(first.broker.address) in told.brokers)
    async with first.agent():
        pass


async def test_one_broker_reaps_and_another_one_does_when_it_drains(
    site: Sequence[RunningBroker],
) -> None:
    def holders() -> list[RunningBroker]:
        return [each for each in site if each.parts.reaper.is_held]

    await until(lambda: len(holders()) == 1)
    (holder,) = holders()
    await holder.parts.drains.broker(holder.parts.presence.me.id, True, "test")
    for each in site:
        await each.parts.reaper.round()
    assert not holder.parts.reaper.is_held
    await until(lambda: len(holders()) == 1)
