"""TLS handshakes that never end: bounded in number and time, and in nobody's way."""

from __future__ import annotations

import asyncio
import socket

import pytest

from gateway.app import Options
from portcullis.serving.guard import Limits
from portcullis.serving.listener import ACCEPTED_AT_ONCE
from tests.integration.gateway.small_site import Agent, small_site
from tests.support.patience import patient, until


@pytest.fixture
async def site(tmp_path):
    async with small_site(tmp_path, Options(limits=Limits(handshakes=8, handshake_seconds=60))) as running:
        yield running


async def open_raw(site, data: bytes = b""):
    reader, writer = await asyncio.open_connection("127.0.0.1", site.gateway.inner.port)
    site.writers.append(writer)
    writer.write(data)
    return reader, writer


async def test_half_open_handshakes_are_capped_and_an_honest_one_is_served(site):
    handshakes = site.gateway.inner.handshakes
    opened = [await open_raw(site, b"\x16\x03\x01\x02\x00" * (n % 2)) for n in range(40)]
    await until(lambda: handshakes.gate.total == 8)
    assert await asyncio.wait_for(opened[0][0].read(), patient(10)) == b""  # the oldest gave way
    other = Agent(site.keys.machine("host", "other"))
    assert (await asyncio.wait_for(other.connect(site.inner_address), patient(10))).gateway == "edge"
    assert handshakes.gate.total < 8 + 1
    assert site.gateway.inner.gate.total == 2  # the links: a handshake is no connection yet
    await other.close()


async def test_a_crowd_that_dials_at_once_is_let_in_a_few_at_a_time(tmp_path):
    async with small_site(tmp_path) as site:
        handshakes, port = site.gateway.inner.handshakes, site.gateway.inner.port
        # Without a turn of the loop: so far they are in the kernel's queue alone.
        crowd = [socket.create_connection(("127.0.0.1", port)) for _ in range(10 * ACCEPTED_AT_ONCE)]
        let_in = []
        async with asyncio.timeout(patient(10)):
            while handshakes.gate.total < len(crowd):
                before = handshakes.gate.total
                await asyncio.sleep(0)
                let_in.append(handshakes.gate.total - before)
        assert max(let_in) == ACCEPTED_AT_ONCE
        for each in crowd:
            each.close()


async def test_a_handshake_that_fails_or_leaves_gives_its_place_back(site):
    handshakes = site.gateway.inner.handshakes
    reader, _ = await open_raw(site, b"GET / HTTP/1.1\r\n\r\n")
    assert b"HTTP" not in await asyncio.wait_for(reader.read(), patient(10))
    _, writer = await open_raw(site)
    await until(lambda: handshakes.gate.total == 1)
    writer.transport.abort()
    await until(lambda: handshakes.gate.total != 1)
    assert handshakes.gate.total == 0


async def test_a_handshake_has_a_deadline(tmp_path):
    async with small_site(tmp_path, Options(limits=Limits(handshake_seconds=0.2))) as site:
        reader, _ = await open_raw(site)
        assert await asyncio.wait_for(reader.read(), patient(10)) == b""
        await until(lambda: site.gateway.inner.handshakes.gate.total == 0)
