"""Frames of a real worker, drawn by a client, against the framebuffer itself."""

import numpy as np

from portcullis.protocol import messages as m
from portcullis.protocol.operations import Fill


async def test_picture_is_the_framebuffer_to_the_pixel(x, session):
    x.start("xterm", "-geometry", "80x24+100+80", "-e", "sh -c 'ls -la /usr/bin; exec sleep 60'")
    await x.window("--class", "xterm")
    client = await session.attach_drawn()
    assert client.picture.shape == (600, 800, 3)
    assert len(np.unique(client.picture.reshape(-1, 3), axis=0)) > 1


async def test_picture_follows_what_is_drawn(x, session, tmp_path):
    client = await session.attach_drawn()
    enough = tmp_path / "enough"
    listing = f"until [ -e {enough} ]; do ls -l /usr; done; sleep 60"
    x.start("xterm", "-geometry", "100x30", "-e", "sh", "-c", listing)
    await client.until(lambda: client.frames > 20)
    enough.touch()
    await session.until_drawn(client)
    assert client.picture.any()


async def test_pointer_is_not_in_the_picture(x, session):
    await x.run("xsetroot", "-solid", "#101010", "-cursor_name", "left_ptr")
    client = await session.attach_drawn()
    for step in range(1, 6):
        client.send(m.Pointer(client.next_input(), 50 * step, 40 * step, 0, 0))
        await client.until(lambda: client.last_input_applied == client.input)
        await x.run("xsetroot", "-solid", f"#10{step}010")
        await session.until_drawn(client)
        assert len(np.unique(client.picture.reshape(-1, 3), axis=0)) == 1


async def test_every_single_echo_arrives(x, session):
    """Damage that is read while something is written must not wait for the next damage."""
    x.start("xterm", "-geometry", "90x30+0+0", "-e", "cat")
    await x.window("--class", "xterm")
    client = await session.attach_drawn()
    client.click(60, 60)
    await session.until_drawn(client)
    for _ in range(60):
        frames = client.frames
        client.key("KeyA", "a")
        await client.until(lambda frames=frames: client.frames > frames)
        await session.until_drawn(client)
    assert client.closed is None


async def test_distant_changes_travel_as_small_boxes(x, session):
    x.start("xterm", "-geometry", "10x2+0+0", "-cr", "red", "-e", "cat")
    x.start("xterm", "-geometry", "10x2+700+550", "-cr", "red", "-e", "cat")
    await x.window("--class", "xterm")
    client = await session.attach_drawn()
    client.messages.clear()
    client.click(20, 10)
    client.text("a")
    client.click(720, 560)
    client.text("b")
    await client.until(lambda: client.last_input_applied == client.input)
    await session.until_drawn(client)
    operations = [o for frame in client.messages if isinstance(frame, m.Frame) for o in frame.operations]
    assert operations
    assert max(o.width * o.height for o in operations) < 64 * 1024


async def test_one_colour_travels_as_a_fill(x, session):
    await x.run("xsetroot", "-solid", "#336699")
    client = await session.attach_drawn()
    operations = [o for frame in client.messages if isinstance(frame, m.Frame) for o in frame.operations]
    assert {type(o) for o in operations} == {Fill}
    assert tuple(client.picture[0, 0]) == (0x33, 0x66, 0x99)


async def test_resize_changes_the_display_and_the_picture(x, session):
    x.start("xterm", "-geometry", "80x24+0+0", "-e", "sh -c 'ls -la /usr/bin; exec sleep 60'")
    await x.window("--class", "xterm")
    client = await session.attach_drawn()
    for size in ((1603, 917), (640, 480), (1920, 1200), (800, 600)):
        client.messages.clear()
        client.send(m.Resize(*size, 100))
        resized = await client.receive(m.Resized)
        assert (resized.width, resized.height) == size
        await session.until_drawn(client)
        assert f"{size[0]}x{size[1]}" in await x.run("xdpyinfo")


async def test_resize_beyond_the_maximum_is_clamped(session):
    client = await session.attach_drawn()
    welcome = await client.receive(m.Welcome)
    assert (welcome.maximum_width, welcome.maximum_height) == (1920, 1200)
    client.send(m.Resize(16384, 700, 200))
    resized = await client.receive(m.Resized)
    assert (resized.width, resized.height) == (1920, 700)
    await session.until_drawn(client)


async def test_resize_to_the_same_size_is_answered(session):
    client = await session.attach_drawn()
    client.send(m.Resize(800, 600, 100))
    resized = await client.receive(m.Resized)
    assert (resized.width, resized.height) == (800, 600)


async def test_of_many_resizes_the_last_one_holds(session):
    client = await session.attach_drawn()
    client.send(*(m.Resize(600 + number, 500, 100) for number in range(200)))
    await client.until(lambda: client.picture.shape == (500, 799, 3))
    await session.until_drawn(client)
    assert len([message for message in client.messages if isinstance(message, m.Resized)]) < 20


async def test_display_that_something_else_resized_is_followed(x, session):
    client = await session.attach_drawn()
    await x.run("xrandr", "--output", "screen", "--mode", "1920x1200")
    await client.until(lambda: client.picture.shape == (1200, 1920, 3))
    await session.until_drawn(client)
    assert (await client.receive(m.Resized)).width == 1920


async def test_refresh_gives_a_full_frame(x, session):
    client = await session.attach_drawn()
    client.picture[:] = 77
    client.send(m.Refresh())
    await session.until_drawn(client)
    assert not (client.picture == 77).all()


async def test_hidden_view_gets_no_frames_and_the_newest_when_shown(x, session):
    client = await session.attach_drawn()
    client.send(m.Visibility(False), m.Ping(5))
    await client.until(lambda: m.Pong(5) in client.messages)
    frames = client.frames
    await x.run("xsetroot", "-solid", "#ff0000")
    await x.run("xsetroot", "-solid", "#00ff00")
    client.send(m.Ping(6))
    await client.until(lambda: m.Pong(6) in client.messages)
    assert client.frames == frames
    client.send(m.Visibility(True))
    await session.until_drawn(client)
    assert tuple(client.picture[0, 0]) == (0, 255, 0)


async def test_client_that_never_acknowledges_gets_a_bounded_amount(x, session):
    client = await session.attach()
    client.acknowledges = False
    noise = "import os,sys\nwhile True: sys.stdout.write(os.urandom(3000).hex()); sys.stdout.flush()"
    x.start("xterm", "-geometry", "120x40", "-e", "python3", "-c", noise)
    await x.window("--class", "xterm")
    received = 0
    for number in range(10):
        client.send(m.Ping(number))
        await client.until(lambda number=number: m.Pong(number) in client.messages)
        await x.run("xsetroot", "-solid", f"#0000{number:02x}")
    received = client.frame_bytes
    assert client.frames <= 30
    assert received < 2 << 20
    client.acknowledges = True
    client.send(m.Acknowledge(client.last_frame, 0))
    frames = client.frames
    await client.until(lambda: client.frames > frames + 5)


async def test_acknowledging_once_more_changes_nothing(session):
    client = await session.attach_drawn()
    client.send(m.Acknowledge(client.last_frame, 0), m.Acknowledge(0, 0), m.Refresh())
    frames = client.frames
    await client.until(lambda: client.frames > frames)
    await session.until_drawn(client)
    assert client.closed is None
