"""The very same signed request at a second broker, when the first one was lost before it answered."""

from __future__ import annotations

import asyncio
import json

import pytest

from tests.support.api_site import ORIGIN, ApiSite, signed_in

SESSIONS = "/api/v1/sessions"


class Signed:
    """One request of a browser, its bytes fixed, to be put to any broker."""

    def __init__(self, site: ApiSite, browser, method: str, path: str, data: object = None) -> None:
        self._method, self._path = method, path
        self._body = b"" if data is None else json.dumps(data).encode()
        signature = browser.key.sign_request(method, path, self._body, site.clock.now())
        self._headers = {"Origin": ORIGIN, "Portcullis-Signature": signature}

    async def put_to(self, browser):
        return await browser.request(self._method, self._path, self._body, self._headers)


@pytest.fixture
async def ann(two_brokers: ApiSite):
    """Ann's browser at either broker, and the site."""
    site = two_brokers
    async with signed_in(site, site.acme.ann) as here, site.browser(1) as there:
        there.cookies.update(here.cookies)
        yield site, here, there


async def sessions_of(browser) -> list[str]:
    return [session["id"] for session in (await browser.get("/api/v1/catalogue")).json["sessions"]]


def launch_of(site: ApiSite, browser) -> Signed:
    return Signed(site, browser, "POST", SESSIONS, {"application": site.acme.editor.id})


async def test_a_launch_that_comes_again_is_answered_the_same_and_makes_one_session(ann) -> None:
    site, here, there = ann
    launch = launch_of(site, here)
    first, again = await launch.put_to(here), await launch.put_to(there)
    assert (first.status, again.status) == (201, 201)
    assert again.json == first.json
    assert not again.json["reconnected"]
    assert await sessions_of(there) == [first.json["session"]["id"]]


async def test_a_launch_put_to_two_brokers_at_once_makes_one_session(ann) -> None:
    site, here, there = ann
    launch = launch_of(site, here)
    answers = await asyncio.gather(*(launch.put_to(browser) for browser in (here, there, here, there)))
    assert {answer.status for answer in answers} == {201}
    assert len({answer.json["session"]["id"] for answer in answers}) == 1
    assert [answer.json["reconnected"] for answer in answers] == [False] * 4


async def test_a_launch_that_comes_again_after_its_session_ended_makes_no_other(ann) -> None:
    """A broker that was frozen wakes up and takes what lay in its sockets."""
    site, here, there = ann
    launch = launch_of(site, here)
    session = (await launch.put_to(here)).json["session"]["id"]
    stored = site.services.sessions.get(site.acme.tenant.id, session)
    await site.report(stored, "ended", "accepted", "application_closed")
    assert (await launch.put_to(there)).code == "session_ended"
    assert await sessions_of(there) == []


async def test_a_second_launch_of_its_own_reconnects(ann) -> None:
    site, here, there = ann
    first = await launch_of(site, here).put_to(here)
    second = await launch_of(site, here).put_to(there)
    assert second.json["session"]["id"] == first.json["session"]["id"]
    assert second.json["reconnected"]


async def test_a_ticket_and_a_renewal_that_come_again_are_given(ann) -> None:
    site, here, there = ann
    session = await site.launch(site.acme)
    ticket = Signed(site, here, "POST", f"{SESSIONS}/{session.id}/ticket", {})
    assert [(await ticket.put_to(browser)).status for browser in (here, there)] == [200, 200]


async def test_a_log_off_that_comes_again_is_no_error(ann) -> None:
    site, here, there = ann
    session = await site.launch(site.acme)
    log_off = Signed(site, here, "DELETE", f"{SESSIONS}/{session.id}")
    assert (await log_off.put_to(here)).status == 202
    await site.report(session, "ended", "ready")
    assert (await log_off.put_to(there)).status == 202
    other = Signed(site, here, "DELETE", f"{SESSIONS}/{session.id}")
    assert (await other.put_to(there)).code == "session_ended"


async def test_a_change_that_cannot_be_done_twice_is_not(two_brokers: ApiSite) -> None:
    site = two_brokers
    async with signed_in(site, site.acme.root) as here, site.browser(1) as there:
        there.cookies.update(here.cookies)
        invite = Signed(site, here, "POST", "/api/v1/admin/users", {"name": "bob"})
        assert (await invite.put_to(here)).status == 201
        again = await invite.put_to(there)
        assert (again.status, again.code) == (409, "outcome_unknown")
        names = [user["name"] for user in (await there.get("/api/v1/admin/users")).json["items"]]
        assert names.count("bob") == 1


async def test_a_change_that_the_first_broker_never_began_is_done_by_the_second(two_brokers: ApiSite) -> None:
    site = two_brokers
    async with signed_in(site, site.acme.root) as here, site.browser(1) as there:
        there.cookies.update(here.cookies)
        invite = Signed(site, here, "POST", "/api/v1/admin/users", {"name": "bob"})
        assert (await invite.put_to(there)).status == 201


async def test_a_nonce_is_good_for_one_request_alone(ann) -> None:
    site, here, there = ann
    session = await site.launch(site.acme)
    nonce = "A" * 22
    for path, code in ((f"{SESSIONS}/{session.id}/ticket", None), (SESSIONS, "signature_refused")):
        signature = here.key.sign_request("POST", path, b"{}", site.clock.now(), nonce)
        headers = {"Origin": ORIGIN, "Portcullis-Signature": signature}
        assert (await there.request("POST", path, b"{}", headers)).code == code


async def test_another_login_with_the_same_key_hears_nothing_of_what_became_of_a_request(ann) -> None:
    site, here, _ = ann
    launch = launch_of(site, here)
    assert (await launch.put_to(here)).status == 201
    async with site.browser(1, here.key) as other:
        await site.let_in(other, site.acme.root)
        assert (await launch.put_to(other)).code == "signature_refused"


async def test_who_am_i_names_the_gateways_to_go_to(ann) -> None:
    site, here, _ = ann
    assert (await here.get("/api/v1/login")).json["gateways"] == []
    gateway = next(iter(site.services.gateways.list()))
    await site.services.gateways.mark_live(gateway.id)
    assert (await here.get("/api/v1/login")).json["gateways"] == [ORIGIN]
