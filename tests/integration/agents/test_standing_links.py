"""The agent's standing links and control channel over real TLS, against peers that a test drives."""

import asyncio
import contextlib
import json

import pytest
from websockets.asyncio.server import serve

from agents.control import ControlClient, ControlHandlers
from agents.links import Doorkeeper, Links
from portcullis.clock import SystemClock
from portcullis.enrolment.credentials import client_context, server_context
from portcullis.protocol import link
from portcullis.protocol.directory import Directory, GatewayEntry
from portcullis.protocol.reports import Hello, Report
from portcullis.tasks import cancel_and_wait, spawn
from tests.support.patience import patient
from tests.support.running_broker import running_broker

SECONDS = 20


@pytest.fixture
async def site(tmp_path):
    async with running_broker(tmp_path) as site:
        yield site


@contextlib.asynccontextmanager
async def gateway(credentials, conversation, name="gw", port=0):
    """A listener with the gateway's certificate; `conversation` handles each link after hello."""

    async def handler(socket):
        await socket.send(link.encode(link.Hello(name)))
        await conversation(socket)

    context = server_context(credentials)
    async with serve(handler, "127.0.0.1", port, ssl=context, subprotocols=[link.SUBPROTOCOL]) as server:
        yield GatewayEntry(name, f"127.0.0.1:{server.sockets[0].getsockname()[1]}")


@contextlib.asynccontextmanager
async def links_of(site, *entries):
    doorkeeper = Doorkeeper(site.host.id, SystemClock(), dict, lambda session, tenant: None)
    links = Links(doorkeeper, lambda: client_context(site.host, "gateway"))
    await links.update(entries)
    try:
        yield links
    finally:
        await links.stop()


async def test_attach_is_answered_on_the_link(site):
    answered = asyncio.get_running_loop().create_future()

    async def conversation(socket):
        await socket.send(json.dumps({"type": "from the future"}))
        await socket.send(link.encode(link.Attach("1" * 16, "2" * 16, "3" * 16, "4" * 64, "grant")))
        answered.set_result(link.parse_from_agent(await socket.recv()))
        await socket.wait_closed()

    async with (
        gateway(site.gateway, conversation) as entry,
        links_of(site, entry),
        asyncio.timeout(patient(SECONDS)),
    ):
        assert await answered == link.AttachRefused("1" * 16, "session_unknown")


async def test_broken_link_is_dialled_again_and_dropped_gateway_is_left(site):
    arrivals = asyncio.Queue()

    async def conversation(socket):
        arrivals.put_nowait(socket)
        if arrivals.qsize() == 1:
            await socket.close()
        await socket.wait_closed()

    async with (
        gateway(site.gateway, conversation) as entry,
        links_of(site, entry) as links,
        asyncio.timeout(patient(SECONDS)),
    ):
        first = await arrivals.get()
        await first.close()
        second = await arrivals.get()
        await links.update([entry])
        await links.update([])
        await second.wait_closed()
        assert arrivals.empty()


async def test_malformed_message_costs_the_link_and_no_more(site):
    arrivals = asyncio.Queue()

    async def conversation(socket):
        arrivals.put_nowait(None)
        await socket.send("{")
        await socket.wait_closed()

    async with (
        gateway(site.gateway, conversation) as entry,
        links_of(site, entry),
        asyncio.timeout(patient(SECONDS)),
    ):
        await arrivals.get()
        await arrivals.get()


@pytest.mark.parametrize("impostor", ["another name", "another role"])
async def test_peer_that_is_not_that_gateway_gets_no_link(site, caplog, impostor):
    """Its certificate must be a gateway's, and of the name that the directory states."""
    credentials = site.host if impostor == "another role" else site.gateway
    name = "gw" if impostor == "another role" else "elsewhere"
    spoken = []

    async def conversation(socket):
        with contextlib.suppress(Exception):
            spoken.append(await socket.recv())

    async with (
        gateway(credentials, conversation, name) as entry,
        links_of(site, entry),
        asyncio.timeout(patient(SECONDS)),
    ):
        while "no link" not in caplog.text:
            await asyncio.sleep(0.05)
    assert spoken == [] and "link stands" not in caplog.text


async def test_control_channel_returns_to_whichever_broker_answers(site):
    directories, report = asyncio.Queue(), Report("5" * 16, site.tenant, "starting", "accepted")

    async def note(directory):
        directories.put_nowait(directory)

    async def ignore(_):
        pass

    handlers = ControlHandlers(
        hello=lambda: Hello("test", 10, "6" * 16, ()),
        reports=lambda: (report,),
        directory=note,
        desired=ignore,
        cut=lambda _: None,
    )
    brokers = ("127.0.0.1:1", str(site.broker.address))
    client = ControlClient(lambda: brokers, lambda: client_context(site.host), handlers)
    task = spawn(client.run(), name="control")
    try:
        async with asyncio.timeout(patient(SECONDS)):
            first = await directories.get()
            assert isinstance(first, Directory) and first.grant_keys
            async with site.agent():  # takes the place of the host's channel
                assert await directories.get() == first
    finally:
        await cancel_and_wait(task)
