"""Who gets past the 101, and what the others are told."""

from __future__ import annotations

import asyncio
import struct

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from websockets.exceptions import ConnectionClosed, InvalidStatus, NegotiationError
from websockets.protocol import Protocol, Side, State

from gateway.app import Options
from gateway.streams import Patience
from portcullis.ids import new_id
from portcullis.protocol.messages import Ping, encode
from portcullis.serving.gate import Gate
from tests.integration.gateway.small_site import (
    Agent,
    admit_grant,
    admit_ticket,
    client_bytes,
    reset,
    small_site,
)
from tests.integration.gateway.stubs import TENANT
from tests.support.patience import patient, until


async def refusal(site, *messages: bytes | str) -> tuple[int, str]:
    """The close code and reason that a real client sees after sending these messages."""
    async with site.web_socket() as client:
        for message in messages:
            await client.send(message)
        with pytest.raises(ConnectionClosed):
            await asyncio.wait_for(client.recv(), patient(10))
        return client.close_code, client.close_reason


async def raw_refusal(site, data: bytes) -> int | None:
    """The close code after these bytes, which a real client would not send."""
    reader, writer = await site.raw()
    writer.write(site.upgrade_head())
    assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 101 ")
    writer.write(data)
    client = Protocol(Side.CLIENT, state=State.OPEN)
    client.receive_data(await asyncio.wait_for(reader.read(), patient(10)))
    client.receive_eof()
    return client.close_code


async def status_of(site, head: bytes) -> tuple[int, bytes]:
    reader, writer = await site.raw()
    writer.write(head)
    answer = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), patient(10))
    body = b"" if answer.startswith(b"HTTP/1.1 101") else await asyncio.wait_for(reader.read(), patient(10))
    return int(answer.split()[1]), body


@pytest.mark.parametrize(
    "origin",
    [
        None,
        "null",
        "",
        "http://localhost:{port}.evil.example",
        "http://evil.example",
        "http://localhost",
        "http://localhost:{other}",
        "https://localhost:{port}",
        "http://LOCALHOST:{port}",
        "HTTP://localhost:{port}",
        "http://localhost:{port}/",
        "http://127.0.0.1:{port}",
        "http://localhost.:{port}",
        "http://user@localhost:{port}",
        "http://localhost:{port}, http://evil.example",
    ],
)
async def test_any_origin_but_the_exact_one_is_refused(site, origin):
    port = site.gateway.public.port
    text = origin.format(port=port, other=port + 1) if origin is not None else None
    status, body = await status_of(site, site.upgrade_head(Origin=text, Connection="Upgrade, close"))
    assert status == 403
    assert b"origin_refused" in body


async def test_two_origins_are_refused(site):
    head = site.upgrade_head(Connection="Upgrade, close").replace(
        b"\r\n\r\n", b"\r\nOrigin: " + site.origin.encode() + b"\r\n\r\n"
    )
    assert (await status_of(site, head))[0] == 403


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"Upgrade": None}, 426),
        ({"Upgrade": "h2c"}, 426),
        ({"Connection": "close"}, 426),
        ({"Sec_WebSocket_Version": "8"}, 400),
        ({"Sec_WebSocket_Version": None}, 400),
        ({"Sec_WebSocket_Key": None}, 400),
        ({"Sec_WebSocket_Key": "c2hvcnQ="}, 400),
        ({"Sec_WebSocket_Key": "*" * 24}, 400),
        ({"Sec_WebSocket_Protocol": None}, 400),
        ({"Sec_WebSocket_Protocol": "portcullis.v2"}, 400),
        ({"Content_Length": "5"}, 400),
        ({"Transfer_Encoding": "chunked"}, 400),
    ],
)
async def test_a_malformed_handshake_is_refused_and_the_connection_closed(site, changes, status):
    head = site.upgrade_head(**changes)
    body = (
        b"0\r\n\r\n" if "Transfer_Encoding" in changes else b"hello" if "Content_Length" in changes else b""
    )
    got, _ = await status_of(site, head.replace(b"Upgrade\r\n", b"Upgrade, close\r\n", 1) + body)
    assert got == status


async def test_an_upgrade_is_accepted_without_extensions(site):
    reader, writer = await site.raw()
    writer.write(site.upgrade_head())
    answer = (await reader.readuntil(b"\r\n\r\n")).lower()
    assert b"sec-websocket-accept: s3pplmbitxaq9kygzzhzrbk+xoo=" in answer
    assert b"sec-websocket-protocol: portcullis.v1" in answer
    assert b"extensions" not in answer


async def test_a_client_of_another_subprotocol_is_told_so(site):
    with pytest.raises((InvalidStatus, NegotiationError)):
        await site.web_socket(subprotocols=["chat"])


async def test_a_ticket_works_once(site):
    ticket = site.ticket()
    async with site.web_socket() as client:
        await client.send(admit_ticket(ticket))
        await client.recv()
        assert await refusal(site, admit_ticket(ticket)) == (4401, "ticket_refused")


@pytest.mark.parametrize(
    "ticket", ["", "ticket", "login_" + TENANT + "_" + "a" * 64, "ticket_" + TENANT + "_" + "a" * 63]
)
async def test_what_is_no_ticket_is_refused_without_asking_a_broker(site, ticket):
    await site.broker.stop()
    assert await refusal(site, admit_ticket(ticket)) == (4401, "ticket_refused")


@pytest.mark.parametrize(
    ("status", "expected"),
    [(401, (4401, "ticket_refused")), (404, (4410, "session_ended")), (500, (4504, "broker_unreachable"))],
)
async def test_a_brokers_refusal_becomes_a_close_code(site, status, expected):
    site.broker.redeem_status = status
    assert await refusal(site, admit_ticket(site.ticket())) == expected


async def test_a_ticket_without_any_broker_is_told_to_attach_again(site):
    ticket = site.ticket()
    await site.broker.stop()
    assert await refusal(site, admit_ticket(ticket)) == (4504, "broker_unreachable")


async def test_an_expired_grant_is_refused_before_the_host_is_asked(site):
    assert await refusal(site, admit_grant(site.grant(lifetime=-1))) == (4403, "grant_refused")
    assert site.agent.attaches.empty()


async def test_a_grant_by_another_key_is_refused(site):
    assert (await refusal(site, admit_grant(site.grant(key=Ed25519PrivateKey.generate()))))[0] == 4403


@pytest.mark.parametrize(
    "change", [lambda g: g[:-1], lambda g: g.replace("v1", "v2"), lambda g: "", lambda g: g + "."]
)
async def test_a_damaged_grant_is_refused(site, change):
    assert (await refusal(site, admit_grant(change(site.grant()))))[0] == 4403


@pytest.mark.parametrize("code", ["session_unknown", "grant_refused", "taken_over"])
async def test_an_agents_refusal_reaches_the_browser(site, code):
    site.agent.answer = code
    expected = {"session_unknown": "session_ended"}.get(code, code)
    assert (await refusal(site, admit_grant(site.grant())))[1] == expected


async def test_a_refused_stream_is_logged_with_client_session_and_host(site, caplog):
    caplog.set_level("INFO")
    site.agent.answer = "taken_over"
    await refusal(site, admit_grant(site.grant()))
    await refusal(site, admit_grant("no grant"))
    known, unknown = (r.portcullis_ids for r in caplog.records if "stream refused" in r.getMessage())
    assert known == {"client": "127.0.0.1", "session": site.session, "host": site.agent.id}
    assert unknown == {"client": "127.0.0.1"}


async def test_a_host_without_a_link_is_unreachable(site):
    grant = site.keys.grant(site.session, new_id())
    assert await refusal(site, admit_grant(grant)) == (4503, "host_unreachable")


@pytest.mark.parametrize(
    "messages",
    [
        pytest.param(["text"], id="text"),
        pytest.param([b""], id="empty"),
        pytest.param([b"x" * 5000], id="oversized"),
        pytest.param([b"x" * 300_000], id="far oversized"),
        pytest.param([encode(Ping(1))], id="another message"),
    ],
)
async def test_a_wrong_first_message_is_a_protocol_error(site, messages):
    assert await refusal(site, *messages) == (4400, "protocol_error")


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"\x82\x00", id="unmasked"),
        pytest.param(b"\xff" * 100, id="garbage"),
        pytest.param(b"GET / HTTP/1.1\r\n\r\n", id="http"),
        pytest.param(b"\x82\xff" + struct.pack(">Q", 2**63), id="2^63 bytes"),
        pytest.param(b"\x02\x80\0\0\0\0", id="fragment"),
    ],
)
async def test_wrong_bytes_are_a_protocol_error(site, data):
    assert await raw_refusal(site, data) == 4400


async def test_a_stranger_is_not_told_with_what_it_is_built(site):
    reader, writer = await site.raw()
    writer.write(site.upgrade_head())
    head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), patient(10))
    assert b"\r\nServer: Portcullis\r\n" in head and b"aiohttp" not in head


async def test_byte_by_byte_admission_is_as_good_as_any(site):
    reader, writer = await site.raw()
    for byte in site.upgrade_head() + client_bytes(admit_ticket(site.ticket())):
        writer.write(bytes([byte]))
        await writer.drain()
    worker = await site.agent.worker()
    assert worker.status.result() == 101
    assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 101 ")


async def test_two_frames_at_once_are_admission_and_the_workers_first(site):
    reader, writer = await site.raw()
    writer.write(site.upgrade_head())
    await reader.readuntil(b"\r\n\r\n")
    writer.write(client_bytes(admit_ticket(site.ticket()), b"second"))
    assert await (await site.agent.worker()).message() == b"second"


@pytest.fixture
async def impatient(tmp_path):
    patience = Patience(admission_seconds=0.2, rendezvous_seconds=0.2)
    async with small_site(tmp_path, Options(patience=patience, attach_seconds=0.2)) as site:
        yield site


async def test_a_silent_client_is_timed_out(impatient):
    assert await refusal(impatient) == (4408, "admission_timeout")


async def test_half_a_frame_is_timed_out(impatient):
    assert await raw_refusal(impatient, client_bytes(admit_ticket("x"))[:-1]) == 4408


async def test_a_worker_that_does_not_dial_is_an_unreachable_host(impatient):
    impatient.agent.dials = False
    assert await refusal(impatient, admit_ticket(impatient.ticket())) == (4503, "host_unreachable")
    attach = impatient.agent.attaches.get_nowait()
    assert await (await impatient.agent.dial(attach)).status == 404


async def test_an_agent_that_does_not_answer_is_an_unreachable_host(impatient):
    impatient.agent.answer = None
    assert await refusal(impatient, admit_ticket(impatient.ticket())) == (4503, "host_unreachable")


async def test_a_link_that_ends_meanwhile_is_an_unreachable_host_at_once(site):
    site.agent.answer = None
    async with site.web_socket() as client:
        await client.send(admit_ticket(site.ticket()))
        await site.agent.attaches.get()
        await site.agent.socket.close()
        with pytest.raises(ConnectionClosed):
            await client.recv()
        assert client.close_code == 4503


@pytest.fixture
async def crowded(tmp_path):
    async with small_site(tmp_path, Options(stream_gate=Gate(2, 2))) as site:
        yield site


async def test_more_streams_than_the_cap_are_refused_and_places_come_free(crowded):
    first, _ = await crowded.attach()
    second, worker = await crowded.attach()
    assert await refusal(crowded) == (4429, "too_many_connections")
    await second.close()
    await worker.lost
    await until(lambda: crowded.gateway.streams.places <= 1)
    third, _ = await crowded.attach()
    await third.close()
    await first.close()


async def test_clients_that_leave_during_admission_give_their_place_back(crowded):
    for _ in range(5):
        reader, writer = await crowded.raw()
        writer.write(crowded.upgrade_head())
        await reader.readuntil(b"\r\n\r\n")
        reset(writer)
        await until(lambda: not crowded.gateway.streams.places)
    client, _ = await crowded.attach()
    await client.close()


async def test_another_hosts_link_does_not_serve_a_grant(site, tmp_path):
    other = Agent(site.keys.machine("host", "other"))
    await other.connect(site.inner_address)
    async with site.web_socket() as client:
        await client.send(admit_grant(site.grant()))
        await client.recv()
    assert other.attaches.empty()
    await other.close()
