"""The control channel over real mTLS: what it tells, what it refuses, how it ends, and what keeps a host live."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from broker.grid.grid import GridUnavailable
from broker.hosts import announcing, channel, reports
from broker.hosts.channel import ControlChannel
from portcullis.protocol.channel import MAXIMUM_FROM_AGENT_BYTES, SUBPROTOCOL, Cut, encode
from portcullis.protocol.orders import Desired
from portcullis.protocol.reports import Heartbeat, Hello, Report
from tests.support.patience import patient
from tests.support.running_broker import RunningBroker, running_broker

HELLO = Hello("test", 10, "0123456789abcdef")


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[RunningBroker]:
    async with running_broker(tmp_path) as site:
        yield site


async def live_record(site: RunningBroker) -> Any:
    return await site.parts.stores.site.get(("live", "host", site.host.id))


async def test_the_welcome_says_who_the_host_is_and_what_it_has_to_know(site: RunningBroker) -> None:
    async with site.agent() as agent:
        welcome = agent.welcome
        assert welcome is not None
        assert (welcome.host, welcome.host_id) == ("h1", site.host.id)
        assert dict(welcome.directory.grant_keys) == dict(site.host.grant_keys)
        desired = await agent.expect(Desired)
        assert desired.sessions == ()
        assert site.parts.hosts.is_live(site.host.id)


@pytest.mark.parametrize(
    "first",
    [
        "",
        "{}",
        "not json",
        "[" * 5000,
        encode(Heartbeat(0.1, 1)),
        json.dumps({"type": "weather"}),
        json.dumps({**HELLO.to_json(), "slots": 0}),
        json.dumps({**HELLO.to_json(), "incarnation": "x"}),
    ],
)
async def test_a_first_message_that_is_no_hello_closes_the_channel(site: RunningBroker, first: str) -> None:
    agent = site.agent()
    await agent.dial()
    await agent.send_text(first)
    assert await agent.closed() == 1002
    await agent.close()
    assert await live_record(site) is None


@pytest.mark.parametrize("text", ["{", encode(HELLO), json.dumps({"type": "report", "session": "x"})])
async def test_a_malformed_message_closes_the_channel_and_harms_no_other(
    site: RunningBroker, text: str
) -> None:
    async with site.agent() as agent:
        await agent.send_text(text)
        assert await agent.closed() == 1002
    async with site.agent() as agent:
        await agent.expect(Desired)


async def test_a_binary_or_an_oversized_message_closes_the_channel(site: RunningBroker) -> None:
    async with site.agent() as agent:
        assert agent.socket is not None
        await agent.socket.send_bytes(b"{}")
        assert await agent.closed() == 1002
    async with site.agent() as agent:
        await agent.send_text(" " * (MAXIMUM_FROM_AGENT_BYTES + 1))
        assert await agent.closed() in (1006, 1009)
    assert await site.call("GET", "/healthz") == (200, {"status": "ok"})


async def test_messages_of_a_later_version_are_skipped(site: RunningBroker) -> None:
    application = await site.publish()
    async with site.agent() as agent:
        await agent.send_text('{"type": "weather", "sky": "blue"}')
        session = await site.launch(application)
        orders = await agent.orders(lambda orders: len(orders) == 1)
    assert orders[0].session == session.id


async def test_a_silent_channel_is_closed(site: RunningBroker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(channel, "SILENCE_SECONDS", 0.05)
    async with site.agent() as agent:
        assert await agent.closed() == 1001


async def test_a_channel_without_hello_is_closed(
    site: RunningBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(channel, "HELLO_SECONDS", 0.05)
    agent = site.agent()
    await agent.dial()
    assert await agent.closed() == 1001
    await agent.close()


async def test_a_channel_whose_writer_failed_ends_for_its_host_to_come_back(
    site: RunningBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(_: object) -> None:
        raise RuntimeError("a fault of the broker's own")

    monkeypatch.setattr(channel.ControlChannel, "_send_due", fail)
    async with site.agent() as agent:
        assert await agent.closed() == 1011


async def test_a_second_channel_of_the_host_replaces_the_first(site: RunningBroker) -> None:
    application = await site.publish()
    async with site.agent() as first, site.agent() as second:
        assert await first.closed() == 4409
        session = await site.launch(application)
        orders = await second.orders(lambda orders: len(orders) == 1)
        assert orders[0].session == session.id
        await second.heartbeat(0.5)
        await second.send(Report(session.id, site.tenant, "starting", "accepted"))
        await second.orders(lambda orders: orders[0].state == "starting")
        load = site.parts.loads.get(site.host.id)
        assert load is not None and load.cpu == 0.5


async def test_another_subprotocol_is_refused_before_the_upgrade(site: RunningBroker) -> None:
    async with aiohttp.ClientSession() as http:
        with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
            await http.ws_connect(
                f"https://{site.broker.address}/control", ssl=site.context("host"), protocols=("other",)
            )
    assert caught.value.status == 400


async def test_the_next_channel_carries_the_lease_on_and_the_host_never_goes_offline(
    site: RunningBroker,
) -> None:
    offline: list[object] = []

    def notice(change: Any) -> None:
        if change.path == ("live", "host", site.host.id) and change.record is None:
            offline.append(change)

    site.parts.snapshot.subscribe(notice)
    async with site.agent():
        first = await live_record(site)
    async with site.agent():
        second = await live_record(site)
    assert first.lease == second.lease == second.value["lease"]
    assert first.create_revision == second.create_revision
    assert first.value["incarnation"] != second.value["incarnation"]
    assert offline == []


async def test_a_heartbeat_after_the_lease_ended_makes_the_host_live_again(site: RunningBroker) -> None:
    back = asyncio.Event()

    def notice(change: Any) -> None:
        if change.path == ("live", "host", site.host.id) and change.record and not change.previous:
            back.set()

    async with site.agent() as agent:
        record = await live_record(site)
        await site.parts.stores.grid.revoke(record.lease)
        site.parts.snapshot.subscribe(notice)
        await agent.heartbeat()
        async with asyncio.timeout(patient(10)):
            await back.wait()
        assert (await live_record(site)).lease != record.lease


async def test_the_number_of_slots_follows_the_hosts_own_settings(site: RunningBroker) -> None:
    async with site.agent(slots=3):
        host = site.parts.hosts.get(site.host.id)
        assert host is not None and host.slots == 3
    history = await site.parts.stores.site.list("history", "host", site.host.id)
    assert len(history) == 2


async def test_a_host_without_walls_is_known_as_such_until_it_says_otherwise(site: RunningBroker) -> None:
    async with site.agent(isolation="none"):
        pass
    host = site.parts.hosts.get(site.host.id)
    assert host is not None and host.isolation == "none"
    async with site.agent():
        host = site.parts.hosts.get(site.host.id)
        assert host is not None and host.isolation == "accounts"


async def test_an_orphan_is_told_to_the_administrators_and_kept(
    site: RunningBroker, caplog: pytest.LogCaptureFixture
) -> None:
    application = await site.publish()
    orphan = Report("00000000000000ff", site.tenant, "active", "ready")
    caplog.set_level(logging.WARNING)
    agent = site.agent()
    await agent.connect(orphan)
    await agent.send(orphan)
    await site.launch(application)
    orders = await agent.orders(lambda orders: len(orders) == 1)
    await agent.close()
    assert orphan.session not in {order.session for order in orders}
    assert [r.getMessage() for r in caplog.records].count("host runs a session without a record") == 1


async def test_a_host_that_makes_up_sessions_without_end_loses_its_channel(
    site: RunningBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(channel, "MAXIMUM_REPORTS", 3)
    async with site.agent() as agent:
        for number in range(4):
            await agent.send(Report(f"{number:016x}", site.tenant, "active", "ready"))
        assert await agent.closed() == channel.MALFORMED


async def test_reports_wait_in_no_greater_number_than_a_host_has_sessions(
    site: RunningBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reports, "MAXIMUM_WAITING", 3)
    waits = asyncio.Event()

    async def never(self: object, host_id: str, report: Report) -> bool:
        return await waits.wait()

    monkeypatch.setattr(type(site.parts.lifecycle), "reported", never)
    async with site.agent() as agent:
        for number in range(8):
            await agent.send(Report(f"{number:016x}", site.tenant, "active", "ready"))
        assert await agent.closed() == channel.MALFORMED


async def test_a_session_that_ended_before_its_host_started_it_is_ended_there(site: RunningBroker) -> None:
    """A host that was stopped wakes up with an old order in its buffer and starts what nobody waits for."""
    application = await site.publish()
    async with site.agent() as agent:
        session = await site.launch(application)
        (order,) = await agent.orders(lambda orders: len(orders) == 1)
        await site.parts.lifecycle.reap(session, "it vanished", lambda _: True, [])
        await agent.orders(lambda orders: orders == ())
        await agent.report(order, "starting", "accepted")
        (late,) = await agent.orders(lambda orders: len(orders) == 1)
        assert (late.session, late.state) == (session.id, "ending")
        await agent.report(order, "ended", "accepted")
        await agent.orders(lambda orders: orders == ())


async def test_a_report_against_the_table_is_ignored_and_the_channel_stays(site: RunningBroker) -> None:
    application = await site.publish()
    async with site.agent() as agent:
        await site.launch(application)
        (order,) = await agent.orders(lambda orders: len(orders) == 1)
        await agent.report(order, "active", "ready")
        await agent.orders(lambda orders: orders[0].state == "active")
        await agent.report(order, "starting", "display")
        await agent.report(order, "disconnected", "ready")
        await agent.orders(lambda orders: orders[0].state == "disconnected")


async def test_signing_out_reaches_the_agent_as_a_cut(site: RunningBroker) -> None:
    application, login = await site.publish(), await site.sign_in()
    async with site.agent() as agent:
        await site.launch(application)
        await agent.orders(lambda orders: len(orders) == 1)
        tenant = await site.parts.stores.tenant(site.tenant)
        await site.parts.stores.commit(tenant.delete(("login", login.hash)))
        assert await agent.expect(Cut) == Cut(site.tenant, login.hash, "signed_out")


async def test_a_host_that_was_away_hears_which_logins_are_over(site: RunningBroker) -> None:
    """By the records alone: the broker may have been another one meanwhile."""
    application, login, other = await site.publish(), await site.sign_in(), await site.sign_in()
    async with site.agent() as agent:
        session = await site.launch(application)
        (order,) = await agent.orders(lambda orders: len(orders) == 1)
        await agent.report(order, "ready", "ready")
        await agent.orders(lambda orders: orders[0].state == "ready")
        ticket = await site.parts.attach.issue_ticket(login, session.id)
        await site.parts.attach.redeem(ticket.text)
    tenant = await site.parts.stores.tenant(site.tenant)
    for over in (login, other):
        await site.parts.stores.commit(tenant.delete(("login", over.hash)))
    async with site.agent() as agent:
        assert await agent.expect(Cut) == Cut(site.tenant, login.hash, "signed_out")


async def test_a_gateway_may_not_open_a_control_channel(site: RunningBroker) -> None:
    async with aiohttp.ClientSession() as http:
        with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
            await http.ws_connect(
                f"https://{site.broker.address}/control",
                ssl=site.context("gateway"),
                protocols=(SUBPROTOCOL,),
            )
    assert caught.value.status == 401


async def test_reports_that_the_grid_does_not_take_are_taken_when_it_is_back(
    site: RunningBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A broker without a grid keeps its channels: what is revoked still has to reach the hosts."""
    refused = asyncio.Event()

    async def unavailable(*_: object, **__: object) -> None:
        refused.set()
        raise GridUnavailable("no disk")

    monkeypatch.setattr(reports, "RETRY_SECONDS", 0.01)
    application = await site.publish()
    async with site.agent() as agent:
        await site.launch(application)
        (order,) = await agent.orders(lambda orders: len(orders) == 1)
        with monkeypatch.context() as patch:
            patch.setattr(site.parts.stores, "commit", unavailable)
            await agent.report(order, "starting", "accepted")
            await agent.report(order, "ready", "ready")
            await refused.wait()
        await agent.orders(lambda orders: orders[0].state == "ready")


async def test_a_host_is_served_while_the_grid_takes_no_announcement_and_live_when_it_does(
    site: RunningBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def unavailable(*_: object, **__: object) -> None:
        raise GridUnavailable("no quorum")

    monkeypatch.setattr(channel, "ANNOUNCED_SECONDS", 0.01)
    monkeypatch.setattr(announcing, "RETRY_SECONDS", 0.01)
    live = asyncio.Event()
    site.parts.snapshot.subscribe(
        lambda change: live.set() if change.path == ("live", "host", site.host.id) else None
    )
    with monkeypatch.context() as patch:
        patch.setattr(site.parts.stores, "commit", unavailable)
        agent = site.agent()
        await agent.connect()
        await agent.expect(Desired)
        assert not site.parts.hosts.is_live(site.host.id)
    async with asyncio.timeout(patient(10)):
        await live.wait()
    await agent.close()


async def test_a_channel_ends_when_its_host_is_announced_by_another_broker(site: RunningBroker) -> None:
    async with site.agent() as agent:
        await site.parts.hosts.announce(site.host.id, "1" * 16, "b" * 16, "1")
        assert await agent.closed() == 4409


async def test_a_broker_whose_lease_of_a_host_ended_does_not_take_the_host_back_from_another(
    site: RunningBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other's word may not have arrived here yet."""
    async with site.agent() as agent:
        record = await live_record(site)
        monkeypatch.setattr(ControlChannel, "_is_elsewhere", lambda *_: False)
        await site.parts.stores.grid.revoke(record.lease)
        await site.parts.hosts.announce(site.host.id, "1" * 16, "b" * 16, "1")
        await agent.heartbeat()
        assert await agent.closed() == 4409
        assert (await live_record(site)).value["broker_id"] == "b" * 16


async def test_what_was_ended_while_the_host_was_away_is_forgotten_once_it_comes_back_without_it(
    site: RunningBroker,
) -> None:
    application = await site.publish()
    async with site.agent() as agent:
        session = await site.launch(application)
        await agent.orders(lambda orders: len(orders) == 1)
    await site.parts.lifecycle.reap(session, "it vanished", lambda _: True, [])
    assert await site.keys_left("ended") != set()
    gone = asyncio.Event()
    site.parts.snapshot.subscribe(
        lambda change: gone.set() if change.path[0] == "ended" and change.record is None else None
    )
    async with site.agent(), asyncio.timeout(patient(10)):
        await gone.wait()
    assert await site.keys_left("ended") == set()


async def test_a_session_that_ended_while_its_host_was_away_is_ended_there_by_any_broker(
    site: RunningBroker,
) -> None:
    application = await site.publish()
    async with site.agent() as agent:
        session = await site.launch(application)
        (order,) = await agent.orders(lambda orders: len(orders) == 1)
    await site.parts.lifecycle.reap(session, "it vanished", lambda _: True, [])
    agent = site.agent()
    await agent.connect(Report(session.id, site.tenant, "active", "ready"))
    (late,) = await agent.orders(lambda orders: len(orders) == 1)
    assert (late.session, late.state) == (session.id, "ending")
    await agent.report(order, "ended", "ready")
    await agent.orders(lambda orders: orders == ())
    assert await site.keys_left("ended") == set()
    await agent.close()
