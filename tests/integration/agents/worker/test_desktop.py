"""Cursor, title and windows, as client and agent hear of them."""

import subprocess
import sys

import numpy as np

from portcullis.protocol import messages as m
from tests.support.patience import until

BLANK_CURSOR = """
import time, xcffib, xcffib.xproto as xp
c = xcffib.Connection()
root = c.get_setup().roots[0].root
pixmap, gc, cursor = (c.generate_id() for _ in range(3))
c.core.CreatePixmap(1, pixmap, root, 8, 8)
c.core.CreateGC(gc, pixmap, xp.GC.Foreground, [0])
c.core.PolyFillRectangle(pixmap, gc, 1, [xp.RECTANGLE.synthetic(0, 0, 8, 8)])
c.core.CreateCursor(cursor, pixmap, pixmap, 0, 0, 0, 0, 0, 0, 0, 0)
c.core.ChangeWindowAttributes(root, xp.CW.Cursor, [cursor])
c.flush()
time.sleep(60)
"""
CONTROLS = "Ti\u0007tle\u202e \x1b[31mred"


async def test_cursor_s_picture_is_sent_once_and_then_named(x, session):
    client = await session.attach_drawn()
    await client.until(lambda: client.cursor is not None)
    first = client.cursor  # the X server's own: one whose maker has gone cannot be read again
    rgba = np.frombuffer(first.rgba, np.uint8).reshape(first.height, first.width, 4)
    assert rgba[..., 3].max() == 255
    assert rgba[..., 3].min() == 0
    x.start("xterm", "-geometry", "40x10+0+0", "-e", "cat")
    await x.window("--class", "xterm")
    client.send(m.Pointer(client.next_input(), 40, 40, 0, 0))
    await client.until(lambda: client.cursor not in (None, first))
    client.send(m.Pointer(client.next_input(), 700, 500, 0, 0))
    await client.until(lambda: client.cursor == first)
    pictures = [message.serial for message in client.messages if isinstance(message, m.Cursor)]
    assert len(pictures) == len(set(pictures))


async def test_cursor_whose_maker_has_gone_is_shown_as_an_arrow(x, session):
    client = await session.attach_drawn()
    for name in ("watch", "left_ptr", "xterm"):
        await x.run("xsetroot", "-cursor_name", name)
    client.send(m.Ping(1))
    await client.until(lambda: m.Pong(1) in client.messages and client.cursor is not None)
    assert client.cursor.width > 1


async def test_cursor_that_shows_nothing_is_hidden(x, session):
    client = await session.attach_drawn()
    await client.until(lambda: client.cursor is not None)
    x.start(sys.executable, "-c", BLANK_CURSOR)
    await client.until(lambda: client.cursor is None)
    assert m.CursorUse(0) in client.messages


async def test_title_of_the_active_window_is_told_without_control_characters(x, session):
    await x.window_manager()
    client = await session.attach_drawn()
    x.start("xterm", "-T", "First", "-e", "cat")
    await client.until(lambda: client.title == "First")
    window = await x.window("--class", "xterm")
    name = "_NET_WM_NAME"
    await x.run("xprop", "-id", str(window), "-f", name, "8u", "-set", name, CONTROLS)
    await client.until(lambda: client.title == "Title [31mred")


async def test_a_new_client_hears_the_title_that_is_there(x, session):
    await x.window_manager()
    x.start("xterm", "-T", "There", "-e", "cat")
    await x.window("--name", "There")
    await session.until(lambda: session.state.windows == 1)
    client = await session.attach()
    await client.until(lambda: client.title == "There")


async def test_agent_hears_of_windows_with_a_window_manager(x, session):
    await x.window_manager()
    assert session.state.windows == 0
    first = x.start("xterm", "-e", "cat")
    await session.until(lambda: session.state.windows == 1)
    x.start("xterm", "-e", "cat")
    await session.until(lambda: session.state.windows == 2)
    first.terminate()
    await session.until(lambda: session.state.windows == 1)


async def test_agent_hears_of_windows_without_a_window_manager(x, session):
    program = x.start("xterm", "-e", "cat")
    await session.until(lambda: session.state.windows == 1)
    program.terminate()
    await session.until(lambda: session.state.windows == 0)


async def test_server_grabbed_by_an_application_does_not_stop_the_stream(x, session):
    """xdpyinfo waits for the grab to end; the worker does not."""
    client = await session.attach_drawn()
    code = (
        "import xcffib,xcffib.xproto,time\n"
        "c=xcffib.Connection(); c.core.GrabServer(); c.core.GetInputFocus().reply()\n"
        "print('grabbed', flush=True); time.sleep(60)"
    )
    grabber = x.start(sys.executable, "-c", code, stdout=subprocess.PIPE)
    assert grabber.stdout.readline() == b"grabbed\n"
    client.send(m.Pointer(client.next_input(), 10, 10, 0, 0), m.Ping(9), m.Refresh())
    frames = client.frames
    await client.until(lambda: m.Pong(9) in client.messages and client.frames > frames)
    grabber.terminate()
    await until(lambda: grabber.poll() is not None)
    grabber.stdout.close()
    assert client.closed is None
