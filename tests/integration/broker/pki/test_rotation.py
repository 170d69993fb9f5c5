"""A site changes its CA over real TLS: who is trusted when, who is waited for, who is turned away."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from broker.pki import certificates, rotation
from broker.pki.change import Progress
from broker.pki.rotation import SETTLED_SECONDS, CaRotation, look
from portcullis import authorities
from portcullis.durable import replace_file
from portcullis.enrolment import renewal as renewing
from portcullis.enrolment.credentials import Credentials, client_context
from portcullis.enrolment.joining import join
from portcullis.enrolment.keys import key_pem
from portcullis.enrolment.renewal import Renewal, renew_if_due
from portcullis.errors import Refused
from portcullis.site_tls import MachineIdentity
from portcullis.tasks import cancel_and_wait, spawn
from tests.support.inner_listener import Inner, inner_listener
from tests.support.patience import patient


@pytest.fixture
async def inner(tmp_path: Path) -> AsyncIterator[Inner]:
    async with inner_listener(tmp_path) as inner:
        follows = spawn(inner.own.run(), name="own certificate")
        unsubscribe = inner.snapshot.subscribe(inner.own.changed)
        yield inner
        unsubscribe()
        await cancel_and_wait(follows)


@pytest.fixture
async def host(inner: Inner, tmp_path: Path) -> Credentials:
    return await join(inner.address, inner.secrets.host_join_token, "h1", tmp_path / "host")


@pytest.fixture
async def gateway(inner: Inner, tmp_path: Path) -> Credentials:
    claims = {"address": "127.0.0.1:9443", "public_origin": "http://localhost:9000"}
    return await join(inner.address, inner.secrets.gateway_join_token, "g1", tmp_path / "gateway", **claims)


async def begin(inner: Inner) -> None:
    await rotation.begin(inner.stores)
    await until_seen(inner)


async def until_seen(inner: Inner) -> None:
    await inner.snapshot.until((await inner.grid.range("/p/v1/site/meta")).revision)
    await asyncio.sleep(0)  # the broker's own certificate is made by a task
    await asyncio.sleep(0)


async def step(inner: Inner) -> Progress | None:
    """A round of the job, a minute after the last; how far it is then."""
    inner.clock.advance(SETTLED_SECONDS)
    await CaRotation(inner.stores, inner.snapshot).round(inner.stores.site.present(("meta",)))
    await until_seen(inner)
    return progress(inner)


def progress(inner: Inner) -> Progress | None:
    return look(inner.snapshot, inner.clock.now())


async def renewed(inner: Inner, credentials: Credentials, **more: Any) -> Credentials:
    return await renew_if_due(credentials, inner.clock, at_once=True, **more)


async def told(inner: Inner, credentials: Credentials) -> Credentials:
    """It learns of the site's CAs, and says that it trusts them."""
    return await renewed(inner, await renewed(inner, credentials))


async def is_let_in(inner: Inner, credentials: Credentials) -> bool:
    async with aiohttp.ClientSession() as session:
        try:
            context = client_context(credentials)
            async with session.get(f"https://{inner.address}/who", ssl=context) as response:
                return (await response.json())["uri"] is not None
        except (aiohttp.ClientError, OSError):
            return False


def issuer(inner: Inner, credentials: Credentials) -> str | None:
    return authorities.issuer_pin(credentials.certificate, inner.authority.ca_pem)


async def test_both_are_trusted_until_the_last_certificate_of_the_old_one_is_gone(
    inner: Inner, host: Credentials, gateway: Credentials
) -> None:
    old = inner.authority.signing_pin
    await begin(inner)
    announced = progress(inner)
    assert announced is not None and announced.waits_for == ("gateway g1", "host h1")
    assert inner.authority.signing_pin == old
    assert await is_let_in(inner, host)

    host, gateway = await told(inner, host), await told(inner, gateway)
    assert host.authorities == (old, announced.pin)
    signing = await step(inner)
    assert signing is not None and signing.phase == "signing"
    assert signing.waits_for == ("gateway g1", "host h1")
    assert inner.authority.signing_pin == announced.pin
    of_old = host
    assert await is_let_in(inner, of_old)

    host, gateway = await renewed(inner, host), await renewed(inner, gateway)
    assert issuer(inner, host) == announced.pin and host.authorities == (announced.pin, old)
    assert await step(inner) is None
    assert inner.authority.ca_pem.count("BEGIN CERTIFICATE") == 1
    assert await is_let_in(inner, host)
    assert (await renewed(inner, host)).authorities == (announced.pin,)


async def test_what_the_old_one_signed_is_turned_away_once_it_is_retired(
    inner: Inner, host: Credentials, tmp_path: Path
) -> None:
    await begin(inner)
    stolen_ca = inner.authority._current_ca()
    host = await told(inner, host)
    await step(inner)
    host = await renewed(inner, host)
    stolen = await a_copy_with(inner, host, stolen_ca, tmp_path / "thief")
    assert await is_let_in(inner, stolen)
    assert await step(inner) is None
    assert not await is_let_in(inner, stolen)
    with pytest.raises(Refused):
        await renewed(inner, stolen)


async def a_copy_with(inner: Inner, host: Credentials, ca: Any, folder: Path) -> Credentials:
    """Of the host, with a certificate that somebody made with that CA's key."""
    key = certificates.new_key()
    record = inner.snapshot.get("site", ("host", host.id))
    assert record is not None
    machine = MachineIdentity(host.site_id, "host", host.id, "h1", record.value["generation"])
    made = certificates.make_machine(ca.certificate, ca.key, machine, key.public_key(), inner.clock.now())
    folder.mkdir()
    text = key_pem(key) + made.public_bytes(Encoding.PEM).decode()
    replace_file(folder / "machine.pem", text)
    return replace(host, state=folder)


async def test_a_machine_that_is_off_is_waited_for(
    inner: Inner, host: Credentials, gateway: Credentials
) -> None:
    await begin(inner)
    await told(inner, gateway)
    waiting = await step(inner)
    assert waiting is not None and (waiting.phase, waiting.waits_for) == ("announced", ("host h1",))
    host = await told(inner, host)
    signing = await step(inner)
    assert signing is not None and signing.phase == "signing"


async def test_nothing_happens_before_every_broker_has_seen_the_last_step(inner: Inner) -> None:
    await begin(inner)
    inner.clock.advance(SETTLED_SECONDS - 1)
    await CaRotation(inner.stores, inner.snapshot).round(inner.stores.site.present(("meta",)))
    now = progress(inner)
    assert now is not None and (now.phase, now.waits_for) == ("announced", ())


async def test_a_broker_of_an_older_version_is_waited_for(inner: Inner) -> None:
    live = {"name": "b-old", "address": "127.0.0.1:1", "version": "0.1.0"}
    await inner.stores.commit(inner.stores.site.put(("live", "broker", "c" * 16), live))
    await begin(inner)
    waiting = await step(inner)
    assert waiting is not None and (waiting.phase, waiting.waits_for) == ("announced", ("broker b-old",))


async def test_who_is_left_behind_by_the_operators_word_joins_anew(inner: Inner, host: Credentials) -> None:
    await begin(inner)
    await rotation.force(inner.stores)
    await until_seen(inner)
    signing = await step(inner)
    assert signing is not None and (signing.phase, signing.forced) == ("signing", False)
    assert not await is_let_in(inner, host)  # it does not know who answers
    assert await step(inner) == progress(inner) is not None
    await rotation.force(inner.stores)
    await until_seen(inner)
    assert await step(inner) is None


async def test_a_new_ca_is_taken_back_before_it_signs_and_not_after(inner: Inner, host: Credentials) -> None:
    await begin(inner)
    host = await told(inner, host)
    await rotation.cancel(inner.stores)
    await until_seen(inner)
    assert progress(inner) is None
    assert len((await renewed(inner, host)).authorities) == 1
    await begin(inner)
    await told(inner, host)
    assert (await step(inner)) is not None
    with pytest.raises(Refused):
        await rotation.cancel(inner.stores)


async def test_a_machine_hears_of_it_and_does_the_rest_by_itself(
    inner: Inner, host: Credentials, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(renewing, "HASTE_SECONDS", 0.01)
    monkeypatch.setattr(renewing, "LOOK_SECONDS", 0.01)
    all_take_it = False
    renewals: asyncio.Queue[Credentials] = asyncio.Queue()
    renewal = Renewal(
        host,
        renewals.put_nowait,
        inner.clock,
        trusts=lambda known: known.authorities if all_take_it else known.told,
    )
    running = spawn(renewal.run(), name="renewal")
    try:
        await begin(inner)
        renewal.announce(tuple(authorities.pins(inner.authority.ca_pem)))
        async with asyncio.timeout(patient(10)):
            assert len((await renewals.get()).authorities) == 2
        waiting = await step(inner)
        assert waiting is not None and waiting.waits_for == (
            "host h1",
        )  # a session of it knows the old one only
        all_take_it = True
        async with asyncio.timeout(patient(10)):
            assert len((await renewals.get()).told) == 2
        signing = await step(inner)
        assert signing is not None and signing.phase == "signing"
        renewal.announce(tuple(authorities.pins(inner.authority.ca_pem)))
        async with asyncio.timeout(patient(10)):
            assert issuer(inner, await renewals.get()) == inner.authority.signing_pin
        assert await step(inner) is None
    finally:
        await cancel_and_wait(running)
