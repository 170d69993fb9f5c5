"""Requests that no client of ours sends, at every listener: refused alike, nothing behind them reached."""

from __future__ import annotations

import asyncio
import contextlib
import ssl

import aiohttp
import pytest

from broker.app import Broker
from broker.settings import BrokerSettings
from gateway.app import Options
from portcullis.serving.guard import Limits
from portcullis.settings import Address
from portcullis.site_tls import worker_context
from tests.integration.gateway.small_site import small_site
from tests.support.http_corpus import answers, cases
from tests.support.patience import until
from tests.support.running_broker import make_site

GROUPS = sorted({case.group for case in cases()})
SHORT = Limits(head_seconds=0.3)
SAFE = (b"\r\ncontent-security-policy: default-src 'none'", b"\r\nserver: portcullis\r\n")


@pytest.fixture
async def site(tmp_path):
    async with small_site(tmp_path, Options(limits=SHORT)) as running:
        yield running


async def ask(port: int, data: bytes, context: ssl.SSLContext | None = None) -> list[tuple[int, bytes]]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context)
    try:
        return await answers(reader, writer, data)
    finally:
        writer.transport.abort()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


async def served(port: int, context: ssl.SSLContext) -> dict[str, int]:
    """What was not refused, of all cases."""
    statuses = {}
    for case in cases():
        statuses[case.id] = [status for status, _ in await ask(port, case.data("localhost", port), context)]
    assert sum(map(len, statuses.values())) > len(statuses) // 2  # a reset may overtake an answer
    return {name: status for name, found in statuses.items() for status in found if not 400 <= status < 500}


async def is_served(site) -> bool:
    async with aiohttp.ClientSession() as session, session.get(f"{site.origin}/api/v1/login") as got:
        return got.status == 200


@pytest.mark.parametrize("group", GROUPS)
async def test_each_request_is_answered_as_the_table_says(site, group):
    port = site.gateway.public.port
    wrong = {}
    for case in (each for each in cases() if each.group == group):
        got = await ask(port, case.data("localhost", port))
        if tuple(status for status, _ in got) != case.public:
            wrong[case.name] = [status for status, _ in got]
        for status, text in got:
            told = text.lower()
            if status != 431 and not all(header in told for header in SAFE if status >= 400):
                wrong[case.name] = text
            assert b"traceback" not in told and b"aiohttp" not in told
    assert wrong == {}
    allowed = [case for case in cases() if case.group == group and case.public == (200,)]
    assert len(site.broker.requests) == len(allowed)
    assert not [path for _, path, _, _ in site.broker.requests if "smuggled" in path]
    assert await is_served(site)


async def test_the_inner_listener_tells_a_stranger_nothing(site):
    """No certificate: whatever is asked, nothing is served, upgraded or passed on."""
    port, context = site.gateway.inner.port, stranger(site.keys.ca_pem)
    assert await served(port, context) == {}
    assert site.gateway.links.hosts == {site.agent.id}
    client, _ = await site.attach()
    await client.close()
    await until(lambda: site.gateway.inner.gate.total == 1)


async def test_the_brokers_listener_tells_a_stranger_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr("broker.app.LIMITS", SHORT)
    secrets = await make_site(tmp_path / "broker", "http://localhost:1")
    broker = Broker(BrokerSettings(state=tmp_path / "broker", listen=Address("127.0.0.1", 0)))
    await broker.start()
    try:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        assert await served(broker.address.port, context) == {}
        request = b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        assert [status for status, _ in await ask(broker.address.port, request, context)] == [200]
    finally:
        await broker.stop()
    assert secrets.username


def stranger(ca: str) -> ssl.SSLContext:
    return worker_context(ca, "5" * 16)


async def test_silent_connections_of_one_address_keep_nobody_of_it_out(tmp_path):
    """Many more than the caps; the address is everybody's, as behind an SSH tunnel."""
    limits = Limits(connections_per_client=64, head_seconds=60)
    async with small_site(tmp_path, Options(limits=limits)) as site:
        for number in range(320):
            _, writer = await site.raw()
            if number % 2:
                writer.write(b"GET / HTTP/1.1\r\nHost: ")
            if number % 32 == 0:
                assert await is_served(site)
        client, worker = await site.attach()
        for _ in range(64):
            await site.raw()
        worker.send(b"picture")
        assert await client.recv() == b"picture"
        assert site.gateway.public.gate.total <= 64
        assert await is_served(site)
        await client.close()


async def test_streams_that_present_nothing_give_way_to_one_that_has_a_ticket(tmp_path):
    limits = Limits(connections_per_client=16)
    async with small_site(tmp_path, Options(limits=limits)) as site:
        for _ in range(48):
            reader, writer = await site.raw()
            writer.write(site.upgrade_head())
            await reader.readuntil(b"\r\n\r\n")
        client, worker = await site.attach()
        worker.send(b"picture")
        assert await client.recv() == b"picture"
        await client.close()


async def test_two_thousand_bytes_of_cookies_and_a_query_reach_the_broker_as_they_were(site):
    cookie, query = "a=1; a=2; b=" + "c" * 2000, "?x=1&x=2&__proto__=3"
    port = site.gateway.public.port
    head = f"GET /api/v1/login{query} HTTP/1.1\r\nHost: localhost:{port}\r\nCookie: {cookie}\r\n\r\n"
    assert [status for status, _ in await ask(port, head.encode())] == [200]
    (_, path, headers, _) = site.broker.requests[0]
    assert (path, headers["cookie"]) == ("/api/v1/login" + query, [cookie])
