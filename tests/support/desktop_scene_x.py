"""The scene of desktop_claims.py on X: Xvfb with a window manager, and mousepad as the editor."""

from __future__ import annotations

import asyncio
import subprocess
import sys

from agents.linux.desktop import open_desktop
from agents.worker.desktop import Desktop
from portcullis.clock import SystemClock
from portcullis.protocol.worker_channel import Prepare
from tests.support.desktop_actor import ActorProcess
from tests.support.desktop_claims import Heard
from tests.support.xserver import XServer


class XScene:
    """`desktop_claims.Scene`."""

    desktop: Desktop

    def __init__(self, x: XServer) -> None:
        self.heard = Heard()
        self._x = x
        self._editor = 0

    async def __aenter__(self) -> XScene:
        x = self._x
        await x.window_manager()
        display = {"display": x.display, "framebuffer": str(x.framebuffer), "xauthority": str(x.xauthority)}
        self.desktop = await open_desktop(Prepare(1280, 800, **display), self.heard, SystemClock())
        self._x11 = x.connection()
        command = (sys.executable, "-m", "tests.support.desktop_actor_x")
        pipe = subprocess.PIPE
        self.actor = ActorProcess(x.start(*command, stdin=pipe, stdout=pipe))
        return self

    async def __aexit__(self, *_: object) -> None:
        self.actor.stop()
        self.desktop.close()

    async def focus_editor(self) -> None:
        if not self._editor:
            self._x.start("mousepad", "--disable-server")
            self._editor = await self._x.window("--class", "mousepad")
        await self._x.run("xdotool", "windowactivate", "--sync", str(self._editor))

    def pointer(self) -> tuple[int, int]:
        root = self._x11.get_setup().roots[0].root
        found = self._x11.core.QueryPointer(root).reply()
        return found.root_x, found.root_y

    async def end_session(self) -> None:
        self._x11.disconnect()
        self._x.process.terminate()
        await asyncio.to_thread(self._x.process.wait, 10)
