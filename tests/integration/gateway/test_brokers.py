"""A gateway and the brokers it holds channels to: one that dies, freezes or drains, and what is asked of another."""

from __future__ import annotations

import asyncio

import aiohttp
import pytest
from aiohttp import web
from websockets.exceptions import ConnectionClosed

from portcullis.protocol import gateway_channel
from portcullis.protocol.gateway_channel import Hello, State
from portcullis.protocol.revoked import Revocations
from tests.integration.gateway.small_site import admit_grant, small_site
from tests.integration.gateway.stubs import BrokerStub
from tests.support.patience import patient, until

SIGNATURE = {"Portcullis-Signature": "v1 1 n s"}


@pytest.fixture(autouse=True)
def hurried(monkeypatch):
    """What takes seconds in life takes tenths here; no broker is taken for frozen because this machine stood still."""
    monkeypatch.setattr(gateway_channel, "PING_SECONDS", 0.05)
    monkeypatch.setattr(gateway_channel, "SILENCE_SECONDS", 30.0)
    monkeypatch.setattr(gateway_channel, "STATE_SECONDS", 0.2)


@pytest.fixture
async def site(tmp_path):
    async with small_site(tmp_path, channels=True) as running:
        yield running
        running.broker.channel.thawed.set()


@pytest.fixture
async def http(site):
    async with aiohttp.ClientSession(site.origin) as session:
        yield session


@pytest.fixture
async def second(site):
    """Another broker of the site, asked after the first."""
    broker = BrokerStub(site.keys, channels=True)
    await broker.start()
    site.broker.brokers = broker.brokers = [site.broker.address, broker.address]
    broker.public_origins = site.broker.public_origins
    await site.broker.channel.tell()
    await until(lambda: broker.address in site.gateway.brokers.connected)
    assert site.gateway.brokers.order == (site.broker.address, broker.address)
    yield broker
    broker.channel.thawed.set()
    await broker.stop()


@pytest.fixture
def freeze(monkeypatch):
    """A broker, from when its silence is soon noticed."""

    async def frozen(broker):
        monkeypatch.setattr(gateway_channel, "SILENCE_SECONDS", 1.0)
        answered = broker.channel.answered
        await until(lambda: broker.channel.answered > answered + 2)
        broker.channel.thawed.clear()

    return frozen


async def changed(http, site, **headers):
    return await http.post("/api/v1/sessions", json={}, headers={"Origin": site.origin, **headers})


async def test_a_broker_hears_who_comes_and_how_it_does(site):
    channel = site.broker.channel
    assert isinstance(channel.heard[0], Hello)
    told = (site.agent.id,)
    await until(lambda: any(isinstance(m, State) and m.hosts == told for m in channel.heard))
    client, _ = await site.attach()
    await until(lambda: channel.heard[-1].streams == 1)
    await client.close()


async def test_a_gateway_with_a_channel_is_not_registered_in_the_old_way_besides(site):
    before = site.broker.registrations
    heard = len(site.broker.channel.heard)
    await until(lambda: len(site.broker.channel.heard) > heard + 3)
    assert site.broker.registrations == before
    assert site.gateway.brokers.live


async def test_an_older_broker_beside_a_newer_one_is_called_as_before(site):
    older = BrokerStub(site.keys)
    await older.start()
    site.broker.brokers = older.brokers = [site.broker.address, older.address]
    older.public_origins = site.broker.public_origins
    await site.broker.channel.tell()
    await until(lambda: older.registrations > 0)
    assert site.gateway.brokers.connected == {site.broker.address}
    await older.stop()


async def test_what_a_broker_says_that_makes_no_sense_ends_its_channel_and_changes_nothing(site):
    good = site.gateway.brokers.origins
    channel = site.broker.channel
    site.broker.public_origins = ["not an origin"]
    await channel.tell()
    await until(lambda: channel.close_codes)
    assert channel.close_codes[0] == 1002
    assert site.gateway.brokers.origins == good


async def test_a_read_in_flight_at_a_broker_that_freezes_is_answered_by_another(site, http, second, freeze):
    await freeze(site.broker)
    async with http.get("/api/v1/catalogue") as got:
        assert got.status == 200
    assert [len(broker.requests) for broker in (site.broker, second)] == [1, 1]
    async with http.get("/api/v1/catalogue") as got:
        assert got.status == 200
    assert [len(broker.requests) for broker in (site.broker, second)] == [1, 2]


async def test_a_signed_change_in_flight_at_a_broker_that_freezes_goes_to_another_unchanged(
    site, http, second, freeze
):
    await freeze(site.broker)
    async with await changed(http, site, **SIGNATURE) as got:
        assert got.status == 200
    (first,), (again,) = site.broker.requests, second.requests
    assert (again[0], again[1], again[3]) == (first[0], first[1], first[3])
    assert again[2]["portcullis-signature"] == first[2]["portcullis-signature"]


async def test_a_signed_change_whose_answer_is_lost_goes_to_another(site, http, second):
    async def drop(request):
        request.transport.abort()
        raise ConnectionResetError

    site.broker.api = drop
    async with await changed(http, site, **SIGNATURE) as got:
        assert got.status == 200
    assert len(second.requests) == 1


async def test_a_change_by_a_token_is_never_sent_twice(site, http, second):
    """Nothing in it lets a broker know it again."""

    async def drop(request):
        request.transport.abort()
        raise ConnectionResetError

    site.broker.api = drop
    headers = {"Authorization": "Bearer api_x", **SIGNATURE}
    async with http.post("/api/v1/sessions", json={}, headers=headers) as got:
        assert got.status == 503
    assert second.requests == []


async def test_an_only_broker_that_is_slow_is_waited_for(site, http, freeze):
    """Its channel may be silent: there is nobody else."""
    await freeze(site.broker)
    asking = asyncio.ensure_future(http.get("/api/v1/catalogue"))
    await until(lambda: site.broker.requests and not site.gateway.brokers.connected)
    site.broker.channel.thawed.set()
    async with await asking as got:
        assert got.status == 200
    await until(lambda: site.gateway.brokers.connected)


async def test_an_event_stream_of_a_broker_that_freezes_breaks_off(site, http, second, freeze):
    started = asyncio.Event()

    async def events(request):
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        await response.write(b"data: 1\n\n")
        started.set()
        await asyncio.sleep(60)
        return response

    site.broker.api = events
    async with http.get("/api/v1/sessions/x/stages") as got:
        await started.wait()
        await freeze(site.broker)
        with pytest.raises(aiohttp.ClientError):
            await got.content.read()


async def test_a_broker_that_thaws_is_asked_again(site, http, second, freeze):
    await freeze(site.broker)
    await until(lambda: site.gateway.brokers.connected == {second.address})
    assert site.gateway.brokers.order[0] == second.address
    site.broker.channel.thawed.set()
    await until(lambda: site.broker.address in site.gateway.brokers.connected)
    await second.stop()
    async with http.get("/api/v1/catalogue") as got:
        assert got.status == 200


async def test_a_broker_that_drains_is_asked_last(site, http, second):
    site.broker.channel.draining = True
    await site.broker.channel.tell()
    await until(lambda: site.gateway.brokers.order[0] == second.address)
    async with http.get("/api/v1/catalogue"):
        assert site.broker.requests == []


async def test_a_broker_that_is_named_no_more_is_remembered(site, http, second):
    """It may be the first to come back after all were away."""
    site.broker.brokers = second.brokers = [second.address]
    address, port = site.broker.address, int(site.broker.address.rpartition(":")[2])
    await site.broker.stop()
    await second.channel.tell()
    await until(lambda: site.gateway.brokers.connected == {second.address})
    assert address in site.gateway.brokers.credentials.brokers
    await second.stop()
    back = BrokerStub(site.keys, channels=True)
    back.public_origins = [site.origin]
    await back.start(port)
    async with http.get("/api/v1/catalogue") as got:
        assert got.status == 200
    await back.stop()


async def test_a_gateway_that_stops_says_that_it_leaves(tmp_path):
    async with small_site(tmp_path, channels=True) as site:
        await site.gateway.stop()
        await until(lambda: site.broker.channel.close_codes)
        assert site.broker.channel.close_codes == [1001]


async def test_a_renewed_certificate_makes_the_channel_anew_without_leaving(site):
    channel = site.broker.channel
    site.gateway._renewed(site.gateway.brokers.credentials)
    await until(lambda: channel.opened == 2)
    assert channel.close_codes == [1012]


async def test_revocations_are_handed_on(site):
    heard = []
    object.__setattr__(site.gateway.brokers._heard, "revocations", heard.extend)
    await site.broker.channel.tell(Revocations(("one", "two")))
    await until(lambda: heard)
    assert heard == ["one", "two"]


async def drain(site, wanted):
    site.broker.channel.gateway_draining = wanted
    await site.broker.channel.tell()
    await until(lambda: site.gateway.streams.draining is wanted)


async def close_code(site):
    async with site.web_socket() as client:
        await client.send(admit_grant(site.grant()))
        with pytest.raises(ConnectionClosed):
            while True:
                await client.recv()
        return client.close_code


async def ended(client):
    with pytest.raises(ConnectionClosed):
        while True:
            await client.recv()
    return client.close_code


async def test_a_draining_gateway_gives_its_streams_away_and_takes_none(site, http, monkeypatch):
    monkeypatch.setattr("gateway.streams.DRAIN_STEP_SECONDS", 0.01)
    attached = [await site.attach() for _ in range(5)]
    await drain(site, True)
    workers = {}
    for _, worker in attached:
        workers[(await site.agent.attaches.get()).request] = worker
    for _ in attached:
        async with asyncio.timeout(patient(10)):
            workers[(await site.agent.leaves.get()).request].close(4512, "gateway_draining")
    for client, _ in attached:
        assert await ended(client) == 4512
    await until(lambda: site.gateway.streams.live == 0)
    assert await close_code(site) == 4512
    for path, status in (("/readyz", 503), ("/healthz", 200)):
        async with http.get(path) as got:
            assert got.status == status
    await until(lambda: site.broker.channel.heard[-1].draining)


async def test_a_stream_whose_worker_does_not_leave_is_cut(site, monkeypatch):
    """An agent or worker of before does not know the word."""
    monkeypatch.setattr("gateway.streams.LEAVE_SECONDS", 0.1)
    client, _ = await site.attach()
    await drain(site, True)
    assert await ended(client) == 1006


async def test_a_drain_that_is_undone_lets_streams_in_again(site, http):
    await drain(site, True)
    await drain(site, False)
    client, _ = await site.attach()
    async with http.get("/readyz") as got:
        assert got.status == 200
    await client.close()


async def test_streams_are_given_away_over_time_not_at_once(site, monkeypatch):
    """So that the gateways that take them meet no stampede."""
    monkeypatch.setattr("gateway.streams.DRAIN_SECONDS", 10.0)
    monkeypatch.setattr("gateway.streams.DRAIN_STEP_SECONDS", 2.5)
    monkeypatch.setattr("gateway.streams.LEAVE_SECONDS", 0.1)
    attached = [await site.attach() for _ in range(4)]
    await drain(site, True)
    await until(lambda: site.gateway.streams.live < 8)
    assert site.gateway.streams.live >= 4
    for client, _ in attached:
        await client.close()


async def with_wrong_clock(request):
    headers = {"Portcullis-Elsewhere": "clock_wrong"}
    return web.json_response({"error": {"code": "clock_wrong", "message": "no"}}, status=503, headers=headers)


@pytest.mark.parametrize("headers", [SIGNATURE, {"Authorization": "Bearer api_x"}])
async def test_a_change_that_a_broker_did_not_do_for_its_clock_is_done_by_the_next(
    site, http, second, headers
):
    site.broker.api = with_wrong_clock
    async with await changed(http, site, **headers) as got:
        assert got.status == 200
    assert [len(broker.requests) for broker in (site.broker, second)] == [1, 1]
    assert site.gateway.brokers.order == (second.address, site.broker.address)
    async with await changed(http, site, **headers) as got:
        assert got.status == 200
    assert [len(broker.requests) for broker in (site.broker, second)] == [1, 2]


async def test_brokers_whose_clocks_are_all_wrong_are_each_asked_once_and_the_client_hears_why(
    site, http, second
):
    site.broker.api = second.api = with_wrong_clock
    async with await changed(http, site, **SIGNATURE) as got:
        assert (got.status, (await got.json())["error"]["code"]) == (503, "clock_wrong")
    assert [len(broker.requests) for broker in (site.broker, second)] == [1, 1]
