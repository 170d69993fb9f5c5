"""Two brokers on etcd, two of whose three members die: degraded within seconds, and revocations reach all the same."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from broker.revocation.pending import PendingActs
from portcullis.errors import Refused
from tests.support.revocation_site import LiveStream, RevocationSite, revocation_site

SIGNED_OUT = 4411


@pytest_asyncio.fixture
async def site(tmp_path: Path) -> AsyncIterator[RevocationSite]:
    async with revocation_site(tmp_path, brokers=2, etcd=True) as made:
        yield made


async def test_without_quorum_sessions_go_on_and_a_revocation_reaches_every_broker(
    site: RevocationSite,
) -> None:
    ann, bob = await site.person("ann"), await site.person("bob")
    stream, other = await site.attach(ann), await site.attach(bob)
    await site.lose_quorum()
    await site.until_degraded()
    assert await stream.is_open()
    assert (await site.api("POST", "admin/users", {"name": "new"}))[1]["error"]["code"] == "grid_degraded"
    assert (await site.api("GET", "admin/users"))[0] == 200
    assert isinstance(await site.resume(other.grant), LiveStream)

    asked = site.brokers[0].parts
    assert await asked.acts.sign_out(site.tenant, ann.user, "test") is False
    assert await stream.closed() == SIGNED_OUT
    assert await site.resume(stream.grant) == SIGNED_OUT
    elsewhere = site.brokers[1].parts
    await site.until(lambda: elsewhere.revocations.is_void(ann.login))  # by way of the gateway
    for parts in (asked, elsewhere):
        assert await parts.attach.renew(
            bob.login, bob.session.id, parts.sessions.get(site.tenant, bob.session.id).e
        )
        with pytest.raises(Refused, match="signed_out"):
            await parts.attach.renew(ann.login, ann.session.id, 1)

    await site.regain_quorum()
    await site.until_degraded(False)
    await site.until(lambda: elsewhere.identity.logins._records.get(site.tenant, ann.login.hash) is None)
    assert (await site.api("POST", "admin/users", {"name": "new"}))[0] == 201


async def test_what_a_broker_was_asked_without_the_grid_is_written_by_the_other_when_it_dies(
    site: RevocationSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("broker.revocation.acts.TAKE_OVER_SECONDS", 0.1)
    ann, bob = await site.person("ann"), await site.person("bob")
    await site.lose_quorum()
    await site.until_degraded()
    asked, left = (broker.parts for broker in site.brokers)
    await asked.acts.disable(site.tenant, "ann", "test")
    assert await asked.acts.sign_out(site.tenant, bob.user, "test") is False
    await site.until(lambda: left.revocations.is_void(ann.login) and left.revocations.is_void(bob.login))
    await site.brokers[0].stop()
    await site.regain_quorum()
    await site.until(lambda: left.identity.users.get(site.tenant, ann.user.id).disabled)
    await site.until(lambda: left.identity.logins._records.get(site.tenant, bob.login.hash) is None)
    assert (site.folders[0] / "acts.json").exists()

    await left.identity.accounts.set_disabled(site.tenant, "ann", False, "test")
    late = PendingActs(site.folders[0] / "acts.json").load()
    assert [act.kind for act in late] == ["disable", "sign_out"]
    for act in late:
        assert await left.acts._merge_one(act)
    assert not left.identity.users.get(site.tenant, ann.user.id).disabled  # it was decided anew since


async def test_a_change_of_the_leader_fails_nothing(site: RevocationSite) -> None:
    assert site.etcd is not None
    await (await site.etcd.leader()).kill()
    answers = await asyncio.gather(
        *(site.api("POST", "admin/users", {"name": f"new{number}"}) for number in range(4))
    )
    assert [status for status, _ in answers] == [201] * 4
