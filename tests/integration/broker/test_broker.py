"""The whole broker over its real TLS listener: an agent, a gateway and a session from launch to nothing left."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from broker.__main__ import serve_until
from broker.grid.embedded import EmbeddedGrid
from broker.grid.grid import GridUnavailable
from portcullis.errors import Refused, Unavailable
from portcullis.protocol.directory import Directory
from portcullis.protocol.orders import Desired
from portcullis.tickets import verify_grant, verifying_keys
from tests.support.patience import patient
from tests.support.running_broker import CLIENT_KEY, RunningBroker, running_broker


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[RunningBroker]:
    async with running_broker(tmp_path) as site:
        yield site


async def test_a_broker_whose_grid_cannot_be_written_any_more_gives_up(
    site: RunningBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would answer its health check and refuse everything else for ever."""

    def fail(*_: object) -> None:
        raise sqlite3.OperationalError("disk I/O error")

    grid = site.broker._grid
    assert isinstance(grid, EmbeddedGrid)
    monkeypatch.setattr(grid._disk, "commit", fail)
    with pytest.raises(GridUnavailable):
        await grid.lease(10)
    async with asyncio.timeout(patient(10)):
        with pytest.raises(Unavailable, match="cannot be written: disk I/O error"):
            await serve_until(asyncio.Event(), site.broker)


async def test_a_session_from_launch_to_nothing_left(site: RunningBroker) -> None:
    application = await site.publish()
    login = await site.sign_in()
    async with site.agent() as agent:
        session = await site.launch(application)
        (order,) = await agent.orders(lambda orders: len(orders) == 1)
        assert (order.session, order.state, order.command) == (session.id, "pending", ("mousepad",))
        stages = site.parts.stages.follow(site.tenant, session.id)
        assert (await anext(stages)).stage == "placed"
        with pytest.raises(Refused, match="session_not_ready"):
            await site.parts.attach.issue_ticket(login, session.id)
        for stage in ("accepted", "display", "application", "window"):
            await agent.report(order, "starting", stage)
            assert (await anext(stages)).stage == stage
        await agent.report(order, "ready", "ready")
        assert [(await anext(stages)).stage, (await anext(stages)).kind] == ["ready", "ready"]

        ticket = await site.parts.attach.issue_ticket(login, session.id)
        status, redeemed = await site.redeem(ticket.text)
        assert status == 200
        assert (redeemed["session"], redeemed["tenant"], redeemed["host"]) == (
            session.id,
            site.tenant,
            site.host.id,
        )
        assert agent.welcome is not None
        keys = verifying_keys(agent.welcome.directory.grant_keys)
        grant = verify_grant(redeemed["grant"], keys, login.created)
        assert (grant.session, grant.e, grant.client_key) == (session.id, 1, CLIENT_KEY)
        renewed = verify_grant(await site.parts.attach.renew(login, session.id, 1), keys, login.created)
        assert (renewed.e, renewed.login) == (1, login.hash)

        await agent.report(order, "active", "ready")
        await site.parts.lifecycle.log_off(site.tenant, session.id)
        await agent.orders(lambda orders: [order.state for order in orders] == ["ending"])
        assert await site.keys_left("ticket", "trace") == set()
        await agent.report(order, "ended", "ready")
        await agent.orders(lambda orders: orders == ())
    assert await site.keys_left("session", "slot", "own", "ticket", "trace") == set()


async def test_a_failed_start_is_told_with_its_code_and_explained_by_its_reference(
    site: RunningBroker,
) -> None:
    application = await site.publish(command=("no-such-command",))
    async with site.agent() as agent:
        session = await site.launch(application)
        (order,) = await agent.orders(lambda orders: len(orders) == 1)
        await agent.report(order, "starting", "display")
        detail = "no-such-command: not found"
        await agent.report(order, "ended", "display", "application_missing", detail)
        events = [event async for event in site.parts.stages.follow(site.tenant, session.id)]
        assert (events[-1].kind, events[-1].code) == ("failed", "application_missing")
        assert events[-1].reference == session.reference
        late = [event async for event in site.parts.stages.follow(site.tenant, session.id)]
        assert late == [events[-1]]
    trace = await site.parts.traces.get(site.tenant, session.reference)
    assert trace is not None
    assert trace.steps[0].step == "user"
    assert detail in trace.steps[-1].detail
    assert await site.keys_left("session", "slot", "own") == set()


async def test_a_returning_agent_gets_all_its_orders_again(site: RunningBroker) -> None:
    application = await site.publish()
    async with site.agent() as agent:
        session = await site.launch(application)
        (order,) = await agent.orders(lambda orders: len(orders) == 1)
        await agent.report(order, "ready", "ready")
        await agent.orders(lambda orders: orders[0].state == "ready")
    async with site.agent() as agent:
        (order,) = await agent.orders(lambda orders: len(orders) == 1)
        assert (order.session, order.state) == (session.id, "ready")


async def test_a_gateway_that_calls_appears_in_the_directory_of_agents(site: RunningBroker) -> None:
    async with site.agent() as agent:
        assert agent.welcome is not None and agent.welcome.directory.gateways == ()
        status, told = await site.call("GET", "/inner/v1/gateway")
        directory = await agent.expect(Directory)
    assert status == 200
    assert [(entry.name, entry.address) for entry in directory.gateways] == [("gw", "127.0.0.1:9443")]
    assert told["grant_keys"] == dict(directory.grant_keys)
    assert told["brokers"] == [str(site.broker.address)]
    assert told["public_origins"] == ["http://localhost:8080"]


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("POST", "/inner/v1/redeem", "gateway"),
        ("GET", "/inner/v1/gateway", "gateway"),
        ("GET", "/control", "host"),
        ("GET", "/api/v1/login", "gateway"),
    ],
)
async def test_each_route_serves_one_role_alone(
    site: RunningBroker, method: str, path: str, allowed: str
) -> None:
    for caller in {"gateway", "host", "stranger"} - {allowed}:
        status, answer = await site.call(
            method, path, {"ticket": "x"} if method == "POST" else None, as_=caller
        )
        assert (status, answer["error"]["code"]) == (401, "certificate_refused")
    status, _ = await site.call(method, path, {"ticket": "x"} if method == "POST" else None, as_=allowed)
    assert status != 404


async def test_a_revoked_machine_is_cut_and_refused(site: RunningBroker) -> None:
    async with site.agent() as agent:
        await agent.expect(Desired)
        record = site.parts.snapshot.get("site", ("host", site.host.id))
        assert record is not None
        store = site.parts.stores.site
        revoked = {**record.value, "revoked": True}
        await site.parts.stores.commit(store.put(("host", site.host.id), revoked))
        assert await agent.closed() == 4403
    status, _ = await site.call("GET", "/control", as_="host")
    assert status == 401


async def test_health_is_for_anyone(site: RunningBroker) -> None:
    assert await site.call("GET", "/healthz", as_="stranger") == (200, {"status": "ok"})


async def test_sixteen_redeems_of_one_ticket_at_once_give_exactly_one_grant(site: RunningBroker) -> None:
    application, login = await site.publish(), await site.sign_in()
    async with site.agent() as agent:
        session = await site.launch(application)
        (order,) = await agent.orders(lambda orders: len(orders) == 1)
        await agent.report(order, "ready", "ready")
        await agent.orders(lambda orders: orders[0].state == "ready")
        ticket = await site.parts.attach.issue_ticket(login, session.id)
        answers = await asyncio.gather(*(site.redeem(ticket.text) for _ in range(16)))
    assert sorted(status for status, _ in answers) == [200] + [401] * 15
    stored = site.parts.sessions.get(site.tenant, session.id)
    assert stored is not None and stored.e == 1


async def test_a_stopped_broker_leaves_its_channel_orderly_and_starts_again_with_everything(
    site: RunningBroker,
) -> None:
    application = await site.publish()
    agent = site.agent()
    await agent.connect()
    session = await site.launch(application)
    await agent.orders(lambda orders: len(orders) == 1)
    code, _ = await asyncio.gather(agent.closed(), site.broker.stop())
    assert code == 1001
    await agent.close()
    await site.broker.start()
    assert site.parts.sessions.get(site.tenant, session.id) == session
    async with site.agent() as agent:
        (order,) = await agent.orders(lambda orders: len(orders) == 1)
    assert order.session == session.id
