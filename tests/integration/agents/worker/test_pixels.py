"""Frames of a real worker, drawn by a client, against the framebuffer itself."""

import pytest

from tests.support.worker_session import worker_session
from tests.support.xserver import x_server


@pytest.fixture
def x():
    with x_server() as server:
        yield server


async def test_picture_is_the_framebuffer_to_the_pixel(x):
    x.start("xterm", "-geometry", "80x24+100+80", "-e", "ls -la /usr/bin; exec sleep 60")
    async with worker_session(x) as session:
        await x.window("--class", "xterm")
        client = await session.attach_drawn()
        assert client.picture.shape == (600, 800, 3)
        assert client.picture.any()
