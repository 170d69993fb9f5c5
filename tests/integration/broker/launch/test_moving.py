"""A host that goes away while people queue for it: who was never told there is placed elsewhere, in one transaction."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from broker.grid.grid import GridUnavailable
from broker.hosts.liveness import PATIENCE_SECONDS, HostWatch
from broker.jobs import Job
from broker.repositories.late_ends import LateEnds
from broker.sessions.stages import StageEvent
from portcullis.model.host import Host
from portcullis.model.session import Session
from tests.support.broker_grid import EDITOR, HOST, TENANT, USER, SmallSite, small_site

OTHER = Host("00000000000000de", "h2", 8, frozenset({TENANT}), starting_limit=1)


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[SmallSite]:
    async with small_site(tmp_path) as site:
        await site.put_host(replace(HOST, slots=3, starting_limit=1))
        yield site


async def three_in_line(site: SmallSite) -> list[Session]:
    """One that the host was told of, and two that wait."""
    applications = [replace(EDITOR, id=f"{n:016x}", name=f"App {n}") for n in range(3)]
    for application in applications:
        await site.put_application(application)
    return [(await site.launch(application=application))[0] for application in applications]


async def reaper(site: SmallSite) -> Job:
    watch = HostWatch(
        site.stores,
        site.snapshot,
        site.sessions,
        site.hosts,
        site.lifecycle,
        site.clock,
        300,
        is_queued=lambda session: site.lines.position(session.host_id, session.id) is not None,
        move=site.launcher.move,
    )
    lease = (await site.grid.lease(15)).id
    return Job("reaper", site.stores, site.snapshot, watch.sweep, period_seconds=1, lease=lambda: lease)


async def vanish(site: SmallSite) -> None:
    live = site.hosts.live(HOST.id)
    assert live is not None
    await site.grid.revoke(live.lease)
    assert await site.snapshot.until((await site.grid.range("/p/v1/")).revision)


async def patience(site: SmallSite, job: Job) -> None:
    await job.round()
    site.clock.passed += PATIENCE_SECONDS
    await job.round()


async def test_those_in_line_go_to_another_host_and_the_one_that_was_told_fails(site: SmallSite) -> None:
    told, second, third = await three_in_line(site)
    await site.put_host(OTHER)
    await vanish(site)
    await patience(site, await reaper(site))
    moved = [site.sessions.get(TENANT, session.id) for session in (second, third)]
    assert [session and session.host_id for session in moved] == [OTHER.id] * 2
    assert site.sessions.get(TENANT, told.id) is None
    assert [site.lines.position(OTHER.id, session.id) for session in (second, third)] == [None, 1]
    slots = {(r.path[1], r.value["session"]) for r in await site.records("site", "slot")}
    assert slots == {(OTHER.id, second.id), (OTHER.id, third.id)}
    assert len(await site.keys_left("own")) == 2
    assert moved[0] is not None and moved[0].reference == second.reference
    assert moved[0].trace[0]["step"] == "moved" and "h1 vanished" in moved[0].trace[0]["detail"]


async def test_the_host_that_comes_back_is_told_to_end_what_was_moved(site: SmallSite) -> None:
    _, second, third = await three_in_line(site)
    await site.put_host(OTHER)
    await vanish(site)
    await patience(site, await reaper(site))
    assert LateEnds(site.stores, site.snapshot).of_host(HOST.id) >= {second.id, third.id}


async def test_who_follows_the_launch_sees_the_new_place_in_line(site: SmallSite) -> None:
    _, _, third = await three_in_line(site)
    events = site.stages.follow(TENANT, third.id)
    assert (await anext(events)).position == 2
    await site.put_host(OTHER)
    await vanish(site)
    await patience(site, await reaper(site))
    assert await anext(events) == StageEvent("stage", stage="placed", state="pending", position=1)
    assert site.stages._in_line.keys() == {HOST.id} or site.stages._in_line.keys() == {OTHER.id}
    await events.aclose()


async def test_without_another_host_they_fail_as_the_others_do(site: SmallSite) -> None:
    sessions = await three_in_line(site)
    await vanish(site)
    await patience(site, await reaper(site))
    assert await site.keys_left("session", "slot", "own") == set()
    traces = [await site.traces.get(TENANT, session.reference) for session in sessions]
    assert [trace and trace.code for trace in traces] == ["host_lost"] * 3


async def test_a_user_who_may_not_have_it_any_more_is_not_moved(site: SmallSite) -> None:
    _, second, _ = await three_in_line(site)
    await site.put_host(OTHER)
    await vanish(site)
    await site.put_user(replace(USER, disabled=True))
    await patience(site, await reaper(site))
    assert site.sessions.get(TENANT, second.id) is None


@pytest.mark.parametrize("change", ["host back", "accepted", "slot taken"])
async def test_what_changes_meanwhile_stops_the_move(
    site: SmallSite, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    """Nothing is lost by it: it is looked at again."""
    _, second, _ = await three_in_line(site)
    await site.put_host(replace(OTHER, slots=1))
    await vanish(site)

    async def meanwhile() -> None:
        if change == "host back":
            await site.hosts.announce(HOST.id, "1" * 16, "b" * 16, "1")
        elif change == "accepted":
            await site.report(second, "starting", "accepted")
        else:
            await site.put("site", ("slot", OTHER.id, "0"), {"tenant": TENANT, "session": "f" * 16})

    site.meanwhile(monkeypatch, meanwhile)
    assert await site.launcher.move(second, [site.stores.site.absent(("live", "host", HOST.id))])
    kept = site.sessions.get(TENANT, second.id)
    assert kept is not None and (kept.host_id, kept.slot) == (HOST.id, second.slot)
    slots = {(r.path[1], r.path[2]): r.value["session"] for r in await site.records("site", "slot")}
    assert slots[HOST.id, str(second.slot)] == second.id


async def test_a_move_whose_answer_is_lost_happens_once(
    site: SmallSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, second, _ = await three_in_line(site)
    await site.put_host(OTHER)
    await vanish(site)
    txn, lost = site.grid.txn, [True]

    async def forgetful(*arguments: object) -> object:
        result = await txn(*arguments)  # type: ignore[arg-type]
        if lost.pop() if lost else False:
            raise GridUnavailable("the answer is lost")
        return result

    monkeypatch.setattr(site.grid, "txn", forgetful)
    assert await site.launcher.move(second, [])
    moved = site.sessions.get(TENANT, second.id)
    assert moved is not None and moved.host_id == OTHER.id
    slots = [r.value["session"] for r in await site.records("site", "slot")]
    assert slots.count(second.id) == 1
