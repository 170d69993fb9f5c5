"""What a member says of itself, read over a real socket."""

import asyncio

from broker.grid.etcd.diagnosis import told_version
from portcullis.settings import Address

ANSWER = b'HTTP/1.1 200 OK\r\n\r\n{"etcdserver":"3.5.9","etcdcluster":"3.5.0"}'


async def test_a_version_that_comes_in_pieces_is_read_whole():
    async def answer(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        for byte in ANSWER:
            writer.write(bytes([byte]))
            await asyncio.sleep(0)  # who asks has its turn
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        assert await told_version(Address(*server.sockets[0].getsockname()[:2]), None) == "3.5.9"


async def test_who_says_nothing_has_no_version():
    server = await asyncio.start_server(lambda reader, writer: writer.close(), "127.0.0.1", 0)
    async with server:
        assert await told_version(Address(*server.sockets[0].getsockname()[:2]), None) is None
