"""What the claims about desktops cannot see from within: `python -m tests.support.windows_desktop_probe FOLDER`.

Types into a real Notepad and asks its own edit field what is there; writes the whole picture down for who looks at the
same screen from outside; leaves keys down and closes the desktop. Prints one JSON object.
"""

from __future__ import annotations

import asyncio
import ctypes
import json
import sys
import threading
from pathlib import Path

import numpy as np
import win32con
import win32gui

from agents.windows.libraries import user32
from agents.worker.damage import Box
from portcullis.protocol import messages as m
from tests.support.desktop_claims import TEXT, pixels_of, send, settled
from tests.support.desktop_claims_on_windows import WindowsScene
from tests.support.patience import until

KEYS = {"shift": 0x10, "control": 0x11, "a": 0x41, "left button": 0x01}


def notepad_s_text() -> str:
    field = win32gui.FindWindowEx(win32gui.FindWindow("Notepad", None), 0, "Edit", None)
    length = win32gui.SendMessage(field, win32con.WM_GETTEXTLENGTH, 0, 0)
    text = ctypes.create_unicode_buffer(length + 1)
    win32gui.SendMessage(field, win32con.WM_GETTEXT, length + 1, ctypes.addressof(text))
    return text.value


def down() -> list[str]:
    state = ctypes.WinDLL("user32").GetAsyncKeyState
    return [name for name, key in KEYS.items() if state(key) & 0x8000]


async def main(folder: Path) -> None:
    found: dict[str, object] = {}
    async with WindowsScene() as scene:
        await scene.focus_editor()
        send(scene, m.CommittedText(0, TEXT))
        await until(lambda: notepad_s_text() == TEXT)
        found["text"] = notepad_s_text()
        # Without the caret, which blinks.
        place = {"x": 900, "y": 50, "width": 200, "height": 200}
        await scene.actor.do("open", id=1, colour=0x102030, title="Other", managed=True, **place)
        await until(lambda: scene.desktop.title == "Other")
        send(scene, m.Pointer(0, scene.desktop.size[0] - 1, scene.desktop.size[1] - 1, 0, 0))
        await settled(scene)
        np.save(folder / "picture.npy", pixels_of(scene, Box(0, 0, *scene.desktop.size)))
        await asyncio.to_thread(sys.stdin.readline)  # it has been compared
        keys = m.SHIFT | m.CONTROL
        corner = scene.desktop.size[0] - 1, scene.desktop.size[1] - 1
        # Where no window is: Wine takes the keys from its display when the focus moves, and there none is down.
        send(scene, m.Key(0, True, keys, 0, "KeyA", "A"), m.Pointer(0, *corner, 1, keys))
        await until(lambda: len(down()) == len(KEYS))
        scene.desktop.close()
        await until(lambda: not down())
        found["threads"] = sorted(thread.name for thread in threading.enumerate() if not thread.daemon)
        found["left"] = sorted(
            thread.name for thread in threading.enumerate() if thread.name in ("screen", "messages")
        )
        found["window"] = bool(user32().GetWindowThreadProcessId(scene.desktop._messages.handle, None))
    print(json.dumps(found), flush=True)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
