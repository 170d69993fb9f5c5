"""Tickets work once, for their own session and login, and not for long; grants say who and what."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from broker.pki.authority import new_grant_key
from portcullis.errors import Refused
from portcullis.ids import new_secret
from portcullis.model.application import Entitlement
from portcullis.model.session import Session
from portcullis.model.user import Login
from portcullis.tickets import CHANNELS, GRANT_LIFETIME_SECONDS, Grant, verify_grant, verifying_keys
from tests.support.broker_grid import EDITOR, HOST, OTHER_USER, TENANT, USER, SmallSite, small_site


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[SmallSite]:
    async with small_site(tmp_path) as site:
        yield site


def verified(site: SmallSite, grant: str) -> Grant:
    return verify_grant(grant, verifying_keys(site.keys.verifying()), site.clock.now())


async def refused(site: SmallSite, ticket: str) -> str:
    with pytest.raises(Refused) as caught:
        await site.attach.redeem(ticket)
    return caught.value.code


async def test_a_redeemed_ticket_gives_a_grant_and_raises_the_epoch(site: SmallSite) -> None:
    session, login = await site.ready_session(), await site.sign_in()
    ticket = await site.attach.issue_ticket(login, session.id)
    redeemed = await site.attach.redeem(ticket.text)
    assert (redeemed.tenant, redeemed.host, redeemed.session.e) == (TENANT, HOST.id, 1)
    grant = verified(site, redeemed.grant)
    assert grant == Grant(
        kid=grant.kid,
        tenant=TENANT,
        user=login.user_id,
        login=login.hash,
        session=session.id,
        host=HOST.id,
        channels=CHANNELS,
        client_key=login.client_key,
        e=1,
        issued=site.clock.now(),
        expires=site.clock.now() + GRANT_LIFETIME_SECONDS,
    )
    assert await site.keys_left("ticket") == set()


async def test_a_ticket_is_refused_twice(site: SmallSite) -> None:
    session, login = await site.ready_session(), await site.sign_in()
    ticket = await site.attach.issue_ticket(login, session.id)
    await site.attach.redeem(ticket.text)
    assert await refused(site, ticket.text) == "ticket_refused"


async def test_sixteen_at_once_redeem_one_ticket_exactly_once(site: SmallSite) -> None:
    session, login = await site.ready_session(), await site.sign_in()
    ticket = await site.attach.issue_ticket(login, session.id)
    outcomes = await asyncio.gather(
        *(site.attach.redeem(ticket.text) for _ in range(16)), return_exceptions=True
    )
    codes = [outcome.code for outcome in outcomes if isinstance(outcome, Refused)]
    assert codes == ["ticket_refused"] * 15
    stored = site.sessions.get(TENANT, session.id)
    assert stored is not None and stored.e == 1


async def test_tickets_redeemed_at_once_each_get_their_own_epoch(site: SmallSite) -> None:
    session, login = await site.ready_session(), await site.sign_in()
    tickets = [await site.attach.issue_ticket(login, session.id) for _ in range(4)]
    redeemed = await asyncio.gather(*(site.attach.redeem(ticket.text) for ticket in tickets))
    assert sorted(verified(site, each.grant).e for each in redeemed) == [1, 2, 3, 4]


async def test_a_ticket_expires_with_its_lease(site: SmallSite) -> None:
    session, login = await site.ready_session(), await site.sign_in()
    ticket = await site.attach.issue_ticket(login, session.id)
    (record,) = await site.records(TENANT, "ticket")
    assert record.lease != 0
    await site.grid.revoke(record.lease)  # what its expiry does
    assert await refused(site, ticket.text) == "ticket_refused"


@pytest.mark.parametrize(
    "wrong",
    [
        lambda text: text[:-1],
        lambda text: text + "0",
        lambda text: text.upper(),
        lambda text: text.replace("ticket_", "login_"),
        lambda text: text.replace(TENANT, "0" * 16),
        lambda text: text[:-64] + "0" * 64,
        lambda text: "",
        lambda text: "ticket_../../site_" + "0" * 64,
        lambda text: text + "\n",
    ],
)
async def test_a_truncated_or_foreign_ticket_is_refused_and_spends_nothing(site: SmallSite, wrong) -> None:  # type: ignore[no-untyped-def]
    session, login = await site.ready_session(), await site.sign_in()
    ticket = await site.attach.issue_ticket(login, session.id)
    assert await refused(site, wrong(ticket.text)) == "ticket_refused"
    assert (await site.attach.redeem(ticket.text)).session.id == session.id


async def test_a_ticket_that_was_never_issued_is_refused(site: SmallSite) -> None:
    assert await refused(site, new_secret("ticket", TENANT).text) == "ticket_refused"


async def test_signing_out_voids_the_tickets_of_the_login(site: SmallSite) -> None:
    session, login = await site.ready_session(), await site.sign_in()
    ticket = await site.attach.issue_ticket(login, session.id)
    await site.delete(TENANT, "login", login.hash)
    assert await refused(site, ticket.text) == "ticket_refused"
    stored = site.sessions.get(TENANT, session.id)
    assert stored is not None and stored.e == 0


async def expired(site: SmallSite, _: Session, __: Login) -> None:
    (record,) = await site.records(TENANT, "ticket")
    await site.grid.revoke(record.lease)


async def signed_out(site: SmallSite, _: Session, login: Login) -> None:
    await site.delete(TENANT, "login", login.hash)


async def ended(site: SmallSite, session: Session, _: Login) -> None:
    await site.report(session, "ended")


async def disabled(site: SmallSite, _: Session, __: Login) -> None:
    await site.put_user(replace(USER, disabled=True))


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (expired, "ticket_refused"),
        (signed_out, "ticket_refused"),
        (disabled, "ticket_refused"),
        (ended, "session_ended"),
    ],
)
async def test_what_ends_between_look_and_transaction_lets_nobody_in(
    site: SmallSite,
    monkeypatch: pytest.MonkeyPatch,
    change: Callable[[SmallSite, Session, Login], Awaitable[None]],
    code: str,
) -> None:
    session, login = await site.ready_session(), await site.sign_in()
    ticket = await site.attach.issue_ticket(login, session.id)
    site.meanwhile(monkeypatch, lambda: change(site, session, login))
    assert await refused(site, ticket.text) == code
    stored = site.sessions.get(TENANT, session.id)
    assert stored is None or stored.e == 0


async def test_a_ticket_of_a_session_that_ended_says_so(site: SmallSite) -> None:
    session, login = await site.ready_session(), await site.sign_in()
    ticket = await site.attach.issue_ticket(login, session.id)
    await site.report(session, "ended")
    assert await refused(site, ticket.text) == "session_ended"


async def test_nobody_gets_a_ticket_for_another_users_session(site: SmallSite) -> None:
    session, stranger = await site.ready_session(), await site.sign_in(OTHER_USER)
    with pytest.raises(Refused, match="session_unknown"):
        await site.attach.issue_ticket(stranger, session.id)
    with pytest.raises(Refused, match="session_unknown"):
        await site.attach.renew(stranger, session.id, 0)


async def test_there_is_no_ticket_before_the_host_has_the_session(site: SmallSite) -> None:
    session, _ = await site.launch()
    login = await site.sign_in()
    with pytest.raises(Refused, match="session_not_ready"):
        await site.attach.issue_ticket(login, session.id)


async def test_a_session_that_starts_is_attached_to_and_goes_on_starting(site: SmallSite) -> None:
    session, _ = await site.launch()
    login = await site.sign_in()
    await site.report(session, "starting")
    ticket = await site.attach.issue_ticket(login, session.id)
    redeemed = await site.attach.redeem(ticket.text)
    assert (redeemed.session.state, verified(site, redeemed.grant).e) == ("starting", 1)
    assert verified(site, await site.attach.renew(login, session.id, 1)).e == 1
    await site.report(session, "active")
    stored = site.sessions.get(TENANT, session.id)
    assert stored is not None
    assert (stored.state, stored.e) == ("active", 1)


async def test_a_grant_is_renewed_for_its_own_login_and_epoch_alone(site: SmallSite) -> None:
    session, login = await site.ready_session(), await site.sign_in()
    other_browser = await site.sign_in(name="second")
    await site.attach.redeem((await site.attach.issue_ticket(login, session.id)).text)
    site.clock.passed += 300
    renewed = verified(site, await site.attach.renew(login, session.id, 1))
    assert (renewed.e, renewed.expires) == (1, site.clock.now() + GRANT_LIFETIME_SECONDS)
    for someone, e in [(other_browser, 1), (login, 0), (login, 2)]:
        with pytest.raises(Refused, match="taken_over"):
            await site.attach.renew(someone, session.id, e)
    await site.attach.redeem((await site.attach.issue_ticket(other_browser, session.id)).text)
    with pytest.raises(Refused, match="taken_over"):
        await site.attach.renew(login, session.id, 1)


async def test_a_grant_does_not_outlive_its_login(site: SmallSite) -> None:
    session, login = await site.ready_session(), await site.sign_in()
    brief = replace(login, expires=site.clock.now() + 60)
    await site.put(TENANT, ("login", login.hash), brief.to_json())
    redeemed = await site.attach.redeem((await site.attach.issue_ticket(brief, session.id)).text)
    assert verified(site, redeemed.grant).expires == brief.expires


async def test_a_user_who_is_disabled_gets_neither_ticket_nor_grant(site: SmallSite) -> None:
    session, login = await site.ready_session(), await site.sign_in()
    ticket = await site.attach.issue_ticket(login, session.id)
    await site.attach.redeem((await site.attach.issue_ticket(login, session.id)).text)
    await site.put_user(replace(USER, disabled=True))
    assert await refused(site, ticket.text) == "ticket_refused"
    with pytest.raises(Refused, match="user_disabled"):
        await site.attach.issue_ticket(login, session.id)
    with pytest.raises(Refused, match="user_disabled"):
        await site.attach.renew(login, session.id, 1)


async def test_whose_entitlement_was_withdrawn_gets_neither_ticket_nor_grant(site: SmallSite) -> None:
    session, login = await site.ready_session(), await site.sign_in()
    await site.attach.redeem((await site.attach.issue_ticket(login, session.id)).text)
    await site.put_application(replace(EDITOR, entitlement=Entitlement(groups=frozenset({"others"}))))
    with pytest.raises(Refused, match="not_entitled"):
        await site.attach.issue_ticket(login, session.id)
    with pytest.raises(Refused, match="not_entitled"):
        await site.attach.renew(login, session.id, 1)


async def test_sessions_of_a_deleted_application_go_on(site: SmallSite) -> None:
    session, login = await site.ready_session(), await site.sign_in()
    await site.delete(TENANT, "application", EDITOR.id)
    redeemed = await site.attach.redeem((await site.attach.issue_ticket(login, session.id)).text)
    assert verified(site, redeemed.grant).session == session.id


async def test_a_new_grant_key_signs_at_once(site: SmallSite) -> None:
    session, login = await site.ready_session(), await site.sign_in()
    key = new_grant_key(site.clock.now())
    await site.put("site", ("key", "grant", key["kid"]), key)
    redeemed = await site.attach.redeem((await site.attach.issue_ticket(login, session.id)).text)
    assert verified(site, redeemed.grant).kid == key["kid"]
