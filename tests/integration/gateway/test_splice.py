"""What a splice must hold. Points that rest on undocumented behaviour of aiohttp or asyncio are all among them.

Each holds under plain http and under https, where the browser's end is a transport of TLS.
"""

from __future__ import annotations

import asyncio
import gc
from asyncio.sslproto import SSLProtocol

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.frames import Opcode

from gateway.app import Options
from gateway.takeover import WRITE_BUFFER_BYTES
from portcullis.protocol.messages import Admitted, decode
from portcullis.serving.guard import Limits
from portcullis.serving.listener import TLS_BUFFER_BYTES, slim_tls_buffers
from tests.integration.gateway.small_site import (
    admit_grant,
    admit_ticket,
    client_bytes,
    reset,
    small_site,
    until,
)
from tests.support.patience import patient

BIG = bytes(range(256)) * (3 * 4096)  # 3 MiB


@pytest.fixture(params=["http", "https"])
async def site(tmp_path, request):
    async with small_site(tmp_path, https=request.param == "https") as running:
        yield running


async def closed_with(client) -> tuple[int | None, str | None]:
    with pytest.raises(ConnectionClosed):
        while True:
            await asyncio.wait_for(client.recv(), patient(10))
    return client.close_code, client.close_reason


async def test_a_ticket_joins_browser_and_worker_both_ways(site):
    async with site.web_socket() as client:
        ticket = site.ticket()
        grant = site.broker.tickets[ticket]["grant"]
        await client.send(admit_ticket(ticket))
        assert decode(await client.recv()) == [Admitted(grant)]
        worker = await site.agent.worker()
        worker.send(b"picture")
        assert await client.recv() == b"picture"
        await client.send(b"key")
        assert await worker.message() == b"key"


async def test_a_grant_joins_without_any_broker(site):
    await site.broker.stop()
    async with site.web_socket() as client:
        grant = site.grant()
        await client.send(admit_grant(grant))
        assert decode(await client.recv()) == [Admitted(grant)]
        worker = await site.agent.worker()
        await client.send(b"still here")
        assert await worker.message() == b"still here"


async def test_the_agent_is_told_session_tenant_and_grant(site):
    client, _ = await site.attach()
    attach = site.agent.attaches.get_nowait()
    assert (attach.session, attach.kind) == (site.session, "display")
    assert site.gateway.brokers.verify_grant(attach.grant, 0).session == site.session
    await client.close()


async def test_frames_glued_to_the_request_reach_gateway_and_worker(site):
    """Bytes that arrive before the 101 lie in aiohttp's parser: `set_parser` must hand them over."""
    reader, writer = await site.raw()
    writer.write(site.upgrade_head() + client_bytes(admit_ticket(site.ticket()), b"early", b"earlier still"))
    assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 101 ")
    worker = await site.agent.worker()
    assert [await worker.message(), await worker.message()] == [b"early", b"earlier still"]


async def test_the_101_announces_no_body(site):
    """`_length_check`: else aiohttp would announce chunks, and end the stream with one."""
    reader, writer = await site.raw()
    writer.write(site.upgrade_head())
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    assert b"\r\ntransfer-encoding:" not in head
    assert b"\r\ncontent-length:" not in head


async def test_a_stream_ends_with_the_workers_last_byte(site):
    reader, writer = await site.raw()
    writer.write(site.upgrade_head() + client_bytes(admit_ticket(site.ticket())))
    worker = await site.agent.worker()
    worker.transport.write(b"last")
    worker.transport.close()
    assert (await asyncio.wait_for(reader.read(), patient(10))).endswith(b"last")


async def test_slim_tls_buffers_carry_large_messages(tmp_path, monkeypatch):
    monkeypatch.setattr(SSLProtocol, "max_size", SSLProtocol.max_size)
    slim_tls_buffers()
    async with small_site(tmp_path) as site:
        client, worker = await site.attach()
        protocols = [getattr(end._transport, "_ssl_protocol", None) for end in site.gateway.streams._live]
        assert [len(each._ssl_buffer) for each in protocols if each] == [TLS_BUFFER_BYTES]
        worker.send(BIG)
        assert await client.recv() == BIG
        await client.send(BIG)
        assert await worker.message() == BIG
        await client.close()


async def test_bytes_sent_while_the_worker_is_awaited_reach_it(site):
    site.agent.dials = False
    async with site.web_socket() as client:
        await client.send(admit_ticket(site.ticket()))
        attach = await site.agent.attaches.get()
        await client.send(b"one")
        await client.send(BIG)
        worker = await site.agent.dial(attach)
        assert await worker.message() == b"one"
        assert await worker.message() == BIG
        worker.transport.abort()


async def test_what_a_worker_says_at_once_comes_behind_admitted(site):
    site.agent.first = b"\x82\x05first"
    async with site.web_socket() as client:
        await client.send(admit_ticket(site.ticket()))
        assert isinstance(decode(await client.recv())[0], Admitted)
        assert await client.recv() == b"first"


async def test_large_messages_pass_both_ways(site):
    client, worker = await site.attach()
    worker.send(BIG)
    assert await client.recv() == BIG
    await client.send(BIG)
    assert await worker.message() == BIG
    await client.close()


async def test_fragments_pass_unjoined(site):
    client, worker = await site.attach()
    await client.send([b"a", b"b", b"c"])
    first = await worker.frames.get()
    assert (first.opcode, first.fin, bytes(first.data)) == (Opcode.BINARY, False, b"a")
    worker.frames.put_nowait(first)
    worker.web_socket.send_binary(b"x", fin=False)
    worker.web_socket.send_continuation(b"y", fin=True)
    worker.flush()
    assert await client.recv() == b"xy"
    await client.close()


async def test_pings_pass_both_ways(site):
    client, worker = await site.attach()
    await asyncio.wait_for(await client.ping(), patient(10))
    worker.web_socket.send_ping(b"?")
    worker.flush()
    while (frame := await asyncio.wait_for(worker.frames.get(), patient(10))).opcode is not Opcode.PONG:
        pass
    assert bytes(frame.data) == b"?"
    await client.close()


async def test_a_workers_close_code_reaches_the_browser(site):
    client, worker = await site.attach()
    worker.send(BIG)
    worker.close(4409, "taken_over")
    assert await client.recv() == BIG
    assert await closed_with(client) == (4409, "taken_over")
    await asyncio.wait_for(worker.lost, patient(10))


async def test_a_browsers_close_code_reaches_the_worker(site):
    client, worker = await site.attach()
    await client.close(4002, "bye")
    await asyncio.wait_for(worker.lost, patient(10))
    assert (worker.web_socket.close_code, worker.web_socket.close_reason) == (4002, "bye")


async def test_all_that_a_worker_sent_is_flushed_before_the_browser_is_closed(site):
    client, worker = await site.attach()
    for number in range(16):
        worker.send(bytes([number]) * 500_000)
    worker.transport.close()
    for number in range(16):
        assert await client.recv() == bytes([number]) * 500_000
    assert (await closed_with(client))[0] == 1006


async def test_an_aborted_worker_is_1006_to_the_browser(site):
    client, worker = await site.attach()
    worker.transport.abort()
    assert (await closed_with(client))[0] == 1006


async def test_an_aborted_browser_is_lost_to_the_worker(site):
    client, worker = await site.attach()
    client.transport.abort()
    await asyncio.wait_for(worker.lost, patient(10))
    assert worker.received == b""


async def test_idle_and_head_limits_do_not_touch_a_splice(tmp_path):
    """Neither the guard's deadlines nor aiohttp's keep-alive timer: a connection beside it shows that they ran."""
    limits = Limits(head_seconds=0.2, idle_seconds=0.2)
    async with small_site(tmp_path, Options(limits=limits)) as site:
        client, worker = await site.attach()
        for _ in range(3):
            reader, writer = await site.raw()
            writer.write(
                f"GET /healthz HTTP/1.1\r\nHost: localhost:{site.gateway.public.port}\r\n\r\n".encode()
            )
            assert b'"ok"' in await asyncio.wait_for(reader.read(), patient(10))
            writer.close()
        worker.send(b"still here")
        assert await client.recv() == b"still here"
        await client.close()


async def test_a_stopped_reader_costs_bounded_memory_and_gets_everything_later(site):
    client, worker = await site.attach()
    client.transport.pause_reading()
    sent = 0
    with pytest.raises(TimeoutError):  # the worker may not write any more
        while True:
            await asyncio.wait_for(worker.writable.wait(), 1.0)
            worker.send(bytes(65536))
            sent += 1
    ends = site.gateway.streams._live
    assert max(end._transport.get_write_buffer_size() for end in ends) <= 2 * WRITE_BUFFER_BYTES
    client.transport.resume_reading()
    for _ in range(sent):
        assert len(await asyncio.wait_for(client.recv(), patient(10))) == 65536
    worker.send(b"end")
    assert await client.recv() == b"end"
    await client.close()


async def test_a_reader_that_stays_stopped_is_cut_and_the_worker_closed(site, monkeypatch):
    """While nobody can take its bytes a worker is not read, so its own end would not be noticed either."""
    monkeypatch.setattr("gateway.splice.STALL_SECONDS", 0.2)
    client, worker = await site.attach()
    client.transport.pause_reading()
    while not worker.lost.done():
        worker.send(bytes(65536))
        await asyncio.wait({worker.lost}, timeout=0.01)
    assert len(worker.received) == 0
    await until(lambda: site.gateway.streams.live == 0)
    await until(lambda: site.gateway.public.gate.total == 0)
    client.transport.abort()


async def test_a_stopped_reader_does_not_hold_a_stream_whose_worker_has_left(site, monkeypatch):
    monkeypatch.setattr("gateway.splice.LINGER_SECONDS", 0.2)
    client, worker = await site.attach()
    client.transport.pause_reading()
    ends = list(site.gateway.streams._live)
    while not any(end._transport.get_write_buffer_size() for end in ends):
        worker.send(bytes(16384))
        await asyncio.sleep(0)
    worker.transport.close()
    await until(lambda: site.gateway.streams.live == 0)
    await until(lambda: site.gateway.public.gate.total == 0)
    client.transport.abort()


async def test_nothing_is_left_when_streams_have_ended(site):
    before = asyncio.all_tasks()
    pairs = [await site.attach() for _ in range(8)]
    for number, (client, worker) in enumerate(pairs):
        ways = (client.close, client.transport.abort, worker.transport.close, worker.transport.abort)
        result = ways[number % 4]()
        if asyncio.iscoroutine(result):
            await result
    await asyncio.gather(*(asyncio.wait_for(worker.lost, patient(10)) for _, worker in pairs))
    await asyncio.gather(*(client.wait_closed() for client, _ in pairs))
    gateway = site.gateway
    await until(lambda: gateway.public.gate.total == 0 and gateway.inner.gate.total == 1)  # the link
    await until(lambda: (gateway.public.connections, gateway.inner.connections) == (0, 1))
    assert (gateway.streams.live, gateway.streams.places, len(gateway.rendezvous)) == (0, 0, 0)
    gc.collect()
    assert asyncio.all_tasks() <= before


async def test_stopping_the_gateway_closes_live_streams_at_once(tmp_path):
    async with small_site(tmp_path) as site:
        pairs = [await site.attach() for _ in range(3)]
        async with asyncio.timeout(patient(5)):
            await site.gateway.stop()
        for client, worker in pairs:
            assert (await closed_with(client))[0] == 1006
            await asyncio.wait_for(worker.lost, patient(10))


async def test_stopping_the_gateway_flushes_what_a_worker_had_sent(tmp_path):
    async with small_site(tmp_path) as site:
        client, worker = await site.attach()
        worker.send(b"last words")
        assert await client.recv() == b"last words"
        worker.send(BIG)
        await until(lambda: max(end.received_bytes for end in site.gateway.streams._live) > len(BIG))
        await site.gateway.stop()
        assert await client.recv() == BIG


async def test_a_browser_that_leaves_while_its_worker_is_awaited_leaves_no_rendezvous(site):
    site.agent.dials = False
    _, writer = await site.raw()
    writer.write(site.upgrade_head() + client_bytes(admit_ticket(site.ticket())))
    attach = await site.agent.attaches.get()
    assert len(site.gateway.rendezvous) == 1
    reset(writer)
    await until(lambda: len(site.gateway.rendezvous) == 0)
    assert await (await site.agent.dial(attach)).status == 404


async def test_a_worker_that_leaves_at_once_closes_the_browser(site):
    site.agent.dials = False
    async with site.web_socket() as client:
        await client.send(admit_ticket(site.ticket()))
        worker = await site.agent.dial(await site.agent.attaches.get())
        worker.transport.abort()
        assert (await closed_with(client))[0] == 1006


async def test_bytes_are_counted_each_way(site):
    client, worker = await site.attach()
    ends = list(site.gateway.streams._live)
    worker.send(b"x" * 1000)
    await client.recv()
    await client.send(b"y" * 100)
    await worker.message()
    assert sorted(end.received_bytes for end in ends) == [100 + 6, 1000 + 4]
    await client.close()
