"""Dry runs over a real control channel: an agent that answers, one that does not, and one that answers nonsense."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from broker.hosts import checks
from broker.hosts.answers import BUSY, GONE, LATE, NO_BROKER, OLDER, HostAnswer
from broker.hosts.checks import HostChecks
from broker.hosts.pending import MAXIMUM_PENDING
from portcullis.ids import new_id
from portcullis.protocol.checks import FEATURE, Check, Checked, CheckResult
from portcullis.protocol.orders import Desired
from tests.support.agent_channel import TestAgent
from tests.support.running_broker import RunningBroker, running_broker

THERE = CheckResult("command", "passed", "xterm is there")
FEATURES = frozenset({FEATURE})


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[RunningBroker]:
    async with running_broker(tmp_path) as site:
        yield site


@pytest.fixture
async def agent(site: RunningBroker) -> AsyncIterator[TestAgent]:
    async with site.agent(features=FEATURES) as agent:
        await agent.expect(Desired)
        yield agent


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A loaded machine may take its time: what these tests are about is not how long."""
    monkeypatch.setattr(checks, "ANSWER_SECONDS", 20.0)
    monkeypatch.setattr(HostChecks, "WITHIN_SECONDS", 20.0)


def a_check(user_name: str = "ann") -> Check:
    return Check(new_id(), new_id(), new_id(), user_name, ("xterm", "-e"), {"A": "b"})


async def test_an_agent_is_asked_and_its_answer_comes_back(
    site: RunningBroker, agent: TestAgent, patient: None
) -> None:
    check = a_check('ann"; drop\u202e')
    asked = asyncio.ensure_future(site.parts.checks.ask(site.host.id, check))
    assert await agent.expect(Check) == check
    await agent.send(Checked(check.id, (THERE,)))
    assert await asked == HostAnswer((THERE,))


async def test_answers_find_their_questions_in_whatever_order_they_come(
    site: RunningBroker, agent: TestAgent, patient: None
) -> None:
    both = [a_check(), a_check()]
    asked = [asyncio.ensure_future(site.parts.checks.ask(site.host.id, check)) for check in both]
    for _ in both:
        await agent.expect(Check)
    for number, check in reversed(list(enumerate(both))):
        await agent.send(Checked(check.id, (CheckResult("command", "passed", str(number)),)))
    assert [(await each).results[0].detail for each in asked] == ["0", "1"]


async def test_an_agent_of_before_is_not_asked_and_nobody_waits_for_it(site: RunningBroker) -> None:
    async with site.agent() as agent:
        await agent.expect(Desired)
        assert await site.parts.checks.ask(site.host.id, a_check()) == OLDER


async def test_an_agent_that_does_not_answer_in_time_is_late_and_its_late_answer_harms_nothing(
    site: RunningBroker, agent: TestAgent, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checks, "ANSWER_SECONDS", 0.01)
    check = a_check()
    assert await site.parts.checks.ask(site.host.id, check) == LATE
    await agent.send(Checked(check.id, (THERE,)))
    await agent.send(Checked(check.id, ()))
    monkeypatch.setattr(checks, "ANSWER_SECONDS", 20.0)
    again = a_check()
    asked = asyncio.ensure_future(site.parts.checks.ask(site.host.id, again))
    assert await agent.expect(Check, lambda one: one.id == again.id)
    await agent.send(Checked(again.id, (THERE,)))
    assert (await asked).results == (THERE,)


async def test_a_host_that_vanishes_while_it_is_asked_is_gone_at_once(
    site: RunningBroker, agent: TestAgent, patient: None
) -> None:
    asked = asyncio.ensure_future(site.parts.checks.ask(site.host.id, a_check()))
    await agent.expect(Check)
    await agent.close()
    assert await asked == GONE
    assert (await site.parts.checks.ask("f" * 16, a_check())).is_gone


@pytest.mark.parametrize("nonsense", [{"id": "x"}, {"id": "0" * 16, "results": 7}, {"results": []}])
async def test_nonsense_ends_the_channel_and_the_question_with_it(
    site: RunningBroker, agent: TestAgent, patient: None, nonsense: dict[str, object]
) -> None:
    asked = asyncio.ensure_future(site.parts.checks.ask(site.host.id, a_check()))
    await agent.expect(Check)
    await agent.send_text(json.dumps({"type": "checked", **nonsense}))
    assert await asked == GONE
    assert await agent.closed() == 1002


async def test_a_host_is_not_asked_more_than_it_can_bear(
    site: RunningBroker, agent: TestAgent, patient: None
) -> None:
    asked = [
        asyncio.ensure_future(site.parts.checks.ask(site.host.id, a_check())) for _ in range(MAXIMUM_PENDING)
    ]
    for _ in asked:
        await agent.expect(Check)
    assert await site.parts.checks.ask(site.host.id, a_check()) == BUSY
    await agent.close()
    assert set(await asyncio.gather(*asked)) == {GONE}


async def test_a_host_that_another_broker_holds_is_asked_through_it(
    site: RunningBroker, agent: TestAgent, patient: None
) -> None:
    async def post(broker_id: str, path: str, body: bytes) -> bytes | None:
        assert path == HostChecks.PATH
        return await site.parts.checks.answer(body)

    elsewhere = HostChecks(site.parts.snapshot, type(site.parts.registry)(), new_id(), post)
    check = a_check()
    asked = asyncio.ensure_future(elsewhere.ask(site.host.id, check))
    assert await agent.expect(Check) == check
    await agent.send(Checked(check.id, (THERE,)))
    assert await asked == HostAnswer((THERE,))


@pytest.mark.parametrize("said", [None, b"", b"[]", b'{"results": 3}', b"\xff"])
async def test_another_broker_that_says_nothing_that_can_be_read_decides_nothing(
    site: RunningBroker, agent: TestAgent, said: bytes | None
) -> None:
    async def post(broker_id: str, path: str, body: bytes) -> bytes | None:
        return said

    elsewhere = HostChecks(site.parts.snapshot, type(site.parts.registry)(), new_id(), post)
    assert await elsewhere.ask(site.host.id, a_check()) == NO_BROKER


async def test_only_a_broker_may_have_a_host_asked(site: RunningBroker) -> None:
    for who in ("gateway", "host"):
        status, body = await site.call("POST", HostChecks.PATH, {"host": site.host.id}, as_=who)
        assert (status, body["error"]["code"]) == (401, "certificate_refused")
