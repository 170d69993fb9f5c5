"""Clients that break the protocol, agents that break theirs, displays that go away: a session outlives the first."""

import contextlib
import random
import struct

import pytest

from portcullis.protocol import messages as m
from tests.support.stream_client import mask_frame
from tests.support.worker_session import WorkerSession
from tests.support.xserver import XServer


async def is_well(session):
    """A client attaches and sees the display."""
    client = await session.attach_drawn()
    return client.closed is None


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"\x15",
        struct.pack("<BBHI", 0x30, 0, 0, 0xFFFFFFFF),
        m.encode(m.Ping(1)) * 1025,
        m.encode(m.Challenge(1, 1, b"n" * 32)),
        m.encode(m.Proof(1, 0, b"s" * 64)),
        m.encode(m.Welcome(1, 1, 1, 1, 1, 1, 1, 1, 1)),
        m.encode(m.AdmitGrant("grant")),
        struct.pack("<BBHIB", 0x17, 0, 0, 1, 2),
    ],
    ids=[
        "empty",
        "half a header",
        "length",
        "too many",
        "challenge",
        "second proof",
        "welcome",
        "admit",
        "flag",
    ],
)
async def test_malformed_message_closes_that_connection_alone(session, payload):
    client = await session.attach_drawn()
    client.send_payload(payload)
    closed = await client.until_closed()
    assert (closed.code, closed.reason) == (4400, "protocol_error")
    assert await is_well(session)


async def test_text_message_is_a_protocol_error(session):
    client = await session.attach_drawn()
    client.send_text("hello")
    assert (await client.until_closed()).code == 4400
    assert await is_well(session)


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"\x82\x04" + m.encode(m.Refresh())[:4], 1002),  # not masked
        (b"\x83\x80abcd", 1002),  # a reserved opcode
        (b"\x82\xff" + struct.pack(">Q", 1 << 40) + b"mask", 1009),
        (mask_frame(b"x", opcode=0), 1002),  # continues nothing
    ],
    ids=["unmasked", "opcode", "length", "continuation"],
)
async def test_broken_frame_closes_that_connection_alone(session, raw, code):
    client = await session.attach_drawn()
    client.send_raw(raw)
    assert (await client.until_closed()).code == code
    assert await is_well(session)


async def test_fragments_with_pings_between_make_one_message(session):
    client = await session.attach_drawn()
    payload = m.encode(m.Ping(77))
    client.send_raw(mask_frame(payload[:3], fin=False))
    client.send_raw(mask_frame(b"beat", opcode=9))
    for byte in payload[3:]:
        client.send_raw(mask_frame(bytes([byte]), opcode=0, fin=False))
    client.send_raw(mask_frame(b"", opcode=0))
    await client.until(lambda: m.Pong(77) in client.messages)


async def test_unknown_types_are_skipped(session):
    client = await session.attach_drawn()
    client.send_payload(struct.pack("<BBHI", 0xF7, 1, 2, 3) + b"abc" + m.encode(m.Ping(3)))
    await client.until(lambda: m.Pong(3) in client.messages)


async def test_flipped_bits_never_end_the_session(session):
    chance = random.Random(7)
    valid = m.encode(
        m.Key(1, True, 1, 1, "KeyA", "a"),
        m.Pointer(2, 5, 5, 1, 0),
        m.Wheel(3, 1, 1, 120, 120, 0),
        m.Resize(500, 400, 100),
    )
    for _ in range(40):
        client = await session.attach()
        for _ in range(5):
            broken = bytearray(valid)
            for _ in range(chance.randint(1, 3)):
                broken[chance.randrange(len(broken))] ^= 1 << chance.randrange(8)
            client.send_payload(bytes(broken))
        client.send(m.Ping(1))
        await client.until(lambda client=client: client.closed or m.Pong(1) in client.messages)
        await client.drop()
    assert await is_well(session)


async def test_flood_of_input_and_pings_is_survived(x, session):
    client = await session.attach_drawn()
    for number in range(60):
        client.send(
            *(m.Pointer(client.next_input(), number, step % 600, 0, 0) for step in range(400)),
            *(m.Ping(step) for step in range(200)),
            *(m.Refresh() for _ in range(50)),
        )
    await client.until(lambda: client.last_input_applied == client.input)
    await session.until_drawn(client)
    assert "x:59 y:399 " in await x.run("xdotool", "getmouselocation")


async def test_client_that_asks_and_never_reads_is_dropped(session):
    client = await session.attach_drawn()
    writer = client._writer
    writer.transport.pause_reading()
    pings = mask_frame(bytes(125), opcode=9) * 500  # each is answered with as many bytes
    with contextlib.suppress(OSError):
        while session.state.connections:
            client.send_raw(pings)
            await writer.drain()
    await session.until(lambda: session.state.connections == 0)
    assert await is_well(session)


async def test_long_texts_do_not_delay_the_end_of_the_connection(session):
    client = await session.attach_drawn()
    foreign = "".join(chr(0x4E00 + number) for number in range(1300))
    for _ in range(4):
        client.text(foreign)
    client.send(m.Ping(1))
    await client.until(lambda: m.Pong(1) in client.messages)
    await client.drop()
    await session.until(lambda: session.state.connections == 0)
    assert await is_well(session)


# --- The agent's side


async def test_display_that_ends_ends_the_worker_with_one_line(x, session):
    client = await session.attach_drawn()
    x.process.kill()
    assert await session.ended() == 1
    assert "the display is gone" in session.log
    assert len([line for line in session.log.splitlines() if " error " in line]) == 1
    assert "Traceback" not in session.log
    assert (await client.until_closed()).code == 4410


async def test_display_that_ends_while_nobody_is_attached_ends_the_worker(x, session):
    x.process.kill()
    assert await session.ended() == 1
    assert "the display is gone" in session.log


async def test_leader_that_ends_ends_the_worker(session):
    session._writer.close()
    assert await session.ended() == 1
    assert "the leader is gone" in session.log


async def test_malformed_line_ends_the_worker(session):
    session.tell_raw(b"no json\n")
    assert await session.ended() == 1
    assert "malformed" in session.log


async def test_unknown_lines_are_ignored(session):
    session.tell_raw(b'{"to": "worker", "type": "of the future", "x": 1}\n')
    assert await is_well(session)


@pytest.mark.parametrize(
    "changes",
    [{"display": ":9999"}, {"framebuffer": "/nonexistent"}, {"framebuffer": "/etc/hostname"}],
    ids=str,
)
async def test_display_that_is_not_there_ends_the_worker(x, changes):
    session = WorkerSession(x)
    await session.launch()
    session.tell(session.start_line(**changes))
    assert await session.ended() == 1
    assert "Traceback" not in session.log
    await session.stop()


async def test_wrong_cookie_is_refused(x):
    session = WorkerSession(x)
    await session.launch()
    other = x.folder / "other"
    XServer._write_cookie(_Cookie(other), x.display[1:])
    session.tell(session.start_line(xauthority=str(other)))
    assert await session.ended() == 1
    await session.stop()


class _Cookie:
    """A cookie file of another server."""

    def __init__(self, path):
        self.xauthority = path
