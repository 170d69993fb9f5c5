"""A launch on the real grid: what it writes, what it refuses, and that many at once never share a slot."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from broker.grid.grid import GridUnavailable
from broker.grid.scopes import Stores
from broker.grid.seal import SiteKey
from broker.launch import launch as launch_module
from broker.launch.traces import parse_reference
from broker.repositories import traces as trace_store
from broker.snapshot import Snapshot
from portcullis.errors import Refused, Unavailable
from portcullis.model.application import Application, Entitlement
from portcullis.model.user import User
from tests.support.broker_grid import EDITOR, HOST, OTHER_USER, TENANT, USER, SmallSite, small_site
from tests.support.lagging_grid import LaggingGrid
from tests.support.patience import patient


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[SmallSite]:
    async with small_site(tmp_path) as site:
        yield site


def numbered(number: int) -> Application:
    return replace(EDITOR, id=f"{number:016x}", name=f"App {number}")


async def refusal(site: SmallSite, user: User = USER, application: Application = EDITOR) -> Refused:
    with pytest.raises(Refused) as caught:
        await site.launch(user, application)
    return caught.value


@asynccontextmanager
async def other_broker(site: SmallSite, grid: Any) -> AsyncIterator[SmallSite]:
    """Another broker's parts on the site's grid, seen through `grid`."""
    stores = Stores(grid, SiteKey(bytes(32)))
    snapshot = Snapshot(stores)
    await snapshot.start()
    try:
        yield SmallSite(grid, stores, snapshot)
    finally:
        await snapshot.stop()


async def test_a_launch_writes_slot_session_and_own_and_nothing_else(site: SmallSite) -> None:
    before = {item.key for item in (await site.grid.range("/p/v1/")).items}
    session, reconnected = await site.launch()
    after = {item.key for item in (await site.grid.range("/p/v1/")).items}
    assert not reconnected
    assert after - before == {
        f"/p/v1/site/slot/{HOST.id}/{session.slot}",
        f"/p/v1/t/{TENANT}/session/{session.id}",
        f"/p/v1/t/{TENANT}/own/{USER.id}/{EDITOR.id}",
    }
    assert site.sessions.get(TENANT, session.id) == session
    assert site.sessions.of_host(HOST.id) == [session]
    assert (session.state, session.stage, session.command) == ("pending", "placed", EDITOR.command)


async def test_a_second_launch_of_the_application_answers_the_running_session(site: SmallSite) -> None:
    session, _ = await site.launch()
    assert await site.launch() == (session, True)


async def test_launches_of_one_user_at_once_make_one_session(site: SmallSite) -> None:
    answers = await asyncio.gather(*(site.launch() for _ in range(16)))
    assert len({session.id for session, _ in answers}) == 1
    assert [reconnected for _, reconnected in answers].count(False) == 1
    assert len(await site.keys_left("slot")) == 1


async def test_of_many_launches_over_the_last_slot_exactly_one_wins(site: SmallSite) -> None:
    await site.put_host(replace(HOST, slots=1))
    for number in range(16):
        await site.put_application(numbered(number))
    outcomes = await asyncio.gather(
        *(site.launch(USER if n % 2 else OTHER_USER, numbered(n)) for n in range(16)), return_exceptions=True
    )
    refused = [outcome for outcome in outcomes if isinstance(outcome, Refused)]
    assert len(refused) == 15
    assert {error.code for error in refused} == {"host_full"}
    assert len(await site.keys_left("slot", "session", "own")) == 3


async def test_many_launches_over_just_enough_slots_all_get_one(site: SmallSite) -> None:
    await site.put_host(replace(HOST, slots=8))
    for number in range(8):
        await site.put_application(numbered(number))
    sessions = await asyncio.gather(*(site.launch(application=numbered(n)) for n in range(8)))
    assert sorted(session.slot for session, _ in sessions) == list(range(8))


@pytest.mark.parametrize(
    ("prepare", "code"),
    [
        ({"application": replace(EDITOR, entitlement=Entitlement())}, "not_entitled"),
        ({"application": replace(EDITOR, disabled=True)}, "application_disabled"),
        ({"user": replace(USER, disabled=True)}, "user_disabled"),
        ({"host": replace(HOST, draining=True)}, "host_draining"),
        ({"host": replace(HOST, tenants=frozenset())}, "no_host"),
    ],
)
async def test_a_refusal_names_its_code_and_keeps_its_trace_under_the_reference(
    site: SmallSite, prepare: dict[str, Any], code: str
) -> None:
    if "application" in prepare:
        await site.put_application(prepare["application"])
    if "user" in prepare:
        await site.put_user(prepare["user"])
    if "host" in prepare:
        await site.put_host(prepare["host"], live=False)
    error = await refusal(site)
    assert error.code == code
    trace = await site.traces.get(TENANT, str(error.data["reference"]))
    assert trace is not None
    assert (trace.code, trace.user, trace.application) == (code, "demo", "Editor")
    assert trace.steps[-1].outcome == "failed"
    assert await site.keys_left("slot", "session", "own") == set()


async def test_an_unknown_application_is_refused(site: SmallSite) -> None:
    assert (await refusal(site, application=numbered(99))).code == "application_unknown"


async def lose_host(site: SmallSite) -> None:
    live = site.hosts.live(HOST.id)
    assert live is not None
    await site.grid.revoke(live.lease)
    assert await site.snapshot.until((await site.grid.range("/p/v1/")).revision)


async def come_to_wait(launching: asyncio.Future[Any]) -> None:
    """It has had the time to come to where it waits for a change of the snapshot."""
    for _ in range(100):
        await asyncio.sleep(0)
    assert not launching.done()


async def test_a_host_whose_agent_is_gone_takes_nothing(
    site: SmallSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(launch_module, "HOSTS_WAIT_SECONDS", 0.05)
    await lose_host(site)
    assert (await refusal(site)).code == "host_offline"


async def test_a_launch_right_after_an_outage_of_all_brokers_waits_for_the_hosts(site: SmallSite) -> None:
    """Their live records ended meanwhile. The first that comes back drains, so the launch waits for the second."""
    other = replace(HOST, id="00000000000000de", name="h2")
    await lose_host(site)
    await site.put_host(other, live=False)
    await site.put_host(replace(HOST, draining=True), live=False)
    launching = asyncio.ensure_future(site.launch())
    await come_to_wait(launching)
    await site.hosts.announce(HOST.id, "0" * 16, "b" * 16, "1")
    await come_to_wait(launching)
    await site.hosts.announce(other.id, "0" * 16, "b" * 16, "1")
    session, reconnected = await launching
    assert (session.host_id, reconnected) == (other.id, False)


async def test_a_reconnect_right_after_an_outage_of_all_brokers_waits_for_its_host(site: SmallSite) -> None:
    session = await site.ready_session()
    await lose_host(site)
    launching = asyncio.ensure_future(site.launch())
    await come_to_wait(launching)
    await site.hosts.announce(HOST.id, "0" * 16, "b" * 16, "1")
    assert await launching == (session, True)


async def test_a_launch_does_not_wait_for_one_host_where_another_of_the_tenant_is_live(
    site: SmallSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(launch_module, "HOSTS_WAIT_SECONDS", 3600.0)
    await site.put_host(replace(HOST, id="00000000000000de", name="h2", groups=frozenset({"gpu"})))
    await site.put_application(replace(EDITOR, host_groups=frozenset({"office"})))
    await site.put_host(replace(HOST, groups=frozenset({"office"})), live=False)
    await lose_host(site)
    async with asyncio.timeout(patient(10)):
        assert (await refusal(site)).code == "host_offline"


async def test_a_full_host_is_refused_and_free_again_after_the_end(site: SmallSite) -> None:
    await site.put_host(replace(HOST, slots=1))
    await site.put_application(numbered(1))
    session, _ = await site.launch()
    assert (await refusal(site, application=numbered(1))).code == "host_full"
    await site.report(session, "ended", "display", "display_failed")
    assert (await site.launch(application=numbered(1)))[1] is False


async def test_a_launch_right_after_logging_off_waits_for_the_end(site: SmallSite) -> None:
    earlier = await site.ready_session()
    await site.lifecycle.log_off(TENANT, earlier.id)
    launching = asyncio.ensure_future(site.launch())
    waiting = asyncio.Event()
    asyncio.get_running_loop().call_soon(waiting.set)
    await waiting.wait()
    await site.report(earlier, "ended")
    session, reconnected = await launching
    assert not reconnected
    assert session.id != earlier.id


class Unsure:
    """A grid whose transactions happen, or not, without an answer."""

    def __init__(self, site: SmallSite, answers: Sequence[str]) -> None:
        self._txn = site.grid.txn
        self.answers = list(answers)

    async def txn(self, *arguments: Any) -> Any:
        answer = self.answers.pop(0) if self.answers else "answered"
        if answer == "lost before":
            raise GridUnavailable("no answer")
        result = await self._txn(*arguments)
        if answer == "lost after":
            raise GridUnavailable("no answer")
        return result


@pytest.mark.parametrize("answers", [["lost before"], ["lost after"], ["lost after", "answered"]])
async def test_an_ambiguous_outcome_makes_exactly_one_session(
    site: SmallSite, monkeypatch: pytest.MonkeyPatch, answers: list[str]
) -> None:
    monkeypatch.setattr(site.grid, "txn", Unsure(site, answers).txn)
    session, reconnected = await site.launch()
    assert not reconnected
    assert len(await site.keys_left("session")) == 1
    assert site.sessions.of_host(HOST.id) == [session]


async def test_a_grid_that_does_not_answer_makes_the_launch_unavailable(
    site: SmallSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(site.grid, "txn", Unsure(site, ["lost before"] * 2).txn)
    with pytest.raises(Unavailable):
        await site.launch()


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda site: site.put_application(replace(EDITOR, disabled=True)), "application_disabled"),
        (lambda site: site.put_application(replace(EDITOR, entitlement=Entitlement())), "not_entitled"),
        (lambda site: site.put_user(replace(USER, disabled=True)), "user_disabled"),
        (lambda site: site.put_host(replace(HOST, draining=True), live=False), "host_draining"),
        (lose_host, "host_offline"),
    ],
)
async def test_what_changes_between_plan_and_transaction_is_planned_again(
    site: SmallSite,
    monkeypatch: pytest.MonkeyPatch,
    change: Callable[[SmallSite], Awaitable[None]],
    code: str,
) -> None:
    monkeypatch.setattr(launch_module, "HOSTS_WAIT_SECONDS", 0.05)
    site.meanwhile(monkeypatch, lambda: change(site))
    assert (await refusal(site)).code == code
    assert await site.keys_left("slot", "session", "own") == set()


async def test_a_reference_is_found_however_it_is_typed(site: SmallSite) -> None:
    await site.put_application(replace(EDITOR, disabled=True))
    reference = str((await refusal(site)).data["reference"])
    typed = f" {reference[:4].upper()}-{reference[4:]} ".replace("0", "o").replace("1", "l")
    assert await site.traces.get(TENANT, typed) == await site.traces.get(TENANT, reference)
    for wrong in ("", "short", "u" * 8, "../../..", "ä" * 8, reference + "0"):
        assert parse_reference(wrong) is None
        assert await site.traces.get(TENANT, wrong) is None


async def test_a_tenant_keeps_a_bounded_number_of_traces_the_newest(
    site: SmallSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(site.traces._store, "_maximum", 5)
    monkeypatch.setattr(trace_store, "RECOUNT_AFTER", 3)
    await site.put_application(replace(EDITOR, disabled=True))
    references = [str((await refusal(site)).data["reference"]) for _ in range(12)]
    kept = {record.path[1] for record in await site.records(TENANT, "trace")}
    assert kept == set(references[-5:])


async def test_traces_are_bound_to_one_lease_of_a_day_that_refusals_share(site: SmallSite) -> None:
    await site.put_application(replace(EDITOR, disabled=True))
    for _ in range(3):
        await refusal(site)
    leases = {record.lease for record in await site.records(TENANT, "trace")}
    assert len(leases) == 1 and 0 not in leases
    site.clock.passed += 3601
    await refusal(site)
    assert len({record.lease for record in await site.records(TENANT, "trace")}) == 2


async def test_a_session_that_ended_elsewhere_is_not_answered_by_a_broker_whose_watch_is_late(
    site: SmallSite,
) -> None:
    """The other broker sees each change a second late; the session has ended in the grid by then."""
    session = await site.ready_session()
    async with other_broker(site, LaggingGrid(site.grid, 1.0)) as late:
        await site.report(session, "ended")
        assert late.sessions.get(TENANT, session.id) is not None
        again, reconnected = await late.launch()
        assert (again.id != session.id, reconnected) == (True, False)


async def test_a_session_that_ends_elsewhere_is_no_answer_of_a_broker_whose_watch_is_late(
    site: SmallSite,
) -> None:
    session = await site.ready_session()
    async with other_broker(site, LaggingGrid(site.grid, 0.3)) as late:
        await site.lifecycle.log_off(TENANT, session.id)
        launching = asyncio.ensure_future(late.launch())
        await site.report(session, "ended")
        again, reconnected = await launching
        assert (again.id != session.id, reconnected) == (True, False)


async def test_a_running_session_is_not_answered_while_the_grid_is_away(
    site: SmallSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    await site.ready_session()
    monkeypatch.setattr(site.grid, "txn", Unsure(site, ["lost before"] * 2).txn)
    with pytest.raises(Unavailable):
        await site.launch()
