"""Displays of every size and pixel ratio that somebody may ask for: clamped, exact to the pixel, no crash."""

import subprocess
from pathlib import Path

import numpy as np
import pytest
import pytest_asyncio

from agents.linux.display import MAXIMUM_HEIGHT, MAXIMUM_WIDTH
from agents.linux.screen import MINIMUM_SIDE
from portcullis.model.session import Display
from portcullis.protocol import messages as m
from tests.support.framebuffer import read_framebuffer
from tests.support.session_host import processes, variables

pytestmark = pytest.mark.asyncio(loop_scope="module")

LARGEST = (MAXIMUM_WIDTH, MAXIMUM_HEIGHT)
SMALLEST = (MINIMUM_SIDE, MINIMUM_SIDE)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def noise(abused):
    session = await abused.launch("noise.py")
    client = await session.attach()
    await client.until(lambda: client.title == "noise")
    return session, client


def framebuffer(session, width, height):
    folder = next(Path("/dev/shm").glob(f"portcullis-{session.id}-*"))
    return read_framebuffer(folder / "Xvfb_screen0", width, height)


async def until_exact(session, client, size):
    """The client's picture has this size, is the framebuffer's in every pixel, and is noise to the last corner."""

    def is_exact():
        client.send(
            m.Ping(1)
        )  # the framebuffer tells of no change by itself: the answer has this looked at again
        height, width, _ = client.picture.shape
        if (width, height) != size or client.frames == 0:
            return False
        seen = framebuffer(session, *size)
        return bool((client.picture == seen).all()) and all(
            len(np.unique(part.reshape(-1, 3), axis=0)) > 200 for part in (seen[:60, :60], seen[-60:, -60:])
        )

    await client.until(is_exact, 60)


@pytest.mark.parametrize(
    ("asked", "given"),
    [
        ((1, 1), SMALLEST),
        ((16384, 16384), LARGEST),
        ((16384, 1), (MAXIMUM_WIDTH, MINIMUM_SIDE)),
        ((65, 999), (65, 999)),
    ],
)
@pytest.mark.parametrize("ratio", [50, 400, 0, 65535])
async def test_every_size_and_ratio_of_a_resize_gives_an_exact_picture(noise, asked, given, ratio):
    session, client = noise
    client.send(m.Resize(*asked, ratio))
    await until_exact(session, client, given)
    assert session.report.state == "active"


@pytest.mark.parametrize(
    ("asked", "given"), [(Display(1, 1, 0.1), SMALLEST), (Display(16384, 16384, 10.0), LARGEST)]
)
async def test_every_size_and_ratio_of_a_launch_gives_an_exact_picture(abused, asked, given):
    session = await abused.launch("noise.py", display=asked)
    client = await session.attach()
    await until_exact(session, client, given)
    mine = [p for p in processes() if variables(p).get("PORTCULLIS_SESSION") == session.id]
    program = next(p for p in mine if "noise.py" in str(p.info["cmdline"]))
    assert variables(program).get("GDK_SCALE", "1") == ("1" if asked.device_pixel_ratio < 1 else "4")
    await session.log_off()
    await abused.forget(session)


@pytest.mark.parametrize("width", [0, 16385])
async def test_size_out_of_bounds_costs_the_connection_a_code_and_nothing_else(abused, width):
    session = await abused.launch("xterm")
    client = await session.attach()
    body = width.to_bytes(2, "little") + (600).to_bytes(2, "little") + (100).to_bytes(2, "little")
    client.send_payload(bytes([0x29, 0, 0, 0]) + len(body).to_bytes(4, "little") + body)
    closed = await client.until_closed()
    assert (closed.code, closed.reason) == (4400, "protocol_error")
    again = await session.attach()
    await again.receive(m.Frame)
    await session.log_off()
    await abused.forget(session)


async def test_thousand_sizes_leave_no_mode_behind(noise):
    """Each size is a mode of the display's that has to be taken back."""
    session, client = noise
    for number in range(1000):
        client.send(m.Resize(200 + number % 500, 200 + number % 300, 100))
    client.send(m.Resize(640, 480, 100))
    await until_exact(session, client, (640, 480))
    assert "640x480" in "".join(modes(session))
    assert len(modes(session)) <= 3


def modes(session):
    """What the display's output offers: a line each."""
    own = next(
        p
        for p in processes()
        if variables(p).get("PORTCULLIS_SESSION") == session.id and "DISPLAY" in variables(p)
    )
    environment = variables(own)
    listed = subprocess.run(["xrandr"], env=environment, capture_output=True, text=True, check=True).stdout
    return [line for line in listed.splitlines() if line.startswith("   ")]
