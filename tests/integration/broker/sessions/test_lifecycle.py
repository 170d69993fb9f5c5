"""Reports move a session through its table; its end leaves nothing; a session whose host is gone stays."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from broker.hosts.liveness import ACCEPTANCE_SECONDS, PATIENCE_SECONDS, HostWatch
from broker.jobs import Job
from broker.repositories.late_ends import LateEnds
from portcullis.errors import ProtocolError, Refused
from portcullis.model.session import Session
from portcullis.protocol.channel import Cut
from portcullis.protocol.reports import Report
from tests.support.broker_grid import HOST, OTHER_USER, TENANT, SmallSite, small_site

LOST_SECONDS = 300


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[SmallSite]:
    async with small_site(tmp_path) as site:
        yield site


def stored(site: SmallSite, session: Session) -> Session:
    found = site.sessions.get(TENANT, session.id)
    assert found is not None
    return found


def position(session: Session) -> tuple[str, str]:
    return session.state, session.stage


async def vanish(site: SmallSite) -> None:
    live = site.hosts.live(HOST.id)
    assert live is not None
    await site.grid.revoke(live.lease)
    assert await site.snapshot.until((await site.grid.range("/p/v1/")).revision)
    assert not site.hosts.is_live(HOST.id)


async def reaper(site: SmallSite, lost_seconds: float = LOST_SECONDS) -> Job:
    """The job, held here."""
    watch = HostWatch(
        site.stores,
        site.snapshot,
        site.sessions,
        site.hosts,
        site.lifecycle,
        site.clock,
        lost_seconds,
        is_queued=lambda session: site.lines.position(session.host_id, session.id) is not None,
        move=site.launcher.move,
    )
    lease = (await site.grid.lease(15)).id
    return Job("reaper", site.stores, site.snapshot, watch.sweep, period_seconds=1, lease=lambda: lease)


async def test_reports_move_state_and_stage(site: SmallSite) -> None:
    session, _ = await site.launch()
    playbook = [
        ("starting", "accepted"),
        ("starting", "display"),
        ("starting", "window"),
        ("ready", "ready"),
        ("active", "ready"),
        ("disconnected", "ready"),
        ("active", "ready"),
        ("ready", "ready"),
    ]
    for state, stage in playbook:
        assert await site.report(session, state, stage)  # type: ignore[arg-type]
        assert position(stored(site, session)) == (state, stage)


async def test_a_host_that_was_not_heard_for_a_while_reports_where_it_is_now(site: SmallSite) -> None:
    session, _ = await site.launch()
    await site.report(session, "disconnected", "ready")
    assert position(stored(site, session)) == ("disconnected", "ready")


async def test_what_the_table_does_not_hold_is_refused_and_changes_nothing(site: SmallSite) -> None:
    session = await site.ready_session()
    with pytest.raises(ProtocolError):
        await site.report(session, "starting", "display")
    assert position(stored(site, session)) == ("ready", "ready")


async def test_the_same_report_again_writes_nothing(site: SmallSite) -> None:
    session = await site.ready_session()
    before = (await site.grid.range("/p/v1/")).revision
    await site.report(session, "ready")
    assert (await site.grid.range("/p/v1/")).revision == before


async def test_a_report_of_another_host_or_of_no_session_is_an_orphans(site: SmallSite) -> None:
    session = await site.ready_session()
    report = Report(session.id, TENANT, "ended", "ready")
    assert not await site.lifecycle.reported("0" * 16, report)
    assert not await site.lifecycle.reported(HOST.id, Report("0" * 16, TENANT, "ready", "ready"))
    assert not await site.lifecycle.reported(HOST.id, Report(session.id, "0" * 16, "ready", "ready"))
    assert position(stored(site, session)) == ("ready", "ready")


async def test_the_end_of_a_session_that_was_ready_leaves_no_key_and_no_trace(site: SmallSite) -> None:
    session = await site.ready_session()
    await site.report(session, "ended", code="application_closed")
    assert await site.keys_left("session", "slot", "own", "trace") == set()


async def test_a_session_that_broke_while_it_ran_is_explained_to_its_user_and_by_its_trace(
    site: SmallSite,
) -> None:
    session = await site.ready_session()
    await site.report(session, "ended", code="display_failed")
    events = [event async for event in site.stages.follow(TENANT, session.id)]
    told = (events[-1].kind, events[-1].code, events[-1].reference)
    assert told == ("failed", "display_failed", session.reference)
    trace = await site.traces.get(TENANT, session.reference)
    assert trace is not None
    assert (trace.steps[-1].step, trace.steps[-1].outcome) == ("run", "failed")


async def test_a_session_that_never_became_ready_leaves_its_trace(site: SmallSite) -> None:
    session, _ = await site.launch()
    await site.report(session, "ended", "application", "application_exited")
    assert await site.keys_left("session", "slot", "own") == set()
    trace = await site.traces.get(TENANT, session.reference)
    assert trace is not None
    assert trace.code == "application_exited"
    assert [step.outcome for step in trace.steps].count("failed") == 1
    assert trace.steps[0].step == "user" and trace.steps[-1].step == "start"


async def test_logging_off_while_starting_is_no_failure(site: SmallSite) -> None:
    session, _ = await site.launch()
    await site.lifecycle.log_off(TENANT, session.id)
    await site.report(session, "ended", "display")
    assert await site.keys_left("session", "slot", "own", "trace") == set()
    events = [event async for event in site.stages.follow(TENANT, session.id)]
    assert (events[-1].kind, events[-1].code, events[-1].reference) == ("failed", "logged_off", None)


async def test_logging_off_marks_the_session_and_late_reports_do_not_unmark_it(site: SmallSite) -> None:
    session = await site.ready_session()
    await site.lifecycle.log_off(TENANT, session.id)
    await site.lifecycle.log_off(TENANT, session.id)
    await site.report(session, "active")
    assert stored(site, session).state == "ending"
    assert stored(site, session).end_code == "logged_off"


async def test_a_session_that_is_unknown_cannot_be_logged_off(site: SmallSite) -> None:
    with pytest.raises(Refused, match="session_unknown"):
        await site.lifecycle.log_off(TENANT, "0" * 16)


async def test_reports_and_log_off_at_once_lose_neither(site: SmallSite) -> None:
    session = await site.ready_session()
    await asyncio.gather(
        site.report(session, "active"),
        site.lifecycle.log_off(TENANT, session.id),
        site.report(session, "active"),
    )
    assert stored(site, session).state == "ending"


async def test_a_session_of_a_host_that_is_gone_stays_until_it_returns(site: SmallSite) -> None:
    session = await site.ready_session()
    await vanish(site)
    watch = await reaper(site, lost_seconds=0)
    for _ in range(3):
        await watch.round()
        site.clock.passed += LOST_SECONDS
    assert stored(site, session).state == "ready"
    await site.report(session, "ended")
    assert await site.keys_left("session", "slot", "own") == set()


async def test_a_session_of_a_host_that_is_gone_for_too_long_is_given_up(site: SmallSite) -> None:
    session = await site.ready_session()
    await vanish(site)
    watch = await reaper(site)
    await watch.round()
    site.clock.passed += LOST_SECONDS - 1
    await watch.round()
    assert stored(site, session).state == "ready"
    site.clock.passed += 1
    await watch.round()
    assert await site.keys_left("session", "slot", "own") == set()
    trace = await site.traces.get(TENANT, session.reference)
    assert trace is not None and trace.code == "host_lost"
    assert LateEnds(site.stores, site.snapshot).is_ended(HOST.id, session.id)


async def test_a_session_that_its_user_ends_while_the_host_is_gone_is_over_at_once(site: SmallSite) -> None:
    """So that the user can start another one elsewhere; the host is told when it comes back."""
    session = await site.ready_session()
    watch = await reaper(site)
    await site.lifecycle.log_off(TENANT, session.id)
    await watch.round()
    assert stored(site, session).state == "ending"  # the host lives: it ends the session itself
    await vanish(site)
    await watch.round()
    assert await site.keys_left("session", "slot", "own") == set()
    assert LateEnds(site.stores, site.snapshot).is_ended(HOST.id, session.id)


async def test_what_is_to_be_told_to_a_host_is_forgotten_with_the_host(site: SmallSite) -> None:
    session = await site.ready_session()
    watch = await reaper(site)
    await vanish(site)
    await site.lifecycle.log_off(TENANT, session.id)
    await watch.round()
    await site.delete("site", "host", HOST.id)
    await watch.round()
    assert await site.keys_left("ended") == set()


async def test_a_host_that_comes_back_at_the_last_moment_keeps_its_sessions(
    site: SmallSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = await site.ready_session()
    await vanish(site)
    watch = await reaper(site)
    await watch.round()
    site.clock.passed += LOST_SECONDS
    site.meanwhile(monkeypatch, lambda: site.hosts.announce(HOST.id, "1" * 16, "b" * 16, "1"))
    await watch.round()
    assert stored(site, session).state == "ready"


async def test_a_session_that_its_vanished_host_never_accepted_fails_after_a_while(site: SmallSite) -> None:
    session, _ = await site.launch()
    await vanish(site)
    watch = await reaper(site)
    await watch.round()
    site.clock.passed += PATIENCE_SECONDS - 1
    await watch.round()
    assert stored(site, session).state == "pending"
    site.clock.passed += 1
    await watch.round()
    assert await site.keys_left("session", "slot", "own") == set()
    trace = await site.traces.get(TENANT, session.reference)
    assert trace is not None and trace.code == "host_lost"


async def test_a_host_that_comes_back_in_time_keeps_its_pending_sessions(site: SmallSite) -> None:
    session, _ = await site.launch()
    await vanish(site)
    watch = await reaper(site)
    await watch.round()
    site.clock.passed += PATIENCE_SECONDS - 1
    await site.hosts.announce(HOST.id, "1" * 16, "b" * 16, "1")
    await watch.round()
    await vanish(site)
    site.clock.passed += 2
    await watch.round()
    assert stored(site, session).state == "pending"


async def test_a_session_that_its_connected_host_does_not_accept_fails_after_a_while(site: SmallSite) -> None:
    session, _ = await site.launch()
    watch = await reaper(site)
    await watch.round()
    site.clock.passed += ACCEPTANCE_SECONDS - 1
    await watch.round()
    assert stored(site, session).state == "pending"
    site.clock.passed += 1
    await watch.round()
    assert await site.keys_left("session", "slot", "own") == set()
    trace = await site.traces.get(TENANT, session.reference)
    assert trace is not None and trace.code == "host_lost"
    assert "did not accept" in trace.steps[-1].detail


async def test_a_session_that_is_accepted_at_the_last_moment_stays(
    site: SmallSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    session, _ = await site.launch()
    watch = await reaper(site)
    await watch.round()
    site.clock.passed += ACCEPTANCE_SECONDS
    site.meanwhile(monkeypatch, lambda: site.report(session, "starting", "accepted"))
    await watch.round()
    assert position(stored(site, session)) == ("starting", "accepted")
    await watch.round()
    assert position(stored(site, session)) == ("starting", "accepted")


async def test_logging_off_a_session_of_a_removed_host_removes_it(site: SmallSite) -> None:
    session = await site.ready_session()
    await site.delete("site", "host", HOST.id)
    await site.lifecycle.log_off(TENANT, session.id)
    assert await site.keys_left("session", "slot", "own") == set()


async def test_an_ending_session_of_a_host_that_is_removed_later_goes_with_it(site: SmallSite) -> None:
    session = await site.ready_session()
    await vanish(site)
    await site.lifecycle.log_off(TENANT, session.id)
    await site.delete("site", "host", HOST.id)
    await (await reaper(site)).round()
    assert await site.keys_left("session", "slot", "own") == set()


class Hearer:
    def __init__(self) -> None:
        self.cuts: list[Cut] = []

    def queue(self, message: Cut) -> None:
        self.cuts.append(message)

    def end(self, code: int, reason: str) -> None:
        raise AssertionError("nobody ends this channel")

    def orphans(self) -> tuple[Report, ...]:
        return ()


async def test_the_end_of_a_login_cuts_its_connections_on_the_hosts_of_its_user(site: SmallSite) -> None:
    await site.ready_session()
    login, hearer = await site.sign_in(), Hearer()
    site.registry.replace(HOST.id, hearer)
    site.lifecycle.cut(login)
    assert hearer.cuts == [Cut(TENANT, login.hash, "signed_out")]
    await site.delete(TENANT, "login", login.hash)
    assert hearer.cuts[1:] == [Cut(TENANT, login.hash, "signed_out")]


async def test_a_cut_is_due_once_the_login_that_attached_last_is_over(site: SmallSite) -> None:
    session, login = await site.ready_session(), await site.sign_in()
    assert site.lifecycle.cuts_due(HOST.id) == []  # nobody has attached
    await site.attach.redeem((await site.attach.issue_ticket(login, session.id)).text)
    assert site.lifecycle.cuts_due(HOST.id) == []
    await site.delete(TENANT, "login", login.hash)
    assert site.lifecycle.cuts_due(HOST.id) == [Cut(TENANT, login.hash, "signed_out")]
    assert site.lifecycle.cuts_due("0" * 16) == []


async def test_a_login_of_another_user_cuts_nothing(site: SmallSite) -> None:
    await site.ready_session()
    login, hearer = await site.sign_in(OTHER_USER), Hearer()
    site.registry.replace(HOST.id, hearer)
    site.lifecycle.cut(login)
    assert hearer.cuts == []
