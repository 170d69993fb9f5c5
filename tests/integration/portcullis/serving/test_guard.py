"""The guard with deadlines short enough to be waited for."""

from __future__ import annotations

import asyncio

import pytest
from aiohttp import web

from gateway.errors import errors_as_json
from gateway.listener import Listener
from portcullis.serving.guard import HELD_BYTES, RECEIVE_BYTES, Limits, guarded, read_body
from portcullis.settings import Address
from tests.support.patience import patient, until

SHORT = 0.2
HEAD = b"GET / HTTP/1.1\r\nHost: x\r\n"


class Server:
    def __init__(self, **limits) -> None:
        self.limits = Limits(**limits)
        self.clients = []
        self.entered = asyncio.Event()
        self.leave = asyncio.Event()
        self.cancelled = asyncio.Event()
        app = web.Application(middlewares=[guarded, errors_as_json])
        app.router.add_get("/", self._root)
        app.router.add_get("/slow", self._slow)
        app.router.add_get("/large", self._large)
        app.router.add_post("/body", self._body)
        app.router.add_post("/ignored", self._root)
        self.listener = Listener(app, self.limits)

    async def __aenter__(self):
        await self.listener.start(Address("127.0.0.1", 0))
        return self

    async def __aexit__(self, *_):
        for writer in self.clients:
            writer.transport.abort()
        await self.listener.stop()

    async def connect(self):
        reader, writer = await asyncio.open_connection("127.0.0.1", self.listener.port)
        self.clients.append(writer)
        return reader, writer

    async def busy(self):
        """A connection whose request is being handled until `leave` is set."""
        reader, writer = await self.connect()
        self.entered.clear()
        writer.write(b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n")
        await self.entered.wait()
        return reader, writer

    def guard(self):
        """Of the only connection."""
        (handler,) = self.listener._runner.server.connections
        return handler.transport.get_protocol()

    async def _root(self, request):
        return web.Response(text="here")

    async def _slow(self, request):
        self.entered.set()
        try:
            await self.leave.wait()
        except asyncio.CancelledError:
            self.cancelled.set()
            raise
        return web.Response(text="at last")

    async def _large(self, request):
        return web.Response(body=bytes(64 << 20))

    async def _body(self, request):
        self.entered.set()
        body = await read_body(request, 100_000, self.limits.body_seconds)
        return web.Response(text=str(len(body)))


async def ended(reader: asyncio.StreamReader) -> bytes:
    """What came until the server ended the connection."""
    try:
        return await asyncio.wait_for(reader.read(), patient(10))
    except ConnectionResetError:
        return b""


async def answer(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    head = (await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), patient(10))).lower()
    length = int(head.partition(b"content-length: ")[2].split(b"\r\n")[0])
    return int(head.split()[1]), await reader.readexactly(length)


@pytest.mark.parametrize("sent", [b"", b"G", HEAD, HEAD + b"X: y", b"\r\n\r\n\r\n", b"\r\n\r\n" + HEAD])
async def test_a_silent_or_half_sent_head_is_cut(sent):
    async with Server(head_seconds=SHORT) as server:
        reader, writer = await server.connect()
        writer.write(sent)
        assert await ended(reader) == b""
        assert server.listener.gate.total == 0


async def test_a_dripping_head_is_cut_however_busy_it_is():
    async with Server(head_seconds=SHORT) as server:
        reader, writer = await server.connect()
        cut = asyncio.create_task(ended(reader))
        writer.write(HEAD + b"X: ")
        while not cut.done():
            writer.write(b"x")
            await asyncio.wait({cut}, timeout=0.02)
        assert cut.result() == b""


async def test_the_head_of_a_later_request_has_its_own_deadline():
    async with Server(head_seconds=SHORT, idle_seconds=60) as server:
        reader, writer = await server.connect()
        writer.write(HEAD + b"\r\n")
        assert await answer(reader) == (200, b"here")
        writer.write(HEAD)
        assert await ended(reader) == b""


async def test_an_idle_connection_is_closed():
    async with Server(head_seconds=60, idle_seconds=SHORT) as server:
        reader, writer = await server.connect()
        writer.write(HEAD + b"\r\n")
        assert await answer(reader) == (200, b"here")
        assert await ended(reader) == b""


async def test_neither_deadline_runs_while_a_request_is_handled():
    async with Server(head_seconds=SHORT, idle_seconds=SHORT) as server:
        reader, writer = await server.connect()
        writer.write(b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n")
        await server.entered.wait()
        silent, _other = await server.connect()
        await ended(silent)  # both deadlines have passed by now
        server.leave.set()
        assert await answer(reader) == (200, b"at last")


async def test_pipelined_requests_are_answered_in_order():
    async with Server(head_seconds=SHORT) as server:
        reader, writer = await server.connect()
        server.leave.set()
        writer.write(HEAD + b"\r\n" + b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n" + HEAD + b"\r\n")
        assert [await answer(reader) for _ in range(3)] == [(200, b"here"), (200, b"at last"), (200, b"here")]


async def test_a_client_that_leaves_cancels_its_request():
    async with Server() as server:
        _, writer = await server.connect()
        writer.write(b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n")
        await server.entered.wait()
        writer.transport.abort()
        await asyncio.wait_for(server.cancelled.wait(), patient(10))
        assert server.listener.gate.total == 0


async def test_connections_of_one_client_are_capped_and_places_come_free():
    async with Server(connections_per_client=2) as server:
        busy = [await server.busy() for _ in range(2)]
        reader, _ = await server.connect()
        assert (await ended(reader)).startswith(b"HTTP/1.1 503 ")
        server.leave.set()
        assert await answer(busy[0][0]) == (200, b"at last")
        busy[0][1].write(HEAD + b"Connection: close\r\n\r\n")
        assert (await ended(busy[0][0])).endswith(b"here")
        reader, writer = await server.connect()
        writer.write(HEAD + b"\r\n")
        assert await answer(reader) == (200, b"here")


async def test_all_connections_are_capped():
    async with Server(connections=1) as server:
        await server.busy()
        reader, _writer = await server.connect()
        assert (await ended(reader)).startswith(b"HTTP/1.1 503 ")


async def test_silent_and_idle_connections_give_way_to_one_that_asks():
    async with Server(connections_per_client=3) as server:
        idle = await server.connect()
        idle[1].write(HEAD + b"\r\n")
        assert await answer(idle[0]) == (200, b"here")
        silent = await server.connect()
        half = await server.connect()
        half[1].write(HEAD)
        for oldest in (idle, silent, half):
            reader, writer = await server.connect()
            writer.write(HEAD + b"\r\n")
            assert await answer(reader) == (200, b"here")
            assert await ended(oldest[0]) == b""
        assert server.listener.gate.total == 3


async def test_a_download_that_is_being_read_does_not_give_way():
    async with Server(connections_per_client=1) as server:
        reader, writer = await server.connect()
        writer.write(b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n")
        await reader.readuntil(b"\r\n\r\n")
        other, _ = await server.connect()
        assert (await ended(other)).startswith(b"HTTP/1.1 503 ")
        assert len(await reader.readexactly(64 << 20)) == 64 << 20


async def test_requests_ahead_of_their_turn_are_held_back_within_a_bound():
    """aiohttp by itself parses 32 of them ahead, each as large as 64 fields of 8 KiB."""
    async with Server() as server:
        reader, writer = await server.busy()
        head = HEAD + b"".join(b"X-%d: %s\r\n" % (n, b"y" * 7000) for n in range(4)) + b"\r\n"
        for _ in range(64):
            writer.write(head)
        guard = server.guard()
        await until(lambda: not guard._is_reading)
        assert HELD_BYTES < len(guard._held) <= HELD_BYTES + RECEIVE_BYTES
        assert len(guard.inner._messages) == 0
        server.leave.set()
        assert await answer(reader) == (200, b"at last")
        for _ in range(64):
            assert await answer(reader) == (200, b"here")


async def test_a_later_head_over_32_kib_is_refused_too():
    async with Server() as server:
        reader, writer = await server.busy()
        writer.write(HEAD + b"".join(b"X-%d: %s\r\n" % (n, b"y" * 4000) for n in range(9)) + b"\r\n")
        server.leave.set()
        assert await answer(reader) == (200, b"at last")
        assert (await ended(reader))[:13] in (b"HTTP/1.1 431 ", b"")


async def test_a_malformed_chunk_is_refused_at_once_wherever_it_is_cut():
    async with Server() as server:
        reader, writer = await server.connect()
        writer.write(b"POST /body HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")
        await server.entered.wait()
        writer.write(b"0x5\r\nhello\r\n")
        assert (await asyncio.wait_for(reader.read(), patient(5))).startswith(b"HTTP/1.1 400 ")


@pytest.mark.parametrize("portions", [1, 7])
async def test_a_head_over_32_kib_is_refused(portions):
    async with Server() as server:
        reader, writer = await server.connect()
        head = HEAD + b"".join(b"X-%d: %s\r\n" % (n, b"y" * 4000) for n in range(9)) + b"\r\n"
        size = len(head) // portions + 1
        for start in range(0, len(head), size):
            writer.write(head[start : start + size])
            await asyncio.sleep(0)
        assert (await ended(reader))[:13] in (b"HTTP/1.1 431 ", b"")  # a reset may overtake it
        assert server.listener.connections == 0


async def test_a_head_just_under_the_cap_and_a_body_behind_it_are_served():
    async with Server() as server:
        reader, writer = await server.connect()
        fields = b"".join(b"X-%d: %s\r\n" % (n, b"y" * 4000) for n in range(8))
        writer.write(
            b"POST /body HTTP/1.1\r\nHost: x\r\nContent-Length: 90000\r\n" + fields + b"\r\n" + bytes(90000)
        )
        assert await answer(reader) == (200, b"90000")


@pytest.mark.parametrize(
    "head",
    [
        b"GET /" + b"x" * 8200 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        HEAD + b"X: " + b"y" * 8200 + b"\r\n\r\n",
        HEAD + b"x" * 8200 + b": y\r\n\r\n",
        HEAD + b"".join(b"X%d: y\r\n" % n for n in range(70)) + b"\r\n",
    ],
    ids=["line", "value", "name", "number"],
)
async def test_a_line_over_8_kib_or_too_many_fields_are_refused(head):
    async with Server() as server:
        reader, writer = await server.connect()
        writer.write(head)
        got = await ended(reader)
        assert got.split()[1] == b"400"
        assert b"Content-Security-Policy: default-src 'none'" in got
        assert b'"invalid_request"' in got


async def test_a_slow_body_is_refused_and_the_connection_closed():
    async with Server(body_seconds=SHORT) as server:
        reader, writer = await server.connect()
        writer.write(b"POST /body HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nhalf")
        assert (await ended(reader)).startswith(b"HTTP/1.1 408 ")


@pytest.mark.parametrize("length", [b"Content-Length: 200000", b"Transfer-Encoding: chunked"])
async def test_a_large_body_is_refused_and_the_connection_closed(length):
    async with Server() as server:
        reader, writer = await server.connect()
        writer.write(b"POST /body HTTP/1.1\r\nHost: x\r\n" + length + b"\r\n\r\n")
        writer.write(b"30d40\r\n" * (b"chunked" in length) + bytes(200_000))
        assert (await ended(reader))[:13] in (b"HTTP/1.1 413 ", b"")  # a reset may overtake it


async def test_a_body_that_nobody_reads_does_not_become_a_request():
    async with Server() as server:
        reader, writer = await server.connect()
        hidden = b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n"
        writer.write(
            b"POST /ignored HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(hidden) + hidden
        )
        assert await answer(reader) == (200, b"here")
        writer.write(HEAD + b"\r\n")
        assert await answer(reader) == (200, b"here")
        assert not server.entered.is_set()


async def test_an_answer_that_is_not_read_is_cut():
    async with Server(stall_seconds=SHORT) as server:
        _reader, writer = await server.connect()
        writer.transport.pause_reading()
        writer.write(b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n")
        async with asyncio.timeout(patient(10)):
            while server.listener.gate.total == 0:  # accepted
                await asyncio.sleep(0.01)
            while server.listener.gate.total or server.listener.connections:
                await asyncio.sleep(0.01)
        assert not _reader.at_eof()  # what was sent is still there to be read: it was the server who cut


async def test_a_slow_reader_gets_a_large_answer_whole():
    async with Server(stall_seconds=5, idle_seconds=SHORT) as server:
        reader, writer = await server.connect()
        writer.write(b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n")
        head = await reader.readuntil(b"\r\n\r\n")
        assert b"Content-Length: 67108864" in head
        received = 0
        while received < 64 << 20:
            received += len(await asyncio.wait_for(reader.read(1 << 20), patient(10)))
        assert received == 64 << 20


async def test_stopping_ends_idle_connections_at_once():
    async with Server() as server:
        reader, writer = await server.connect()
        writer.write(HEAD + b"\r\n")
        await answer(reader)
        await server.listener.stop()
        assert await ended(reader) == b""
