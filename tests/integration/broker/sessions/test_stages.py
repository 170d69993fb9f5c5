"""Whoever follows a launch sees every stage once and in order, however late they ask and however fast it goes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from broker.sessions import stages as stages_module
from broker.sessions.stages import StageEvent
from portcullis.model.session import STAGES
from tests.support.broker_grid import TENANT, SmallSite, small_site


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
