"""Sessions that run without a record get one again, or not, by what their host says and what the grid holds."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from broker.repositories.applications import Applications
from broker.repositories.users import Users
from broker.sessions.adoption import AFTER_RESTORE_SECONDS, Adoption
from portcullis.model.application import Entitlement
from portcullis.model.session import Display, Session
from portcullis.protocol.reports import About, Report
from tests.support.broker_grid import EDITOR, HOST, OTHER_USER, TENANT, USER, SmallSite, small_site

SESSION = "0123456789abcdef"
ABOUT = About(USER.id, EDITOR.id, 1, Display(800, 600), "L-7", 3)
REPORT = Report(SESSION, TENANT, "disconnected", "ready", about=ABOUT)


@pytest.fixture
async def site(tmp_path: Path):
    async with small_site(tmp_path) as made:
        await restored(made, made.clock.now())
        yield made


async def restored(site: SmallSite, at: float) -> None:
    meta = site.snapshot.get("site", ("meta",))
    await site.put("site", ("meta",), {**(meta.value if meta else {}), "restored": at})


def adoption(site: SmallSite) -> Adoption:
    stores, snapshot = site.stores, site.snapshot
    return Adoption(
        stores, snapshot, site.sessions, Users(stores, snapshot), Applications(stores, snapshot), site.clock
    )


def found(site: SmallSite) -> Session | None:
    return site.sessions.get(TENANT, SESSION)


async def test_a_session_is_taken_up_with_all_that_its_user_needs(site: SmallSite) -> None:
    assert await adoption(site).adopt(HOST.id, REPORT)
    session = found(site)
    assert session is not None
    assert (session.state, session.stage, session.e, session.slot) == ("disconnected", "ready", 3, 1)
    assert (session.user_id, session.application_id, session.host_id) == (USER.id, EDITOR.id, HOST.id)
    assert (session.display.width, session.reference, session.login) == (800, "L-7", "")
    assert await site.launch() == (session, True)


async def test_the_next_ticket_is_above_every_epoch_that_the_worker_has_seen(site: SmallSite) -> None:
    await adoption(site).adopt(HOST.id, REPORT)
    ticket = await site.attach.issue_ticket(await site.sign_in(), SESSION)
    redeemed = await site.attach.redeem(ticket.text)
    assert redeemed.session.e == ABOUT.e + 1


async def test_a_slot_that_is_taken_meanwhile_is_exchanged_for_a_free_one(site: SmallSite) -> None:
    await site.put("site", ("slot", HOST.id, "1"), {"tenant": TENANT, "session": "f" * 16})
    assert await adoption(site).adopt(HOST.id, REPORT)
    session = found(site)
    assert session is not None and session.slot == 0


async def test_a_second_report_changes_nothing(site: SmallSite) -> None:
    await adoption(site).adopt(HOST.id, REPORT)
    before = site.snapshot.revision
    assert not await adoption(site).adopt(HOST.id, replace(REPORT, session="f" * 16))
    assert site.snapshot.revision == before and found(site) is not None


@pytest.mark.parametrize(
    "report",
    [
        replace(REPORT, about=None),
        replace(REPORT, state="ended"),
        replace(REPORT, tenant="f" * 16),
        replace(REPORT, about=replace(ABOUT, user_id="f" * 16)),
        replace(REPORT, about=replace(ABOUT, application_id="f" * 16)),
    ],
    ids=["older agent", "ended", "another tenant", "user is gone", "application is gone"],
)
async def test_what_no_record_can_be_made_of_stays_without_one(site: SmallSite, report: Report) -> None:
    before = site.snapshot.revision
    assert not await adoption(site).adopt(HOST.id, report)
    assert found(site) is None and site.snapshot.revision == before


async def test_a_disabled_user_gets_no_session_back(site: SmallSite) -> None:
    await site.put_user(replace(USER, disabled=True))
    assert not await adoption(site).adopt(HOST.id, REPORT) and found(site) is None


async def test_a_user_who_is_disabled_at_that_moment_gets_none_either(
    site: SmallSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.meanwhile(monkeypatch, lambda: site.put_user(replace(USER, disabled=True)))
    assert not await adoption(site).adopt(HOST.id, REPORT) and found(site) is None


async def test_a_host_draws_no_user_to_itself_while_nothing_was_restored(site: SmallSite) -> None:
    await restored(site, site.clock.now() - AFTER_RESTORE_SECONDS)
    assert not await adoption(site).adopt(HOST.id, REPORT) and found(site) is None


async def test_an_application_of_other_hosts_is_not_taken_up_here(site: SmallSite) -> None:
    await site.put_application(replace(EDITOR, host_groups=frozenset({"vault"})))
    assert not await adoption(site).adopt(HOST.id, REPORT)
    await site.put_host(replace(HOST, groups=frozenset({"vault"})))
    assert await adoption(site).adopt(HOST.id, REPORT)


async def test_who_may_not_have_the_application_gets_no_session_of_it(site: SmallSite) -> None:
    await site.put_application(replace(EDITOR, entitlement=Entitlement()))
    assert not await adoption(site).adopt(HOST.id, REPORT) and found(site) is None


async def test_who_has_another_session_of_the_application_by_now_keeps_that(site: SmallSite) -> None:
    other = await site.ready_session()
    assert not await adoption(site).adopt(HOST.id, REPORT)
    assert found(site) is None and site.sessions.get(TENANT, other.id) is not None


async def test_a_revoked_host_takes_up_nothing(site: SmallSite) -> None:
    await site.put_host(replace(HOST, revoked=True), live=False)
    assert not await adoption(site).adopt(HOST.id, REPORT) and found(site) is None


async def test_a_full_host_claims_no_place_that_it_does_not_have(site: SmallSite) -> None:
    for slot in range(HOST.slots):
        await site.put("site", ("slot", HOST.id, str(slot)), {"tenant": TENANT, "session": "f" * 16})
    assert not await adoption(site).adopt(HOST.id, replace(REPORT, about=replace(ABOUT, slot=900)))


async def test_another_user_of_the_same_application_has_a_session_of_their_own(site: SmallSite) -> None:
    await site.launch(OTHER_USER)
    assert await adoption(site).adopt(HOST.id, REPORT) and found(site) is not None
