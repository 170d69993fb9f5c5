"""The gateway channel of a real broker, spoken to by a small client that really enrolled."""

from __future__ import annotations

import asyncio
import logging
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from broker.gateways import channel as broker_channel
from portcullis.enrolment.credentials import client_context
from portcullis.ids import new_id
from portcullis.protocol.gateway_channel import (
    PATH,
    SUBPROTOCOL,
    Hello,
    Site,
    State,
    encode,
    parse_from_broker,
)
from portcullis.protocol.revoked import Revocations
from portcullis.revocations import Revocation, sign_revocation
from tests.support.patience import patient, until
from tests.support.running_broker import running_broker

KEY = Ed25519PrivateKey.generate()


class Channel:
    def __init__(self, socket):
        self.socket = socket

    async def hello(self):
        await self.socket.send(encode(Hello("1.0", new_id())))
        return await self.next()

    async def next(self):
        async with asyncio.timeout(patient(10)):
            return parse_from_broker(await self.socket.recv())

    async def closed(self):
        with pytest.raises(ConnectionClosed):
            while True:
                await self.next()
        return self.socket.close_code


@pytest.fixture
async def site(tmp_path):
    async with running_broker(tmp_path) as running:
        yield running


@asynccontextmanager
async def channel(site, credentials=None, **options):
    context = client_context(credentials or site.gateway)
    options = {"subprotocols": [SUBPROTOCOL], **options}
    async with connect(f"wss://{site.broker.address}{PATH}", ssl=context, proxy=None, **options) as socket:
        yield Channel(socket)


async def put(site, *operations):
    result = await site.parts.stores.commit(*operations)
    assert await site.parts.snapshot.until(result.revision)


async def changed_gateway(site, **changes):
    gateway = replace(site.parts.gateways.get(site.gateway.id), **changes)
    await put(site, site.parts.stores.site.put(("gateway", gateway.id), gateway.to_json(), author="test"))


async def test_a_gateway_hears_of_the_site_and_counts_as_live(site):
    async with channel(site) as gateway:
        told = await gateway.hello()
        assert isinstance(told, Site)
        assert told.brokers == (str(site.broker.address),)
        assert told.public_origins == ("http://localhost:8080",)
        assert set(told.grant_keys) == set(site.parts.keys.verifying())
        assert not told.draining and not told.gateway_draining
        while not told.gateways:
            told = await gateway.next()
        assert told.gateways == ("http://localhost:8080",)
        assert site.parts.gateways.is_live(site.gateway.id)


async def test_its_state_is_known_while_its_channel_stands(site):
    registry = site.parts.gateway_registry
    async with channel(site) as gateway:
        await gateway.hello()
        state = State(3, (site.host.id,), False, 0.5)
        await gateway.socket.send(encode(state))
        await until(lambda: registry.states.get(site.gateway.id) == state)
    await until(lambda: site.gateway.id not in registry and not registry.states)


async def test_a_gateway_that_says_it_stops_is_live_no_more(site):
    async with channel(site) as gateway:
        await gateway.hello()
        await until(lambda: site.parts.gateways.is_live(site.gateway.id))
        await gateway.socket.close(1001)
    await until(lambda: not site.parts.gateways.is_live(site.gateway.id))


async def test_one_whose_channel_breaks_stays_live_until_its_lease_ends(site):
    async with channel(site) as gateway:
        await gateway.hello()
        await until(lambda: site.parts.gateways.is_live(site.gateway.id))
        gateway.socket.transport.abort()
        await until(lambda: site.gateway.id not in site.parts.gateway_registry)
        assert site.parts.gateways.is_live(site.gateway.id)


async def test_a_draining_gateway_is_told_and_stands_in_no_list(site):
    async with channel(site) as gateway:
        await gateway.hello()
        await until(lambda: site.parts.gateways.is_live(site.gateway.id))
        await changed_gateway(site, draining=True)
        told = await gateway.next()
        while not told.gateway_draining:
            told = await gateway.next()
        assert told.gateways == ()
        assert site.parts.directory.for_agents().gateways == ()


async def test_a_broker_with_a_wrong_clock_asks_to_be_asked_last(site, monkeypatch):
    """A gateway of any version knows how to treat one that drains. It is told the time of the other brokers."""
    monkeypatch.setattr(broker_channel, "KEEP_SECONDS", 0.05)
    guard = site.parts.clock_guard
    async with channel(site) as gateway:
        assert not (await gateway.hello()).draining
        for address in ("10.0.0.1:8444", "10.0.0.2:8444"):
            guard.heard(address, guard.own() + 3600, guard.monotonic())
        told = await gateway.next()
        while not told.draining:
            told = await gateway.next()
        assert abs(told.time - guard.own() - 3600) < 60


async def test_a_new_public_origin_of_the_site_is_told_at_once(site):
    async with channel(site) as gateway:
        await gateway.hello()
        record = site.parts.snapshot.get("site", ("meta",))
        origins = [*record.value["public_origins"], "https://apps.example"]
        await put(site, site.parts.stores.site.put(("meta",), {**record.value, "public_origins": origins}))
        told = await gateway.next()
        while "https://apps.example" not in told.public_origins:
            told = await gateway.next()


async def test_revocations_that_a_hacked_gateway_makes_up_take_nothing_back(site, caplog):
    login, offices = await site.sign_in(), site.parts.revocations
    kid = site.parts.keys.signing()[0]
    made_up = [
        sign_revocation(Revocation(kind, site.tenant, of, 1e11, "signed_out", epoch=9), kid, KEY)
        for kind, of in (
            ("everything", ""),
            ("user", site.user.id),
            ("login", login.hash),
            ("session", "0" * 16),
        )
    ]
    with caplog.at_level(logging.WARNING):
        async with channel(site) as gateway:
            await gateway.hello()
            await gateway.socket.send(encode(Revocations((*made_up, "revocation.v1.x.y.z", ""))))
            offices.tell([sound := offices.sign("login", site.tenant, "f" * 64)])
            while not isinstance(message := await gateway.next(), Revocations):
                pass
            await until(lambda: "not taken" in caplog.text)
    assert message.revocations == (sound,) and offices.living() == [sound]
    assert not offices.is_void(login)
    assert [r.getMessage() for r in caplog.records if "not taken" in r.getMessage()] == [
        "6 revocations are not taken: no key of the site has signed them"
    ]


async def test_revocations_reach_a_gateway(site):
    async with channel(site) as gateway:
        await gateway.hello()
        site.parts.gateway_registry.revoke([f"text {number}" for number in range(300)])
        heard = []
        while len(heard) < 300:
            message = await gateway.next()
            if isinstance(message, Revocations):
                heard += message.revocations
        assert heard == [f"text {number}" for number in range(300)]


async def test_the_newest_channel_of_a_gateway_wins(site):
    async with channel(site) as first:
        await first.hello()
        async with channel(site) as second:
            await second.hello()
            assert await first.closed() == 4409
            assert site.gateway.id in site.parts.gateway_registry


async def test_a_removed_gateway_loses_its_channel(site):
    async with channel(site) as gateway:
        await gateway.hello()
        await changed_gateway(site, revoked=True)
        assert await gateway.closed() == 4403


@pytest.mark.parametrize(
    "said", ["{}", "nonsense", encode(State(0, (), False, 0)), '{"type": "hello"}', b"binary"]
)
async def test_a_first_message_that_is_no_hello_ends_the_channel(site, said):
    async with channel(site) as gateway:
        await gateway.socket.send(said)
        assert await gateway.closed() == 1002


async def test_what_a_later_version_says_is_skipped(site):
    async with channel(site) as gateway:
        await gateway.hello()
        await gateway.socket.send('{"type": "weather", "rain": true}')
        state = State(1, (), False, 0)
        await gateway.socket.send(encode(state))
        await until(lambda: site.parts.gateway_registry.states.get(site.gateway.id) == state)


async def test_no_host_opens_a_channel_of_a_gateway(site):
    with pytest.raises(InvalidStatus) as refused:
        async with channel(site, site.host):
            pass
    assert refused.value.response.status_code == 401


async def test_the_brokers_stop_ends_the_channel_at_once(site):
    async with channel(site) as gateway:
        await gateway.hello()
        site.parts.gateway_channels.close()
        assert await gateway.closed() == 1001
