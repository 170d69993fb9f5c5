"""Policies and groups that change while people are connected, with real brokers, gateway and agent."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
import pytest_asyncio

from portcullis.errors import Refused
from portcullis.model.session import Session
from portcullis.tickets import read_grant
from tests.support.revocation_site import LiveStream, Person, RevocationSite, revocation_site

GRANT_REFUSED = 4403
OFFICE, HOME = "192.0.2.7", "198.51.100.7"
ALL = {"display", "input", "clipboard_in", "clipboard_out"}


pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[RevocationSite]:
    async with revocation_site(tmp_path_factory.mktemp("site"), slots=40) as made:
        yield made


@pytest_asyncio.fixture(loop_scope="module")
async def site(shared: RevocationSite) -> AsyncIterator[RevocationSite]:
    """Nothing stays of a test but people."""
    yield shared
    for policy in (await shared.api("GET", "admin/policies"))[1]["items"]:
        await shared.api("DELETE", f"admin/policies/{policy['level']}/{policy['name']}")
    for user in (await shared.api("GET", "admin/users"))[1]["items"]:
        if user["name"] in ("ann", "bob"):
            await shared.api("DELETE", f"admin/users/{user['name']}")
            parts = shared.brokers[0].parts
            await shared.until(
                lambda parts=parts, user=user: not parts.sessions.of_user(shared.tenant, user["id"])
            )
    await shared.api("DELETE", "admin/groups/staff")


async def put(site: RevocationSite, of: str, *, locked: list[str] | None = None, **values: Any) -> None:
    body = {"values": values, "locked": locked or []}
    status, answer = await site.api("PUT", f"admin/policies/{of}", body)
    assert status == 200, answer


def channels(stream: LiveStream) -> frozenset[str]:
    return read_grant(stream.grant).channels


def allowed(site: RevocationSite, person: Person, stream: LiveStream) -> frozenset[str]:
    """What the worker lets through."""
    return site.leaders.sessions[person.session.id].book.allowed(read_grant(stream.grant))


async def test_a_clipboard_that_is_taken_away_is_taken_from_that_connection_which_stands(
    site: RevocationSite,
) -> None:
    ann, bob = await site.person("ann"), await site.person("bob")
    stream, other = await site.attach(ann), await site.attach(bob)
    assert channels(stream) == ALL
    await put(site, "user/ann", clipboard="none")
    await site.until(lambda: allowed(site, ann, stream) == {"display", "input"})
    assert allowed(site, bob, other) == ALL
    assert await stream.is_open() and await other.is_open()
    assert channels(await site.attach(ann)) == {"display", "input"}


async def test_who_gets_a_clipboard_back_is_connected_anew_with_it(site: RevocationSite) -> None:
    """Also who attached while it was there, and had it taken away since."""
    ann, bob = await site.person("ann"), await site.person("bob")
    stream = await site.attach(bob)
    await put(site, "tenant/-", clipboard="none")
    less = await site.attach(ann)
    await site.until(lambda: allowed(site, bob, stream) == {"display", "input"})
    await put(site, "tenant/-", clipboard="from_application")
    assert await less.closed() == GRANT_REFUSED and await stream.closed() == GRANT_REFUSED
    assert await site.resume(less.grant) == GRANT_REFUSED
    for person in (ann, bob):
        again = await site.attach(person)
        assert channels(again) == ALL - {"clipboard_in"} and await again.is_open()
        assert site.leaders.sessions[person.session.id].ended is None


async def test_an_agent_of_before_closes_what_it_cannot_narrow(
    site: RevocationSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    ann = await site.person("ann")
    stream = await site.attach(ann)
    monkeypatch.setattr(site.brokers[0].parts.registry.get(site.host.id), "is_older", True)
    await put(site, "user/ann", clipboard="none")
    assert await stream.closed() == GRANT_REFUSED
    assert await site.resume(stream.grant) == GRANT_REFUSED
    assert channels(await site.attach(ann)) == {"display", "input"}


async def test_a_policy_below_a_lock_cuts_nobody(site: RevocationSite) -> None:
    await put(site, "tenant/-", locked=["clipboard"], clipboard="to_application")
    ann = await site.person("ann")
    stream = await site.attach(ann)
    await put(site, "user/ann", clipboard="none")
    await put(site, "user/ann", clipboard="none", idle_minutes=600)
    assert await stream.is_open() and channels(stream) == ALL - {"clipboard_out"}


async def test_who_is_outside_of_the_networks_is_cut_and_who_is_inside_is_not(site: RevocationSite) -> None:
    ann, bob = await site.person("ann"), await site.person("bob")
    home, office = await site.attach(ann, HOME), await site.attach(bob, OFFICE)
    await put(site, "group/staff", networks=["192.0.2.0/24"])
    assert await home.closed() == GRANT_REFUSED
    assert await site.resume(home.grant) == GRANT_REFUSED
    assert await office.is_open()
    with pytest.raises(Refused, match="outside_networks"):
        await site.attach(ann, HOME)
    assert await (await site.attach(ann, OFFICE)).is_open()


async def test_who_moves_elsewhere_is_cut_when_the_grant_is_renewed(site: RevocationSite) -> None:
    ann = await site.person("ann")
    await put(site, "tenant/-", networks=["192.0.2.0/24"])
    stream = await site.attach(ann, OFFICE)
    renew = site.brokers[0].parts.attach.renew
    assert read_grant(await renew(ann.login, ann.session.id, 1, OFFICE)).channels == ALL
    with pytest.raises(Refused, match="outside_networks"):
        await renew(ann.login, ann.session.id, 1, HOME)
    assert await stream.closed() == GRANT_REFUSED


async def test_who_asks_from_elsewhere_does_not_cut_who_is_inside(site: RevocationSite) -> None:
    ann = await site.person("ann")
    await put(site, "tenant/-", networks=["192.0.2.0/24"])
    stream = await site.attach(ann, OFFICE)
    with pytest.raises(Refused, match="outside_networks"):
        await site.attach(ann, HOME)
    assert await stream.is_open()


async def test_connections_end_with_the_hours(site: RevocationSite, monkeypatch: pytest.MonkeyPatch) -> None:
    every = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
    await put(site, "tenant/-", hours=[{"days": every, "from": "00:00", "to": "24:00"}])
    ann = await site.person("ann")
    stream = await site.attach(ann)
    with monkeypatch.context() as over:
        over.setattr("broker.revocation.rules.is_open", lambda *_: False)
        over.setattr("broker.policy.conditions.is_open", lambda *_: False)
        assert await stream.closed() == GRANT_REFUSED
        with pytest.raises(Refused, match="outside_hours"):
            await site.attach(ann)
    assert site.leaders.sessions[ann.session.id].ended is None


async def test_a_group_that_leaves_another_takes_its_applications_along(site: RevocationSite) -> None:
    """`staff` may have them; ann is in `juniors`, which is inside `staff`."""
    inside = {"members": {"groups": ["juniors"]}}
    assert (await site.api("PUT", "admin/groups/staff", inside))[0] == 200
    ann = await site.person("ann")
    stream = await site.attach(ann)
    assert (await site.api("PUT", "admin/groups/juniors", {"users": ["ann"]}))[0] == 200
    assert (await site.api("PUT", "admin/groups/staff", {"users": []}))[0] == 200
    assert await stream.is_open()
    assert (await site.api("PUT", "admin/groups/staff", {"members": {"groups": []}}))[0] == 200
    assert await stream.closed() == GRANT_REFUSED
    with pytest.raises(Refused, match="not_entitled"):
        await site.attach(ann)


async def test_a_user_who_comes_into_a_group_has_its_policy_at_once(site: RevocationSite) -> None:
    await site.api("PUT", "admin/groups/guarded", {})
    await put(site, "group/guarded", clipboard="none")
    ann = await site.person("ann")
    stream = await site.attach(ann)
    assert (await site.api("PUT", "admin/groups/guarded", {"users": ["ann"]}))[0] == 200
    await site.until(lambda: allowed(site, ann, stream) == {"display", "input"})
    assert channels(await site.attach(ann)) == {"display", "input"}


async def test_a_session_that_a_broker_of_before_attached_is_left_alone(site: RevocationSite) -> None:
    """It wrote down neither where from nor with which clipboard, and would do so again."""
    ann = await site.person("ann")
    await put(site, "tenant/-", clipboard="none", networks=["192.0.2.0/24"])
    stream = await site.attach(ann, OFFICE)
    await rewritten(
        site, ann, lambda session: replace(session, client_address="", clipboard="", e=session.e + 1)
    )
    await put(site, "tenant/-", clipboard="to_application", networks=["203.0.113.0/24"])
    assert await stream.is_open()


async def rewritten(site: RevocationSite, person: Person, change: Any) -> Session:
    session = await site.brokers[0].parts.sessions.change(site.tenant, person.session.id, change)
    assert session is not None
    return session


async def test_a_session_that_nobody_uses_is_logged_off_and_its_user_hears_why(site: RevocationSite) -> None:
    ann, bob = await site.person("ann"), await site.person("bob")
    await site.attach(ann)
    parts, leader = site.brokers[0].parts, site.leaders.sessions[ann.session.id]
    parts.limits.hear({ann.session.id: 700, bob.session.id: 700})
    await put(site, "user/ann", idle_minutes=10)
    await site.until(lambda: leader.ended is not None)
    await site.until(lambda: parts.sessions.get(site.tenant, ann.session.id) is None)
    async for event in parts.stages.follow(site.tenant, ann.session.id):
        assert (event.kind, event.code) == ("failed", "idle_limit")
    assert site.leaders.sessions[bob.session.id].ended is None


async def test_a_session_without_a_connection_is_logged_off_when_its_time_is_over(
    site: RevocationSite,
) -> None:
    ann, bob = await site.person("ann"), await site.person("bob")
    parts, leader = site.brokers[0].parts, site.leaders.sessions[ann.session.id]
    await rewritten(site, ann, lambda session: replace(session, state_since=session.created - 700))
    await put(site, "tenant/-", disconnected_minutes=10)
    await site.until(lambda: leader.ended is not None)
    async for event in parts.stages.follow(site.tenant, ann.session.id):
        last = event
    assert (last.kind, last.code) == ("failed", "disconnected_limit")
    assert parts.sessions.get(site.tenant, bob.session.id) is not None
    assert site.leaders.sessions[bob.session.id].ended is None
