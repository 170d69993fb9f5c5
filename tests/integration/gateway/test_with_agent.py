"""The gateway before the real agent's links and a real worker's stream."""

from __future__ import annotations

import asyncio

import pytest
from websockets.exceptions import ConnectionClosed

from agents.links import Doorkeeper, Links
from agents.worker.dial import Dialler
from agents.worker.stream import Stream
from portcullis.clock import SystemClock
from portcullis.enrolment.credentials import client_context
from portcullis.protocol.directory import GatewayEntry
from portcullis.protocol.messages import Admitted, Ping, Pong, decode, encode
from portcullis.protocol.worker_channel import Dial
from portcullis.tickets import verifying_keys
from tests.integration.gateway.small_site import admit_grant
from tests.integration.gateway.stubs import TENANT
from tests.support.patience import patient, until


class Session:
    """One session of the host: what the agent tells its worker, and the streams that the worker then has."""

    state = "ready"
    e = 1
    reference = "L-1"

    def __init__(self, site) -> None:
        self._dialler = Dialler(site.keys.ca_pem, site.keys.site_id, site.session)
        self.streams: asyncio.Queue[Stream] = asyncio.Queue()
        self.tasks: list[asyncio.Task[None]] = []

    def send(self, message: Dial) -> None:
        self.tasks.append(asyncio.create_task(self._dial(message)))

    async def _dial(self, order: Dial) -> None:
        self.streams.put_nowait(await self._dialler.dial(order))


class Receiver:
    def __init__(self) -> None:
        self.payloads: asyncio.Queue[bytes] = asyncio.Queue()
        self.gone = asyncio.Event()

    def received(self, payload: bytes) -> None:
        self.payloads.put_nowait(payload)

    def broke_protocol(self, error) -> None:
        raise AssertionError(error)

    def writable(self) -> None:
        pass

    def lost(self) -> None:
        self.gone.set()


@pytest.fixture
async def session(site):
    """The host's own link gives way to that of the real agent."""
    sessions = {(site.session, TENANT): Session(site)}
    credentials = site.agent.credentials
    doorkeeper = Doorkeeper(
        site.agent.id,
        SystemClock(),
        lambda: verifying_keys(site.keys.grant_keys),
        lambda session, tenant: sessions.get((session, tenant)),
    )
    links = Links(doorkeeper, lambda: client_context(credentials, "gateway"))
    await links.update([GatewayEntry("edge", site.inner_address)])
    await asyncio.wait_for(site.agent.ended, patient(10))
    await until(lambda: site.agent.id in site.gateway.links.hosts)
    yield sessions[site.session, TENANT]
    await links.stop()


async def test_a_browser_and_a_real_worker_talk_through_the_gateway(site, session):
    async with site.web_socket() as client:
        grant = site.grant()
        await client.send(admit_grant(grant))
        assert decode(await client.recv()) == [Admitted(grant)]
        stream, receiver = await session.streams.get(), Receiver()
        stream.start(receiver)
        await client.send(encode(Ping(7)))
        assert decode(await receiver.payloads.get()) == [Ping(7)]
        stream.send(encode(Pong(7)))
        assert decode(await client.recv()) == [Pong(7)]
        stream.close(4409, "taken_over")
        with pytest.raises(ConnectionClosed):
            await client.recv()
        assert client.close_code == 4409
        await asyncio.wait_for(receiver.gone.wait(), patient(10))


async def test_a_real_agents_refusals_reach_the_browser(site, session):
    for change, code in (({"e": 2}, 4409), ({"state": "ending"}, 4410)):
        for name, value in change.items():
            setattr(session, name, value)
        async with site.web_socket() as client:
            await client.send(admit_grant(site.grant()))
            with pytest.raises(ConnectionClosed):
                await client.recv()
            assert client.close_code == code
    assert session.tasks == []
