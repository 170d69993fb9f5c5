"""Clients that break the rules of a live stream: each is told why, the session is kept, memory is bounded."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import socket
import zlib

import pytest

from portcullis.errors import ProtocolError
from portcullis.protocol import messages as m
from portcullis.protocol.wire import MAXIMUM_TO_WORKER_BYTES
from tests.integration.abuse.live import Flipping, Live, close_code, inputs, leave, live_site, masked
from tests.support.patience import until
from tests.support.stream_client import StreamClient
from tests.support.xserver import x_server

FLOOD = 20_000
MIB = 1 << 20


@pytest.fixture
def x():
    with x_server() as server:
        yield server


@pytest.fixture
async def live(tmp_path, x):
    async with live_site(tmp_path, x) as running:
        yield running


PING = m.encode(m.Ping(1))
BROKEN = {
    "a text message": (masked(1, b"hello"), 4400),
    "a text message in fragments": (masked(1, b"hel", fin=False) + masked(0, b"lo"), 4400),
    "an empty message": (masked(2), 4400),
    "no mask": (b"\x82\x04" + PING[:4], 1002),
    "the first reserved bit": (masked(2, PING, rsv=4), 1002),
    "the second reserved bit": (masked(2, PING, rsv=2), 1002),
    "the third reserved bit": (masked(2, PING, rsv=1), 1002),
    "a reserved opcode": (masked(3, PING), 1002),
    "a reserved control opcode": (masked(11), 1002),
    "a continuation of nothing": (masked(0, PING), 1002),
    "a message within a message": (masked(2, PING, fin=False) + masked(2, PING), 1002),
    "a control frame in fragments": (masked(9, b"x", fin=False), 1002),
    "a ping of 126 bytes": (masked(9, bytes(126)), 1002),
    "a close of one byte": (masked(8, b"\x03"), 1002),
    "a close code that may not be sent": (masked(8, b"\x03\xed"), 1002),
    "a close reason that is not UTF-8": (masked(8, b"\x03\xe8\xff\xff"), 1007),
    "a length of 2^31 - 1": (b"\x82\xff" + (2**31 - 1).to_bytes(8, "big") + bytes(4), 1009),
    "a length of 2^63 - 1": (b"\x82\xff" + (2**63 - 1).to_bytes(8, "big") + bytes(4), 1009),
    "a length of 2^64 - 1": (b"\x82\xff" + b"\xff" * 8 + bytes(4), 1009),
    "a message over its bound": (masked(2, bytes(MAXIMUM_TO_WORKER_BYTES + 1)), 1009),
    "fragments over the bound": (masked(2, bytes(MIB), fin=False) + masked(0, bytes(MIB)), 1009),
    "a bomb that nobody agreed to unpack": (masked(2, zlib.compress(bytes(50 * MIB)), rsv=4), 1002),
    "an acknowledgement of what was not sent": (masked(2, m.encode(m.Acknowledge(10**6, 0))), 4400),
    "a wrapped acknowledgement": (masked(2, m.encode(m.Acknowledge(2**32 - 1, 2**32 - 1))), 4400),
    "an input far ahead": (masked(2, m.encode(m.ReleaseAll(2**32 - 1))), 4400),
    "a worker's message": (masked(2, m.encode(m.Resized(1, 1))), 4400),
    "a gateway's message": (masked(2, m.encode(m.Admitted("grant"))), 4400),
    "a second proof": (masked(2, m.encode(m.Proof(1, 0, bytes(64)))), 4400),
    "a grant of nobody": (masked(2, m.encode(m.GrantRenewal("grant.v1.x.y.z"))), 4403),
}


async def test_each_broken_frame_or_message_ends_its_connection_with_a_code(live):
    wrong = {}
    for name, (data, code) in BROKEN.items():
        client = await live.attach()
        client.send_raw(data)
        got = await close_code(client)
        if got != code:
            wrong[name] = got
    assert wrong == {}
    assert await live.is_well()


async def test_what_is_odd_but_allowed_ends_nothing(live):
    client = await live.attach_drawn()
    last = client.last_frame
    for sequence in (0, last, last, 1):
        client.send(m.Acknowledge(sequence, 0))
    client.send(m.ReleaseAll(5), m.ReleaseAll(5), m.ReleaseAll(3), m.ReleaseAll(5))  # a gap, repeated, late
    for _ in range(2000):
        client.send_raw(masked(0 if _ else 2, fin=False))
    client.send_raw(masked(0, m.encode(m.Ping(77))))
    await client.until(lambda: m.Pong(77) in client.messages)
    assert client.closed is None
    assert await live.is_well()


async def test_extensions_that_are_offered_are_not_taken(live):
    reader, writer = await live.site.raw()
    writer.write(
        live.site.upgrade_head(Sec_WebSocket_Extensions="permessage-deflate; client_max_window_bits")
    )
    head = await reader.readuntil(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 101 ") and b"extensions" not in head.lower()


@pytest.mark.parametrize("to_worker", [True, False], ids=["to the worker", "to the browser"])
async def test_flipped_bits_end_a_connection_at_most(live, to_worker):
    flipped = 0
    for seed in range(10):
        async with Flipping(
            live.port, seed, to_worker=to_worker, spared=3000 if to_worker else 2500
        ) as proxy:
            client, grant = await live.open(port=proxy.port)
            session = live.session
            # Whatever a client makes of broken bytes; one whose handshake was hit waits in vain.
            with contextlib.suppress(Exception):
                async with asyncio.timeout(1):
                    await client.attach(grant, session.key, session=session.session, e=session.e)
                    for number in range(60):
                        client.send(
                            *inputs(client, lambda at, n: m.Pointer(at, n, n, 0, 0), 5), m.Ping(number)
                        )
                        if not to_worker:
                            client.send(m.Refresh())
                        await asyncio.sleep(0)
                    await client.until(lambda client=client: m.Pong(59) in client.messages, 0.3)
            await leave(client)
            flipped += proxy.flipped
    assert flipped > 20
    assert await live.is_well()


FLOODS = {
    "keys": lambda at, n: m.Key(at, n % 2 == 0, 0, 0, "KeyA", "a"),
    "characters that no key has": lambda at, n: m.Key(at, n % 2 == 0, 0, 0, "", chr(0x4E00 + n % 500)),
    "movements": lambda at, n: m.Pointer(at, n % 700, n % 500, n % 3, 0),
    "notches": lambda at, n: m.Wheel(at, 5, 5, 32767, -32768, 0),
    "resizes": lambda at, n: m.Resize(1 + n % 16384, 1 + n % 9000, 100),
    "pings": lambda at, n: m.Ping(n),
    "full frames": lambda at, n: m.Refresh(),
    "hiding": lambda at, n: m.Visibility(n % 2 == 0),
}


# Each is many strokes or clicks, or waits for a keyboard map.
FLOODS_OF_FEW = {"characters that no key has": 500, "notches": 1000}


@pytest.mark.parametrize("kind", FLOODS)
async def test_a_flood_is_survived_within_bounds(live, kind):
    client = await live.attach_drawn()
    before = live.rss()
    count = FLOODS_OF_FEW.get(kind, FLOOD)
    for _ in range(count // 500):
        messages = inputs(client, FLOODS[kind], 500)
        if not isinstance(messages[0], m.Input):
            client.input -= 500
        client.send(*messages)
        await client._writer.drain()
    client.send(m.Visibility(True), m.Resize(640, 480, 100), m.ReleaseAll(client.next_input()))
    await client.until(lambda: client.last_input_applied == client.input, 30)
    assert live.rss() < before + 64 * MIB
    await live.session.until_drawn(client)
    assert await live.is_well()


async def test_a_flood_of_clipboards_keeps_the_last(live):
    client = await live.attach_drawn()
    before = live.rss()
    for number in range(60):
        client.send(m.ClipboardText(number, f"{number:06}" + "x" * (1 << 19)))
        await client._writer.drain()
    client.send(m.ClipboardText(99, "the last"), m.Ping(1))
    await client.until(lambda: m.Pong(1) in client.messages)
    await until(lambda: is_copied(live, "the last"))
    assert live.rss() < before + 64 * MIB


async def is_copied(live: Live, text: str) -> bool:
    return await live.x.run("xclip", "-selection", "clipboard", "-out") == text


async def painting(live: Live) -> None:
    """An application that changes every pixel for as long as the test lasts."""
    while True:
        for colour in ("red", "green", "blue"):
            await live.x.run("xsetroot", "-solid", colour)


@contextlib.asynccontextmanager
async def painted(live: Live):
    task = asyncio.get_running_loop().create_task(painting(live))
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def test_a_client_that_never_acknowledges_gets_no_more_than_a_window(live):
    client = await live.attach_drawn()
    client.acknowledges = False
    got, numbers = client.frame_bytes, itertools.count()

    async def is_full() -> bool:
        """It answers as ever, and shows nothing new for as long as a hundred answers take."""
        before = client.frames
        for number in itertools.islice(numbers, 100):
            client.send(m.Ping(number))
            await client.until(lambda number=number: m.Pong(number) in client.messages)
        return client.frames == before

    async with painted(live):
        await until(is_full)
    assert client.frame_bytes <= got + 5 * MIB
    assert client.closed is None
    assert await live.is_well()


async def test_a_stopped_client_costs_the_gateway_little_and_is_evicted(live, monkeypatch):
    """It asks without end and reads nothing."""
    monkeypatch.setattr("gateway.splice.STALL_SECONDS", 0.5)
    client = await live.attach_drawn()
    client.acknowledges = False
    client._writer.transport.pause_reading()
    most, pings = 0, masked(9, bytes(125)) * 500  # each is answered with as many bytes
    async with painted(live):
        while live.ends:
            most = max(most, sum(end._transport.get_write_buffer_size() for end in live.ends))
            with contextlib.suppress(OSError):
                client.send_raw(pings)
                await client._writer.drain()
    assert 0 < most <= 2 * MIB
    await live.session.until(lambda: live.session.state.connections == 0)
    assert await live.is_well()


async def test_a_client_that_closes_half_is_gone_at_both_ends(live):
    client = await live.attach_drawn()
    client._writer.write_eof()
    await live.session.until(lambda: live.session.state.connections == 0)
    await until(lambda: live.site.gateway.streams.live == 0)
    assert await live.is_well()


async def test_a_client_that_sends_byte_by_byte_is_served(live):
    client, grant = await live.open()
    writer = client._writer
    writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    whole = writer.write
    sending: list[asyncio.Task[None]] = []

    async def drip(data: bytes) -> None:
        for byte in data:
            whole(bytes((byte,)))
            await asyncio.sleep(0)

    def write(data: bytes) -> None:
        before = sending[-1:]

        async def after() -> None:
            await asyncio.gather(*before)
            await drip(data)

        sending.append(asyncio.get_running_loop().create_task(after()))

    writer.write = write
    session = live.session
    await client.attach(grant, session.key, session=session.session, e=session.e)
    client.key("KeyA", "a")
    await client.until(lambda: client.last_input_applied == client.input)
    await session.until_drawn(client)
    writer.write = whole
    await asyncio.gather(*sending)
    assert await live.is_well()


async def test_an_older_epoch_is_refused_for_good_and_the_newer_goes_on(live):
    old = await live.attach()
    newer = await live.attach_drawn()
    assert (await old.until_closed()).code == 4409
    again, _ = await live.open(e=live.session.e - 1)
    assert (await again.until_closed()).code == 4409
    newer.key("KeyA", "a")
    await newer.until(lambda: newer.last_input_applied == newer.input)
    assert await live.is_well()


async def test_messages_before_the_proof_end_the_connection(live):
    for early in (
        m.Key(1, True, 0, 0, "KeyA", "a"),
        m.Acknowledge(1, 0),
        m.GrantRenewal("grant"),
        m.Refresh(),
    ):
        client, _ = await live.open()
        await client.receive(m.Challenge)
        client.send(early)
        assert (await client.until_closed()).code == 4400
    assert await live.is_well()


def test_what_the_tests_send_is_what_they_say():
    """The broken messages are broken in the way that their name says, not in another."""
    for name in ("a worker's message", "a gateway's message", "a second proof"):
        data, _ = BROKEN[name]
        assert m.decode(data[6:] if data[1] & 0x7F < 126 else data[8:])
    with pytest.raises(ProtocolError):
        m.decode(BROKEN["a worker's message"][0][6:], m.FROM_CLIENT)
    assert StreamClient
