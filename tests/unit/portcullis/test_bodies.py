"""Bodies of answers: whole, however they arrive, and never without end."""

import asyncio

import aiohttp
import pytest
from aiohttp.base_protocol import BaseProtocol

from portcullis.bodies import read_bounded


@pytest.fixture
async def body():
    loop = asyncio.get_running_loop()
    protocol = BaseProtocol(loop)
    protocol.connection_made(asyncio.Transport())
    return aiohttp.StreamReader(protocol, 2**16, loop=loop)


async def test_a_body_that_arrives_in_pieces_is_read_to_its_end(body):
    body.feed_data(b"first ")
    reading = asyncio.ensure_future(read_bounded(body, 100))
    await asyncio.sleep(0)  # it has the first piece
    assert not reading.done()
    body.feed_data(b"second")
    body.feed_eof()
    assert await reading == b"first second"


async def test_a_body_beyond_its_bound_is_told_by_its_length_and_not_waited_for(body):
    body.feed_data(b"12345678")
    assert len(await read_bounded(body, 7)) > 7
    body.feed_data(b"1234567")
    body.feed_eof()
    assert await read_bounded(body, 7) == b"1234567"


async def test_no_body_is_empty(body):
    body.feed_eof()
    assert await read_bounded(body, 7) == b""
