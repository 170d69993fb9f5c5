"""Runs the claims about desktops in the Windows interpreter: `python -m tests.support.desktop_claims_on_windows`.

Prints `{"claim": …, "error": null | text, "seconds": …}` a line. Names of claims as arguments: these alone.
"""

from __future__ import annotations

import asyncio
import faulthandler
import json
import subprocess
import sys

import win32api
import win32con
import win32event
import win32gui

from agents.windows.desktop import WindowsDesktop, open_desktop
from agents.windows.screen import virtual_screen
from portcullis.clock import SystemClock
from portcullis.protocol.worker_channel import Prepare
from tests.support.desktop_actor import ActorProcess
from tests.support.desktop_claims import ANOTHER_SIZE, Heard, judged
from tests.support.patience import until

HANGS_SECONDS = 90
"""Then where is worth more than why."""


class WindowsScene:
    """`desktop_claims.Scene`."""

    desktop: WindowsDesktop

    def __init__(self) -> None:
        self.heard = Heard()
        self._notepad: subprocess.Popen[bytes] | None = None

    async def __aenter__(self) -> WindowsScene:
        self.desktop = await open_desktop(Prepare(1280, 800), self.heard, SystemClock())
        command = (sys.executable, "-m", "tests.support.desktop_actor_windows")
        self.actor = ActorProcess(
            subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
            )
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        self.desktop.close()
        self.actor.stop()
        if self._notepad is not None:
            self._notepad.terminate()
            self._notepad.wait(10)

    async def focus_editor(self) -> None:
        if self._notepad is None:
            self._notepad = subprocess.Popen(
                ["notepad.exe"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL
            )
            await until(lambda: bool(win32gui.FindWindow("Notepad", None)))
            await asyncio.to_thread(win32event.WaitForInputIdle, int(self._notepad._handle), 10_000)
        notepad = win32gui.FindWindow("Notepad", None)
        if win32gui.GetForegroundWindow() != notepad:
            win32gui.SetForegroundWindow(notepad)
        await until(lambda: win32gui.GetForegroundWindow() == notepad)

    def pointer(self) -> tuple[int, int]:
        return win32api.GetCursorPos()

    async def end_session(self) -> None:
        """As Windows does it when its user signs off."""
        win32gui.SendMessage(self.desktop._messages.handle, win32con.WM_ENDSESSION, True, 0)


async def run(names: list[str]) -> None:
    async with WindowsScene() as scene:
        async for name, error, seconds in judged(scene, names):
            print(json.dumps({"claim": name, "error": error, "seconds": seconds}), flush=True)
        before = virtual_screen()
        scene.desktop._display.resize(*ANOTHER_SIZE)
        assert virtual_screen() != before
    print(json.dumps({"size_given_back": virtual_screen() == before}), flush=True)


if __name__ == "__main__":
    faulthandler.dump_traceback_later(HANGS_SECONDS, exit=True)
    asyncio.run(run(sys.argv[1:]))
