"""Whichever broker is asked: a dry run reaches a host that another one holds; who makes the probes tells of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from broker.audit.event import Actor, Event, Object
from broker.audit.query import Query
from broker.explain.launches import TYPES
from broker.hosts import checks
from broker.probes.result import Probe, Result
from broker.simulation.question import Question
from portcullis.model.launch import Circumstances
from portcullis.protocol.checks import FEATURE, Check, Checked, CheckResult
from portcullis.protocol.orders import Desired
from tests.support.patience import patient
from tests.support.running_broker import RunningBroker
from tests.support.several_brokers import several_brokers

SECONDS = 20.0


@pytest.fixture
async def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Sequence[RunningBroker]]:
    monkeypatch.setattr(checks, "ANSWER_SECONDS", SECONDS)
    async with several_brokers(tmp_path, 2) as brokers:
        yield brokers


async def test_a_dry_run_reaches_a_host_whose_channel_is_at_another_broker(
    site: Sequence[RunningBroker],
) -> None:
    here, there = site
    await here.publish("Editor")
    application = here.parts.applications.list(here.tenant)[0]
    async with there.agent(features=frozenset({FEATURE})) as agent:
        await agent.expect(Desired)
        assert await here.parts.snapshot.until(there.parts.snapshot.revision, SECONDS)
        question = Question(here.user.name, application.id, dry_run=True)
        simulating = asyncio.ensure_future(here.parts.simulator.simulate(here.tenant, question))
        check = await agent.expect(Check)
        result = CheckResult("command", "failed", "mousepad: not found", "application_missing")
        await agent.send(Checked(check.id, (result,)))
        simulation = await simulating
    assert check.command == application.command
    assert simulation.code == "application_missing", simulation
    (step,) = (step for step in simulation.steps if step.step == "dry_run")
    assert (step.outcome, step.object) == ("failed", "host:h1")


async def test_a_broker_that_does_not_make_the_probes_asks_the_one_that_does(
    site: Sequence[RunningBroker],
) -> None:
    application = await site[0].publish("Editor")
    tenant, user = site[0].tenant, site[0].user
    async with asyncio.timeout(patient(SECONDS)):
        while (job := site[0].parts.snapshot.get("site", ("job", "prober"))) is None:
            await asyncio.sleep(0.05)
    holder = next(each for each in site if each.broker.parts.presence.me.id == job.value["broker"])
    other = next(each for each in site if each is not holder)
    revision = await holder.parts.probes.put(tenant, Probe(application.id, user.id, 86400), "test")
    for each in site:
        assert await each.parts.snapshot.until(revision, SECONDS)
    known = Result("ok", 5.0, {"echo": 7.0}).after(None)
    holder.parts.prober._results[tenant, application.id] = known
    async with asyncio.timeout(patient(SECONDS)):
        while await other.parts.probe_results.of_tenant(tenant) != {application.id: known}:
            await asyncio.sleep(0.05)
    assert other.parts.prober.result(tenant, application.id) is None


async def test_launches_of_the_past_are_those_of_every_broker(site: Sequence[RunningBroker]) -> None:
    """What a what-if replays, and a list of launches shows."""
    here, there = site
    for number, broker in enumerate(site):
        told = Circumstances("10.1.2.3", 7.0, "browser").to_json()
        launched = Event(
            "launch",
            here.tenant,
            Actor("ann", "a" * 16),
            Object("application", "b" * 16, "Editor"),
            reference=f"0000000{number}",
            detail={"circumstances": told, "steps": []},
        )
        await broker.parts.audit.record(launched)
    for broker in (here, there):
        launches, page = await broker.parts.explainer.list(Query(here.tenant, TYPES, whole=False))
        assert {launch.trace.reference for launch in launches} == {"00000000", "00000001"}
        assert {launch.trace.circumstances for launch in launches} == {
            Circumstances("10.1.2.3", 7.0, "browser")
        }
        assert page.missing == ()
