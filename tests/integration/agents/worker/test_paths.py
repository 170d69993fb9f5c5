"""A real worker over a slow path: what it tells of it, stalls, and clients that acknowledge as they like."""

import contextlib

import pytest

from agents.worker.pacing import MAXIMUM_FRAMES_IN_FLIGHT
from portcullis.protocol import messages as m
from tests.support.slow_path import Line, slow_path

NETWORK = 1


@contextlib.asynccontextmanager
async def behind(session, line):
    async with slow_path("127.0.0.1", session.port, line) as path:
        session.dial_port = path.port
        yield path


async def test_quality_is_told_each_second_while_it_is_watched_and_names_a_long_path(x, session):
    async with behind(session, Line(delay=0.2)):
        client = await session.attach_drawn()
        features = await client.receive(m.Features)
        assert features.features & m.FEATURE_QUALITY
        client.send(m.WatchQuality(True))
        told = await client.receive(m.Quality)
        assert told.round_trip_us >= 400_000 and told.limit == NETWORK
        assert told.encoder == "tiles"
        client.send(m.WatchQuality(False), m.Ping(7))
        await client.until(lambda: m.Pong(7) in client.messages)
        count = sum(isinstance(message, m.Quality) for message in client.messages)
        client.send(m.ViewReport(10_000, 1, 2, 3, 4, 5), m.Ping(8))
        await client.until(lambda: m.Pong(8) in client.messages)
        assert sum(isinstance(message, m.Quality) for message in client.messages) == count


async def test_after_a_stall_the_newest_picture_comes_and_no_backlog(x, session):
    async with behind(session, Line()) as path:
        client = await session.attach_drawn()
        path.stall()
        frames = client.frames
        await x.run("sh", "-c", "for i in $(seq 100 249); do xsetroot -solid '#010'$i; done")
        path.resume()
        await session.until_drawn(client)
        assert client.frames - frames <= MAXIMUM_FRAMES_IN_FLIGHT + 5


@pytest.mark.parametrize("repeat", [1, 3])
async def test_client_that_acknowledges_twice_sees_everything(x, session, repeat):
    client = await session.attach_drawn()
    client.acknowledges = False

    def acknowledge(message):
        if isinstance(message, m.Frame | m.SmallFrame):
            client.send(*[m.Acknowledge(message.sequence, 0xFFFFFFFF)] * repeat)

    client.send(m.Acknowledge(client.frames, 0))
    client.on_message = acknowledge
    for shade in range(5):
        await x.run("xsetroot", "-solid", f"#0000{shade}0")
        await session.until_drawn(client)


async def test_client_that_acknowledges_the_future_loses_its_connection(x, session):
    client = await session.attach_drawn()
    client.send(m.Acknowledge(client.frames + 1000, 0))
    assert (await client.until_closed()).reason == "protocol_error"
