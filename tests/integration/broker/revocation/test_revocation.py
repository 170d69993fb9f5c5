"""Taking rights back, with real brokers, gateway and agent: what is cut, what goes on, with and without a quorum."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio

from broker.backup.journal import parse
from broker.peers.message import Orphan
from broker.revocation.pending import Act, PendingActs
from portcullis.clock import SystemClock
from portcullis.errors import Refused
from portcullis.protocol.reports import Report
from portcullis.tickets import read_grant
from tests.support.revocation_site import LiveStream, RevocationSite, revocation_site

SIGNED_OUT, GRANT_REFUSED = 4411, 4403


@pytest_asyncio.fixture
async def site(tmp_path: Path) -> AsyncIterator[RevocationSite]:
    async with revocation_site(tmp_path) as made:
        yield made


async def test_a_user_who_is_signed_out_is_cut_and_others_are_not(site: RevocationSite) -> None:
    ann, bob = await site.person("ann"), await site.person("bob")
    stream, other = await site.attach(ann), await site.attach(bob)
    assert await site.api("POST", "admin/users/ann/sign-out", {}) == (
        200,
        {"user": {"id": ann.user.id, "name": "ann"}, "merged": True},
    )
    assert await stream.closed() == SIGNED_OUT
    assert await site.resume(stream.grant) == SIGNED_OUT
    assert await other.is_open()
    assert site.leaders.sessions[ann.session.id].ended is None
    with pytest.raises(Refused, match="signed_out"):
        await site.brokers[0].parts.attach.renew(ann.login, ann.session.id, 1)


async def test_a_user_who_is_disabled_is_cut_and_stays_out(site: RevocationSite) -> None:
    ann = await site.person()
    stream = await site.attach(ann)
    status, answer = await site.api("POST", "admin/users/ann/disable", {})
    assert (status, answer["user"]["disabled"], answer["merged"]) == (200, True, True)
    assert await stream.closed() == SIGNED_OUT
    assert site.brokers[0].parts.identity.logins.resolve(ann.secret.text) is None


async def test_signing_out_cuts_that_login_alone(site: RevocationSite) -> None:
    ann, bob = await site.person("ann"), await site.person("bob")
    stream, other = await site.attach(ann), await site.attach(bob)
    await site.brokers[0].parts.acts.end_login(ann.login)
    assert await stream.closed() == SIGNED_OUT
    assert await other.is_open()


async def test_a_withdrawn_entitlement_cuts_and_a_given_one_lets_in_again(site: RevocationSite) -> None:
    ann, bob = await site.person("ann"), await site.person("bob")
    stream, other = await site.attach(ann), await site.attach(bob)
    form = {"command": ["editor"], "entitled": {"users": ["bob"]}}
    path = f"admin/applications/{ann.application.name}"
    assert (await site.api("PUT", path, form))[0] == 200
    assert await stream.closed() == GRANT_REFUSED
    assert await site.resume(stream.grant) == GRANT_REFUSED
    assert await other.is_open()
    assert (await site.api("PUT", path, {**form, "entitled": {"users": ["ann"]}}))[0] == 200
    assert await (await site.attach(ann)).is_open()


async def test_a_panic_ends_every_connection_and_login_and_nobodys_work(site: RevocationSite) -> None:
    people = [await site.person(name) for name in ("ann", "bob", "cid")]
    streams = [await site.attach(person) for person in people]
    parts = site.brokers[0].parts
    ticket = await parts.attach.issue_ticket(people[0].login, people[0].session.id)
    before = parts.keys.verifying().keys()
    assert await site.api("POST", "admin/panic", {"confirm": "lab"}) == (200, {"merged": True, "epoch": 2})
    closed = await asyncio.gather(*(stream.closed() for stream in streams))
    assert set(closed) <= {SIGNED_OUT, GRANT_REFUSED}
    assert not before & parts.keys.verifying().keys()
    assert all(parts.identity.logins.resolve(person.secret.text) is None for person in people)
    with pytest.raises(Refused, match="ticket_refused"):
        await parts.attach.redeem(ticket.text)
    assert await site.resume(streams[0].grant) in (SIGNED_OUT, GRANT_REFUSED)
    assert [site.leaders.sessions[person.session.id].ended for person in people] == [None] * 3


async def test_whoever_signs_in_after_a_panic_is_let_in_at_once(site: RevocationSite) -> None:
    """The administrator who did it, too: their API token stays, and a new login has the new epoch."""
    await site.person("ann")
    await site.api("POST", "admin/panic", {"confirm": "lab"})
    dee = await site.person("dee")
    assert await (await site.attach(dee)).is_open()
    assert (await site.api("GET", "admin/users"))[0] == 200


async def test_a_panic_takes_api_tokens_when_it_is_asked_to(site: RevocationSite) -> None:
    await site.api("POST", "admin/panic", {"confirm": "lab", "api_tokens": True})
    parts = site.brokers[0].parts
    await site.until(lambda: not parts.identity.tokens.list(site.tenant))
    assert (await site.api("GET", "admin/users"))[0] == 401


async def test_a_panic_wants_the_name_of_the_site(site: RevocationSite) -> None:
    status, answer = await site.api("POST", "admin/panic", {"confirm": "Lab"})
    assert (status, answer["error"]["field"]) == (422, "confirm")
    assert site.brokers[0].parts.identity.tenants.epoch() == 1


async def test_a_host_that_was_away_is_told_all_that_is_in_force(site: RevocationSite) -> None:
    """And so is every session that starts there."""
    ann = await site.person("ann")
    await site.attach(ann)
    await site.api("POST", "admin/users/ann/sign-out", {})
    bob = await site.person("bob")
    told = site.leaders.sessions[bob.session.id].book
    grant = read_grant((await site.attach(bob)).grant)
    await site.until(lambda: told.refuses(replace(grant, user=ann.user.id, issued=0.0)) is not None)


async def test_an_orphan_is_listed_and_ended_by_a_signed_word(site: RevocationSite) -> None:
    ann = await site.person()
    stream, leader = await site.attach(ann), site.leaders.sessions[ann.session.id]
    parts = site.brokers[0].parts
    tenant = await parts.stores.tenant(site.tenant)
    # Its record, its user and its application are lost: nothing adopts it again.
    await parts.stores.commit(
        tenant.delete(("session", ann.session.id)),
        tenant.delete(("own", ann.user.id, ann.application.id)),
        tenant.delete(("application", ann.application.id)),
        parts.stores.site.delete(("slot", site.host.id, str(ann.session.slot))),
    )
    await site.until(lambda: parts.sessions.get(site.tenant, ann.session.id) is None)
    site.agent._on_report(Report(ann.session.id, site.tenant, "disconnected", "ready"))
    await site.until(lambda: len(parts.exchange.orphans()) == 1)
    _, listed = await site.api("GET", "admin/orphans")
    assert [(one["host"], one["session"]) for one in listed["items"]] == [("h1", ann.session.id)]
    assert (await site.api("DELETE", f"admin/orphans/h1/{'0' * 16}"))[0] == 404
    assert (await site.api("DELETE", f"admin/orphans/h1/{ann.session.id}"))[0] == 202
    await site.until(lambda: leader.ended is not None)
    assert await stream.closed()


async def test_a_host_that_lies_has_nobody_end_a_session_of_another_host(site: RevocationSite) -> None:
    ann = await site.person()
    _, leader = await site.attach(ann), site.leaders.sessions[ann.session.id]
    exchange = site.brokers[0].parts.exchange
    lie = Orphan(site.host.id, ann.session.id, site.tenant, "active")
    said = exchange.me
    exchange.me = lambda: replace(said(), orphans=(lie,))
    assert (await site.api("GET", "admin/orphans"))[1]["items"] == []
    assert (await site.api("DELETE", f"admin/orphans/h1/{ann.session.id}"))[0] == 404
    assert leader.ended is None


async def test_a_panic_that_comes_late_ends_nothing_of_after_it(site: RevocationSite) -> None:
    """A broker that was dead for an hour writes what it could not write then; another one has panicked since."""
    parts = site.brokers[0].parts
    late = Act("everything", "site", "0" * 16, "root", SystemClock().now() - 3600, 1, ())
    assert (await site.api("POST", "admin/panic", {"confirm": "lab"}))[0] == 200
    ann = await site.person("ann")
    stream = await site.attach(ann)
    await parts.acts._write(late)
    await site.until(lambda: any(known.id == late.id for _, known in parts.revocations.book._texts.values()))
    assert parts.revocations.book.refuses(read_grant(stream.grant)) is None
    assert await stream.is_open()


async def test_the_journal_says_what_a_restore_must_not_bring_back(site: RevocationSite) -> None:
    ann = await site.person()
    for path in ("users/ann/disable", "users/ann/enable", "users/ann/reset"):
        assert (await site.api("POST", f"admin/{path}", {}))[0] == 200
    await site.api("DELETE", "admin/users/ann")
    await site.api("POST", "admin/panic", {"confirm": "lab"})
    journal = site.folders[0] / "revocations.jsonl"

    def kinds() -> list[str]:
        return [entry.kind for entry in parse(journal.read_bytes()).entries if entry.id in (ann.user.id, "")]

    expected = ["user_disabled", "user_enabled", "credentials_voided", "user_deleted", "everything"]
    await site.until(lambda: journal.exists() and set(kinds()) >= set(expected))
    assert kinds() == expected


# --- Without the grid


async def test_what_takes_rights_back_works_without_the_grid_and_is_written_later(
    site: RevocationSite,
) -> None:
    people = {name: await site.person(name) for name in ("ann", "bob", "cid")}
    streams = {name: await site.attach(person) for name, person in people.items()}
    await site.lose_quorum()
    await site.until_degraded()
    assert (await site.api("POST", "admin/users/ann/sign-out", {}))[1]["merged"] is False
    assert (await site.api("POST", "admin/users/bob/disable", {}))[1]["merged"] is False
    assert [await streams[name].closed() for name in ("ann", "bob")] == [SIGNED_OUT] * 2
    assert await site.resume(streams["ann"].grant) == SIGNED_OUT
    assert await streams["cid"].is_open()
    parts = site.brokers[0].parts
    assert parts.identity.logins.resolve(people["ann"].secret.text) is None
    pending = json.loads((site.folders[0] / "acts.json").read_text())
    assert [act["kind"] for act in pending] == ["sign_out", "disable"]
    await site.regain_quorum()
    await site.until(lambda: not (site.folders[0] / "acts.json").exists())
    assert parts.identity.users.by_name(site.tenant, "bob").disabled
    left = await (await parts.stores.tenant(site.tenant)).list("login")
    assert {record.value["user_id"] for record in left} == {people["cid"].user.id}


async def test_a_panic_without_the_grid_cuts_at_once_and_raises_the_epoch_later(site: RevocationSite) -> None:
    ann = await site.person()
    stream = await site.attach(ann)
    await site.lose_quorum()
    await site.until_degraded()
    assert await site.api("POST", "admin/panic", {"confirm": "lab"}) == (200, {"merged": False, "epoch": 1})
    assert await stream.closed() == SIGNED_OUT
    assert await site.resume(stream.grant) == SIGNED_OUT
    parts = site.brokers[0].parts
    assert parts.identity.logins.resolve(ann.secret.text) is None
    with pytest.raises(Refused, match="signed_out"):
        await parts.attach.renew(ann.login, ann.session.id, 1)
    await site.regain_quorum()
    await site.until(lambda: parts.identity.tenants.epoch() == 2)
    assert await (await site.attach(await site.person("bob"))).is_open()


async def test_running_sessions_resumes_and_reading_go_on_and_changes_are_refused(
    site: RevocationSite,
) -> None:
    ann = await site.person()
    stream = await site.attach(ann)
    await site.lose_quorum()
    await site.until_degraded()
    status, answer = await site.api("POST", "admin/users", {"name": "new"})
    assert (status, answer["error"]["code"]) == (503, "grid_degraded")
    assert (await site.api("GET", "admin/users"))[0] == 200
    assert (await site.api("GET", "admin/sessions"))[1]["items"][0]["id"] == ann.session.id
    assert await stream.is_open()
    assert await site.brokers[0].parts.attach.renew(ann.login, ann.session.id, 1)
    resumed = await site.resume(stream.grant)
    assert isinstance(resumed, LiveStream)
    await site.regain_quorum()
    await site.until_degraded(False)
    assert (await site.api("POST", "admin/users", {"name": "new"}))[0] == 201


async def test_a_change_waits_out_an_election(site: RevocationSite) -> None:
    await site.lose_quorum()
    await site.until_degraded()
    asked = asyncio.ensure_future(site.api("POST", "admin/users", {"name": "new"}))
    await asyncio.sleep(0)
    await site.regain_quorum()
    assert (await asked)[0] == 201


async def test_with_every_broker_dead_sessions_and_resumes_go_on(site: RevocationSite) -> None:
    stream = await site.attach(await site.person())
    await site.brokers[0].stop()
    await site.until(lambda: not site.gateway.brokers._channels._open)
    assert await stream.is_open()
    assert isinstance(await site.resume(stream.grant), LiveStream)


async def test_what_was_done_without_the_grid_lies_on_the_disk_until_it_is_written(
    site: RevocationSite,
) -> None:
    ann = await site.person()
    await site.lose_quorum()
    await site.until_degraded()
    await site.api("POST", "admin/users/ann/disable", {})
    left = PendingActs(site.folders[0] / "acts.json").load()
    assert [(act.kind, act.id) for act in left] == [("disable", ann.user.id)]
    parts = site.brokers[0].parts
    await site.regain_quorum()
    await site.until(lambda: parts.identity.users.get(site.tenant, ann.user.id).disabled)
    assert PendingActs(site.folders[0] / "acts.json").load() == []
