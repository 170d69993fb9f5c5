"""The inner listener: standing links, rendezvous, and nothing else."""

from __future__ import annotations

import asyncio
import ssl

import aiohttp
import pytest

from portcullis.enrolment.credentials import client_context
from portcullis.errors import Refused, Unavailable
from portcullis.ids import new_id
from portcullis.protocol import link
from portcullis.protocol.link import Hello
from portcullis.site_tls import worker_context
from tests.integration.gateway.small_site import Agent, Worker, admit_ticket
from tests.integration.gateway.stubs import TENANT, SiteKeys
from tests.support.patience import patient, until

LINK = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13"}
LINK |= {"Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Protocol": link.SUBPROTOCOL}


async def status_of(
    site, path: str, context: ssl.SSLContext, headers: dict[str, str] | None = None, method="GET"
) -> int:
    async with aiohttp.ClientSession() as session:
        url = f"https://{site.inner_address}{path}"
        async with session.request(method, url, ssl=context, headers=headers) as got:
            return got.status


async def test_the_gateways_first_word_is_its_name(site):
    agent = Agent(site.keys.machine("host", "second"))
    assert await agent.connect(site.inner_address) == Hello("edge")
    assert site.gateway.links.hosts == {site.agent.id, agent.id}
    await agent.close()
    await until(lambda: site.gateway.links.hosts == {site.agent.id})


@pytest.mark.parametrize("role", ["gateway", "broker"])
async def test_another_role_has_no_link(site, role):
    context = client_context(site.keys.machine(role, "other"), "gateway")
    assert await status_of(site, "/link", context, LINK) == 404


async def test_without_a_certificate_nothing_is_served(site):
    context = worker_context(site.keys.ca_pem)
    for path in ("/link", "/", "/healthz", "/stream", "/rendezvous", "/api/v1/login", "/inner/v1/gateway"):
        assert await status_of(site, path, context, LINK) == 404
        assert await status_of(site, path, context, method="POST") in (404, 405)


async def test_a_certificate_of_another_site_is_no_certificate(site, tmp_path):
    (tmp_path / "other").mkdir()
    other = SiteKeys(tmp_path / "other", "6" * 16)
    context = client_context(other.machine("host", "stranger"), "gateway")
    context.load_verify_locations(cadata=site.keys.ca_pem)
    context.now.wanted_site = None
    with pytest.raises(aiohttp.ClientError):
        await status_of(site, "/link", context, LINK)


async def test_a_host_of_our_ca_but_another_site_name_has_no_link(site, tmp_path):
    keys = SiteKeys(tmp_path, "5" * 15 + "6")
    keys._ca, keys._ca_key = site.keys._ca, site.keys._ca_key
    context = client_context(keys.machine("host", "misnamed"), "gateway")
    context.now.wanted_site = None
    assert await status_of(site, "/link", context, LINK) == 404


async def test_tls_below_1_3_is_refused(site):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    with pytest.raises(aiohttp.ClientError):
        await status_of(site, "/link", context)


async def test_plain_bytes_are_cut_without_an_answer(site):
    reader, writer = await asyncio.open_connection("127.0.0.1", site.gateway.inner.port)
    writer.write(b"GET /link HTTP/1.1\r\n\r\n")
    assert b"HTTP" not in await asyncio.wait_for(reader.read(), patient(10))
    writer.close()


async def test_a_hosts_newest_link_wins(site):
    again = Agent(site.agent.credentials)
    await again.connect(site.inner_address)
    await asyncio.wait_for(site.agent.ended, patient(10))
    async with site.web_socket() as client:
        await client.send(admit_ticket(site.ticket()))
        await client.recv()
    assert not again.attaches.empty()
    assert site.gateway.links.hosts == {again.id}
    await again.close()


async def test_the_newer_link_stands_when_the_older_one_ends(site):
    again = Agent(site.agent.credentials)
    await again.connect(site.inner_address)
    await site.agent.close()
    assert site.gateway.links.hosts == {again.id}
    await again.close()


async def test_a_link_without_the_subprotocol_is_closed(site):
    context = client_context(site.keys.machine("host", "old"), "gateway")
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(f"https://{site.inner_address}/link", ssl=context) as socket,
    ):
        assert (await socket.receive()).type is aiohttp.WSMsgType.CLOSE
        assert socket.close_code == 1002


@pytest.mark.parametrize("text", ["{", "[]", '{"type":"attach_accepted"}', "x" * 20_000])
async def test_an_agent_that_breaks_the_protocol_is_cut_off(site, text):
    await site.agent.socket.send_str(text)
    assert await asyncio.wait_for(site.agent.ended, patient(10)) in (
        1002,
        1009,
        1006,
    )  # a reset may overtake it
    await until(lambda: not site.gateway.links.hosts)


async def test_a_binary_message_ends_the_link(site):
    await site.agent.socket.send_bytes(b"x")
    assert await asyncio.wait_for(site.agent.ended, patient(10)) == 1002


async def test_unknown_messages_and_answers_to_nothing_are_skipped(site):
    await site.agent.socket.send_str('{"type":"weather","sunny":true}')
    await site.agent.socket.send_str(link.encode(link.AttachAccepted(new_id())))
    client, _ = await site.attach()
    await client.close()
    assert site.gateway.links.hosts == {site.agent.id}


async def test_pings_are_answered(site, monkeypatch):
    await site.agent.socket.ping(b"?")
    client, _ = await site.attach()  # the link still serves
    await client.close()
    assert not site.agent.ended.done()


async def test_a_silent_link_is_given_up(site, monkeypatch):
    monkeypatch.setattr(link, "PING_SECONDS", 0.1)
    monkeypatch.setattr(link, "ANSWER_SECONDS", 0.1)
    silent = Agent(site.keys.machine("host", "silent"))
    await silent.connect(site.inner_address)
    silent.socket._autoping = False
    assert await asyncio.wait_for(silent.ended, patient(10)) == 1001
    await silent.close()


async def test_a_link_that_answers_pings_stays(site, monkeypatch):
    monkeypatch.setattr(link, "PING_SECONDS", 0.05)
    monkeypatch.setattr(link, "ANSWER_SECONDS", 0.5)
    live, silent = Agent(site.keys.machine("host", "live")), Agent(site.keys.machine("host", "silent"))
    await live.connect(site.inner_address)
    await silent.connect(site.inner_address)
    silent.socket._autoping = False
    await asyncio.wait_for(silent.ended, patient(10))
    assert live.id in site.gateway.links.hosts
    await live.close()
    await silent.close()


async def test_requests_of_one_link_are_answered_in_any_order(site):
    site.agent.answer = None
    asks = [
        asyncio.ensure_future(
            site.gateway.links.attach(new_id(), site.agent.id, new_id(), TENANT, "a" * 64, "grant")
        )
        for _ in range(3)
    ]
    attaches = [await site.agent.attaches.get() for _ in range(3)]
    await site.agent.socket.send_str(link.encode(link.AttachRefused(attaches[2].request, "taken_over")))
    with pytest.raises(Refused) as caught:
        await asks[2]
    assert caught.value.code == "taken_over"
    for attach in attaches[:2]:
        await site.agent.socket.send_str(link.encode(link.AttachAccepted(attach.request)))
    await asyncio.gather(*asks[:2])


async def test_a_host_that_answers_nothing_cannot_pile_up_requests(site, monkeypatch):
    monkeypatch.setattr("gateway.links.MAXIMUM_PENDING", 1)
    site.agent.answer = None
    first = asyncio.ensure_future(
        site.gateway.links.attach(new_id(), site.agent.id, new_id(), TENANT, "a" * 64, "grant")
    )
    await site.agent.attaches.get()
    with pytest.raises(Unavailable):
        await site.gateway.links.attach(new_id(), site.agent.id, new_id(), TENANT, "a" * 64, "grant")
    await site.agent.socket.close()
    with pytest.raises(Unavailable):
        await first


@pytest.fixture
async def attach(site):
    """A browser waits; what its host's agent was asked."""
    site.agent.dials = False
    async with site.web_socket() as client:
        await client.send(admit_ticket(site.ticket()))
        yield await site.agent.attaches.get()


async def dial(site, rendezvous: str, session: str) -> int:
    return await (await Worker(site.inner_address, rendezvous, session).dial(site.keys.ca_pem)).status


async def test_a_rendezvous_is_used_once(site, attach):
    worker = await site.agent.dial(attach)
    assert await worker.status == 101
    assert await dial(site, attach.rendezvous, attach.session) == 404
    worker.transport.abort()


async def test_a_wrong_session_uses_the_rendezvous_up(site, attach):
    assert await dial(site, attach.rendezvous, new_id()) == 404
    assert await dial(site, attach.rendezvous, attach.session) == 404


async def test_an_unknown_rendezvous_is_nothing(site, attach):
    assert await dial(site, "0" * 64, attach.session) == 404
    worker = await site.agent.dial(attach)
    assert await worker.status == 101
    worker.transport.abort()


@pytest.mark.parametrize(
    "change",
    [
        ("Upgrade: portcullis-stream", "Upgrade: websocket"),
        ("Connection: Upgrade", "Connection: close"),
        ("\r\n\r\n", "\r\nContent-Length: 3\r\n\r\n"),
    ],
)
async def test_a_malformed_dial_is_nothing_and_uses_nothing_up(site, attach, change):
    malformed = Worker(site.inner_address, attach.rendezvous, attach.session)
    malformed._head = malformed._head.replace(*change)
    assert await (await malformed.dial(site.keys.ca_pem)).status == 404
    malformed.transport.abort()
    worker = await site.agent.dial(attach)
    assert await worker.status == 101
    worker.transport.abort()


async def test_a_worker_dials_nobody_but_a_gateway_of_its_site(site):
    with pytest.raises(ssl.SSLError):
        await Worker(site.broker.address, "0" * 64, site.session).dial(site.keys.ca_pem)
