"""Whoever follows a launch sees every stage once and in order, however late they ask and however fast it goes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from broker.sessions import stages as stages_module
from broker.sessions.stages import StageEvent
from portcullis.model.session import STAGES, Session
from tests.support.broker_grid import EDITOR, HOST, TENANT, SmallSite, small_site


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[SmallSite]:
    async with small_site(tmp_path) as site:
        yield site


async def followed(site: SmallSite, session_id: str) -> list[StageEvent]:
    return [event async for event in site.stages.follow(TENANT, session_id)]


async def test_stages_that_were_passed_over_are_told_all_the_same(site: SmallSite) -> None:
    session, _ = await site.launch()
    following = asyncio.ensure_future(followed(site, session.id))
    await site.report(session, "starting", "application")
    await site.report(session, "ready")
    events = await following
    assert [event.stage for event in events if event.kind == "stage"] == list(STAGES)
    assert events[-1] == StageEvent("ready", state="ready")


async def test_a_ready_session_is_told_whole_at_once(site: SmallSite) -> None:
    session = await site.ready_session()
    events = await followed(site, session.id)
    assert [event.kind for event in events] == ["stage"] * len(STAGES) + ["ready"]


async def three_on_a_host_that_starts_one(site: SmallSite) -> list[Session]:
    await site.put_host(replace(HOST, slots=3, starting_limit=1))
    applications = [replace(EDITOR, id=f"{n:016x}", name=f"App {n}") for n in range(3)]
    for application in applications:
        await site.put_application(application)
    return [(await site.launch(application=application))[0] for application in applications]


async def test_who_waits_in_line_is_told_each_move_and_then_every_stage_once(site: SmallSite) -> None:
    first, second, third = await three_on_a_host_that_starts_one(site)
    events = site.stages.follow(TENANT, third.id)
    waits = StageEvent("stage", stage="placed", state="pending", position=2)
    assert await anext(events) == waits
    await site.report(first, "starting", "accepted")
    await site.report(first, "ready")
    assert await anext(events) == replace(waits, position=1)
    await site.report(second, "ended", "accepted", "display_failed")
    assert await anext(events) == replace(waits, position=None)
    await site.report(third, "ready")
    rest = [event async for event in events]
    assert [event.stage for event in rest if event.kind == "stage"] == list(STAGES[1:])
    assert rest[-1].kind == "ready"
    assert site.stages._waiting == site.stages._in_line == {}


async def test_a_host_that_starts_more_at_once_from_now_on_moves_its_line(site: SmallSite) -> None:
    sessions = await three_on_a_host_that_starts_one(site)
    events = site.stages.follow(TENANT, sessions[2].id)
    assert (await anext(events)).position == 2
    await site.put_host(replace(HOST, slots=3, starting_limit=2), live=False)
    assert (await anext(events)).position == 1
    await events.aclose()


async def test_many_may_follow_one_launch_and_one_may_leave(site: SmallSite) -> None:
    session, _ = await site.launch()
    leaving = site.stages.follow(TENANT, session.id)
    assert (await anext(leaving)).stage == "placed"
    others = [asyncio.ensure_future(followed(site, session.id)) for _ in range(3)]
    await leaving.aclose()
    await site.report(session, "ready")
    assert {events[-1].kind for events in await asyncio.gather(*others)} == {"ready"}
    assert site.stages._waiting == {}


async def test_a_failure_is_told_with_code_message_and_reference(site: SmallSite) -> None:
    session, _ = await site.launch()
    following = asyncio.ensure_future(followed(site, session.id))
    await site.report(session, "ended", "application", "window_timeout")
    last = (await following)[-1]
    assert (last.kind, last.code, last.reference) == ("failed", "window_timeout", session.reference)
    assert last.message == "The application did not open a window in time."
    assert (await followed(site, session.id)) == [last]
    known = site.stages.known(TENANT, session.id)
    assert known is not None and known.user_id == session.user_id


async def test_a_session_that_nobody_knows_has_ended(site: SmallSite) -> None:
    (event,) = await followed(site, "0" * 16)
    assert (event.kind, event.code) == ("failed", "session_ended")


async def test_only_the_last_endings_are_remembered(site: SmallSite, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stages_module, "REMEMBERED_ENDINGS", 2)
    ended = []
    for _ in range(3):
        session, _ = await site.launch()
        await site.report(session, "ended", "display", "display_failed")
        ended.append(session.id)
    assert [site.stages.known(TENANT, id) is not None for id in ended] == [False, True, True]
