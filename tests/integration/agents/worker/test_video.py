"""A film beside text on a real display, through the real worker and its encoders, as a viewer draws it."""

import asyncio
import contextlib

import pytest

from portcullis.protocol import messages as m
from portcullis.protocol.operations import VIDEO_H264, VIDEO_H264_444, VIDEO_VP8
from portcullis.tasks import spawn
from tests.support.film import Film
from tests.support.simulated_view import photograph

A_SECOND = 30
SIZE = 323, 241
"""Odd, as windows are."""
PLACE = 101, 57


@pytest.fixture
async def film(x, session):
    """A film beside a page of text: `play` starts it, and gives back what stops it."""
    x.start("xterm", "-geometry", "60x40+440+0", "-e", "sh -c 'ls -la /usr/bin; exec sleep 60'")
    await x.window("--class", "xterm")
    shown = Film(x.connection(), photograph(3 * SIZE[0], SIZE[1]), *PLACE, SIZE[0])
    async with contextlib.AsyncExitStack() as stack:
        stack.callback(shown.close)
        playing = spawn(play(shown), name="film")

        async def stop() -> None:
            playing.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await playing

        stack.push_async_callback(stop)
        yield stop


async def play(shown: Film) -> None:
    number = 0
    while True:
        number += 1
        shown.show(number)
        await asyncio.sleep(1 / A_SECOND)


@pytest.mark.parametrize("video", [VIDEO_H264 | VIDEO_H264_444, VIDEO_VP8])
async def test_film_beside_text_is_video_and_exact_when_it_stops(session, film, video):
    client = await session.attach()
    client.draws(video=video)
    await client.until(lambda: client.viewer.pictures > 10)
    whole = (100, 56, 324, 242)  # the region may begin as a part of it
    await client.until(lambda: [stream.box for stream in client.viewer.streams.values()] == [whole])
    await film()
    await session.until_drawn(client)
    await client.until(lambda: not client.viewer.streams)


async def test_decoder_that_fails_and_a_resize_in_the_middle_of_a_film(session, film):
    client = await session.attach()
    client.draws(video=VIDEO_H264)
    await client.until(lambda: client.viewer.pictures > 5)
    client.send(m.Resize(700, 500, 100))
    await client.until(lambda: client.picture.shape == (500, 700, 3))
    pictures = client.viewer.pictures
    await client.until(lambda: client.viewer.pictures > pictures + 5)
    client.draws(video=0)
    await client.until(lambda: not client.viewer.streams)
    await film()
    await session.until_drawn(client)
    assert client.closed is None
