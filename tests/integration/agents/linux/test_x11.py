"""Events reach whoever asked for them, whatever else an application sends."""

from __future__ import annotations

import asyncio
import struct
from pathlib import Path

import xcffib
import xcffib.xproto as xproto

from agents.linux.x11 import XConnection
from tests.support.patience import patient
from tests.support.xserver import XServer


async def test_an_event_of_an_unknown_extension_holds_up_none_behind_it(tmp_path: Path):
    server = XServer(tmp_path, 640, 480)
    x = XConnection(server.display, str(server.xauthority))
    application = xcffib.connect(server.display)
    try:
        window = x.xcb.generate_id()
        x.core.CreateWindow(0, window, x.root, -1, -1, 1, 1, 0, xproto.WindowClass.InputOnly, 0, 0, [])
        x.sync()
        heard: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        x.on(xproto.ClientMessageEvent, lambda event: heard.set_result(event.data.data32[0]))
        x.start(lambda: None)
        await asyncio.sleep(0)  # from here on it looks only where the socket tells of something
        extension = application.core.QueryExtension(len("DAMAGE"), "DAMAGE").reply()
        unknown = struct.pack("=B31x", extension.first_event)
        message = struct.pack("=BBHIII16x", 33, 32, 0, window, xproto.Atom.WM_NAME, 4711)
        for event in (unknown, message):
            application.core.SendEventChecked(False, window, 0, event).check()
        async with asyncio.timeout(patient(5)):
            assert await heard == 4711
    finally:
        application.disconnect()
        x.close()
        server.process.terminate()
        server.process.wait()
