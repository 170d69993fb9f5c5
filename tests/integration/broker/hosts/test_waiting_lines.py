"""A host is asked to start no more at once than it said; who waits is told where, in the order in which they came."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from portcullis.model.session import Session
from portcullis.protocol.orders import Order
from tests.support.agent_channel import TestAgent
from tests.support.running_broker import RunningBroker, running_broker


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[RunningBroker]:
    async with running_broker(tmp_path) as site:
        yield site


async def launched(site: RunningBroker, count: int) -> list[Session]:
    return [await site.launch(await site.publish(f"App {number}")) for number in range(count)]


async def ordered(agent: TestAgent, *sessions: Session) -> dict[str, Order]:
    """Wait until exactly these are ordered."""
    wanted = {session.id for session in sessions}
    orders = await agent.orders(lambda orders: {order.session for order in orders} == wanted)
    return {order.session: order for order in orders}


def positions(site: RunningBroker, *sessions: Session) -> list[int | None]:
    return [site.parts.lines.position(session.host_id, session.id) for session in sessions]


async def test_only_as_many_as_the_host_starts_at_once_are_ordered_the_oldest_first(
    site: RunningBroker,
) -> None:
    async with site.agent(starting_limit=2) as agent:
        a, b, c, d = await launched(site, 4)
        orders = await ordered(agent, a, b)
        assert positions(site, a, b, c, d) == [None, None, 1, 2]
        await agent.report(orders[a.id], "starting", "accepted")
        await agent.orders(lambda orders: any(order.state == "starting" for order in orders))
        assert positions(site, a, b, c, d) == [None, None, 1, 2]
        await agent.report(orders[a.id], "ready", "ready")
        await ordered(agent, a, b, c)
        assert positions(site, c, d) == [None, 1]
        await agent.report(orders[b.id], "ended", "accepted", "display_failed")
        await ordered(agent, a, c, d)


async def test_who_leaves_the_line_is_ended_and_the_others_move_up(site: RunningBroker) -> None:
    async with site.agent(starting_limit=1) as agent:
        a, b, c = await launched(site, 3)
        await ordered(agent, a)
        await site.parts.lifecycle.log_off(site.tenant, b.id)
        orders = await ordered(agent, a, b)
        assert orders[b.id].state == "ending"
        assert positions(site, c) == [1]
        await agent.report(orders[b.id], "ended", "placed")
        await ordered(agent, a)
        assert site.parts.sessions.get(site.tenant, b.id) is None


async def test_a_host_that_comes_back_with_another_limit_is_ordered_accordingly(site: RunningBroker) -> None:
    async with site.agent(starting_limit=1) as agent:
        a, b, c = await launched(site, 3)
        await ordered(agent, a)
        assert positions(site, b, c) == [1, 2]
    async with site.agent(starting_limit=2) as agent:
        await ordered(agent, a, b)
        assert positions(site, c) == [1]


async def test_an_agent_that_says_no_limit_starts_four(site: RunningBroker) -> None:
    async with site.agent() as agent:
        sessions = await launched(site, 5)
        await ordered(agent, *sessions[:4])
        assert positions(site, *sessions) == [None] * 4 + [1]


async def test_the_trace_of_a_launch_that_waited_tells_its_place(site: RunningBroker) -> None:
    async with site.agent(starting_limit=1) as agent:
        a, b, c = await launched(site, 3)
        await ordered(agent, a)
        assert [step["detail"] for step in b.trace if step["step"] == "queue"] == [
            "1st in line on h1, which starts 1 at once"
        ]
        assert [step["detail"][:11] for step in c.trace if step["step"] == "queue"] == ["2nd in line"]
        assert not [step for step in a.trace if step["step"] == "queue"]
