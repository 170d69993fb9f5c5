"""Applications that raise events without end: viewers and agent are answered all the same."""

import subprocess
import sys

import psutil
import pytest

from portcullis.protocol import messages as m
from portcullis.protocol.worker_channel import Closing
from tests.support.patience import until

BEGIN = """
import xcffib, xcffib.xproto as xp
c = xcffib.Connection()
root = c.get_setup().roots[0].root
window = c.generate_id()
c.core.CreateWindow(24, window, root, 0, 0, 400, 300, 0, 1, 0, 0, [])
c.core.MapWindow(window)
c.core.GetInputFocus().reply()
atom = lambda name: c.core.InternAtom(False, len(name), name).reply().atom
"""
READY = """
    if n == 2000:
        print("floods", flush=True)
"""
FLOODS = {
    "titles": """
active, name, utf8 = atom("_NET_ACTIVE_WINDOW"), atom("_NET_WM_NAME"), atom("UTF8_STRING")
c.core.ChangeProperty(0, root, active, xp.Atom.WINDOW, 32, 1, [window])
n = 0
while True:
    n += 1
    c.core.ChangeProperty(0, window, name, utf8, 8, 12, b"title%07d" % n)
    if n % 100 == 0: c.core.GetInputFocus().reply()
""",
    "windows": """
n = 0
while True:
    n += 1
    c.core.UnmapWindow(window)
    c.core.MapWindow(window)
    if n % 100 == 0: c.core.GetInputFocus().reply()
""",
    "selections": """
clipboard = atom("CLIPBOARD")
n = 0
while True:
    n += 1
    c.core.SetSelectionOwner(window, clipboard, 0)
    if n % 100 == 0: c.core.GetInputFocus().reply()
""",
    "cursors": """
pixmap = c.generate_id()
c.core.CreatePixmap(1, pixmap, root, 8, 8)
c.core.WarpPointer(0, root, 0, 0, 0, 0, 50, 50)
n = 0
while True:
    n += 1
    cursor = c.generate_id()
    c.core.CreateCursor(cursor, pixmap, pixmap, 0, 0, 0, 0, 0, 0, 0, 0)
    c.core.ChangeWindowAttributes(window, xp.CW.Cursor, [cursor])
    c.core.FreeCursor(cursor)
    if n % 100 == 0: c.core.GetInputFocus().reply()
""",
}


@pytest.mark.parametrize("flood", sorted(FLOODS))
async def test_flood_of_events_keeps_nobody_waiting_and_fills_no_memory(x, session, flood):
    client = await session.attach_drawn()
    program = BEGIN + FLOODS[flood].replace("    n += 1\n", "    n += 1" + READY)
    flooder = x.start(sys.executable, "-c", program, stdout=subprocess.PIPE)
    assert flooder.stdout.readline() == b"floods\n"
    before = psutil.Process(session.process.pid).memory_info().rss
    for number in range(20):
        client.send(m.Ping(number))
        await client.until(lambda number=number: m.Pong(number) in client.messages)
    assert psutil.Process(session.process.pid).memory_info().rss < before + (32 << 20)
    session.tell(Closing(4410, "session_ended"))
    assert (await client.until_closed()).code == 4410
    assert await session.ended() == 0
    flooder.kill()
    await until(lambda: flooder.poll() is not None)
    flooder.stdout.close()
