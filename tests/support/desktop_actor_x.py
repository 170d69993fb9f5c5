"""The actor on X (desktop_actor.py): `python -m tests.support.desktop_actor_x`."""

from __future__ import annotations

import json
import select
import subprocess
import sys
from typing import Any

import xcffib
import xcffib.xproto as xp

from tests.support.desktop_actor import tell

_BUTTONS = {1: 1, 3: 2, 2: 4}
_WHEEL = {4: (0, -120), 5: (0, 120), 6: (-120, 0), 7: (120, 0)}
_EVENTS = xp.EventMask.ButtonPress | xp.EventMask.ButtonRelease


class Stage:
    def __init__(self) -> None:
        self.xcb = xcffib.Connection()
        self.core = self.xcb.core
        self.root = self.xcb.get_setup().roots[0].root
        self.windows: dict[int, int] = {}

    def open(
        self, id: int, x: int, y: int, width: int, height: int, colour: int, title: str = "", managed=False
    ):
        window = self.windows[id] = self.xcb.generate_id()
        mask = xp.CW.BackPixel | xp.CW.OverrideRedirect | xp.CW.EventMask
        values = [colour, int(not managed), _EVENTS]
        self.core.CreateWindow(0, window, self.root, x, y, width, height, 0, 1, 0, mask, values)
        self.title(id, title)
        self.core.MapWindow(window)

    def colour(self, id: int, colour: int) -> None:
        self.core.ChangeWindowAttributes(self.windows[id], xp.CW.BackPixel, [colour])
        self.core.ClearArea(False, self.windows[id], 0, 0, 0, 0)

    def title(self, id: int, title: str) -> None:
        name, kind = (
            self.core.InternAtom(False, len(each), each).reply().atom
            for each in ("_NET_WM_NAME", "UTF8_STRING")
        )
        data = title.encode()
        self.core.ChangeProperty(xp.PropMode.Replace, self.windows[id], name, kind, 8, len(data), data)

    def close(self, id: int) -> None:
        if id in self.windows:
            self.core.DestroyWindow(self.windows.pop(id))

    def copy(self, text: str) -> None:
        subprocess.run(
            ("xclip", "-selection", "clipboard", "-i"),
            input=text.encode(),
            check=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def happened(self, event: Any) -> None:
        is_press = isinstance(event, xp.ButtonPressEvent)
        if is_press and event.detail in _WHEEL:
            tell({"wheel": _WHEEL[event.detail]})
        elif isinstance(event, xp.ButtonPressEvent | xp.ButtonReleaseEvent) and event.detail in _BUTTONS:
            tell({"button": _BUTTONS[event.detail], "down": is_press})


def main() -> None:
    stage = Stage()
    lines = sys.stdin.buffer.raw
    rest = b""
    while True:
        stage.xcb.flush()
        while (event := stage.xcb.poll_for_event()) is not None:
            stage.happened(event)
        ready, _, _ = select.select([stage.xcb.get_file_descriptor(), lines], [], [])
        if lines not in ready:
            continue
        data = lines.read(1 << 20)
        if not data:
            return
        *whole, rest = (rest + data).split(b"\n")
        for line in whole:
            order = json.loads(line)
            getattr(stage, order.pop("do"))(**order)
            stage.core.GetInputFocus().reply()
            tell({"done": True})


if __name__ == "__main__":
    main()
