"""What the hostile programs beside this file have in common: a window of their own, as they begin or end.

They are published applications of the tests: each runs as `python tests/support/hostile/NAME.py ...` under a user's
account, so they import nothing of Portcullis.
"""

import struct
import time

import xcffib
import xcffib.xproto as xp


class Window:
    """A mapped top level window of 400 x 300."""

    def __init__(self, title: bytes = b"hostile") -> None:
        self.x = xcffib.Connection()
        self.core = self.x.core
        self.root = self.x.get_setup().roots[0].root
        self.id = self.add(title)

    def add(self, title: bytes = b"hostile") -> int:
        window = self.x.generate_id()
        mask, values = xp.CW.BackPixel | xp.CW.EventMask, [0x336699, xp.EventMask.PropertyChange]
        self.core.CreateWindow(24, window, self.root, 0, 0, 400, 300, 0, 1, 0, mask, values)
        self.set(window, "_NET_WM_NAME", "UTF8_STRING", title)
        self.core.MapWindow(window)
        self.sync()
        return window

    def atom(self, name: str) -> int:
        return self.core.InternAtom(False, len(name), name).reply().atom

    def set(self, window: int, name: str, kind: str, data: bytes) -> None:
        property_, type_ = self.atom(name), self.atom(kind)
        self.core.ChangeProperty(0, window, property_, type_, 8, len(data), data)

    def windows(self, name: str) -> list[int]:
        """Of the root's property."""
        value = self.core.GetProperty(False, self.root, self.atom(name), 0, 0, 1024).reply().value.buf()
        return list(struct.unpack(f"={len(value) // 4}I", value))

    def until_managed(self) -> None:
        """Until the window manager lists the window, or 10 s."""
        for _ in range(500):
            if self.id in self.windows("_NET_CLIENT_LIST"):
                return
            time.sleep(0.02)

    def sync(self) -> None:
        self.core.GetInputFocus().reply()

    def rest(self) -> None:
        """Do nothing more."""
        self.sync()
        while True:
            self.x.wait_for_event()
