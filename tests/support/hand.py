"""Fingers on the keyboard of an X display: physical keys by XTEST, as a machine's own keyboard would press them."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Iterable, Iterator

import xcffib
import xcffib.xtest

from tests.support.xkb import Stroke
from tests.support.xserver import XServer

_PRESS, _RELEASE = 2, 3


class Hand:
    def __init__(self, x: XServer) -> None:
        self._x = x
        with _authority(x):
            self._xcb = xcffib.Connection(x.display)
        self._xtest = self._xcb(xcffib.xtest.key)

    def load(self, layout: str, options: str = "") -> None:
        """The layout of the whole display, such as `de(neo)` or `us,ru`."""
        set_layout(self._x, layout, options)

    def down(self, *keycodes: int) -> None:
        self._fake(_PRESS, keycodes)

    def up(self, *keycodes: int) -> None:
        self._fake(_RELEASE, keycodes)

    def type(self, strokes: Iterable[Stroke]) -> None:
        for stroke in strokes:
            self.down(*stroke.held, stroke.keycode)
            self.up(stroke.keycode, *reversed(stroke.held))

    def tap(self, *keycodes: int) -> None:
        """A chord: all down in this order, all up again."""
        self.type([Stroke(keycodes[-1], keycodes[:-1])])

    def close(self) -> None:
        self._xcb.disconnect()

    def _fake(self, kind: int, keycodes: Iterable[int]) -> None:
        for keycode in keycodes:
            self._xtest.FakeInput(kind, keycode, 0, 0, 0, 0, 0)
        self._xcb.flush()


def set_layout(x: XServer, layout: str, options: str = "") -> None:
    names = [name.partition("(")[::2] for name in layout.split(",")]
    layouts = ",".join(name for name, _ in names)
    variants = ",".join(variant.rstrip(")") for _, variant in names)
    command = ["setxkbmap", "-layout", layouts, "-variant", variants, "-option", "", "-option", options]
    subprocess.run(command, env=x.environment, check=True, stderr=subprocess.DEVNULL)


@contextlib.contextmanager
def _authority(x: XServer) -> Iterator[None]:
    before = os.environ.get("XAUTHORITY")
    os.environ["XAUTHORITY"] = str(x.xauthority)
    try:
        yield
    finally:
        os.environ.pop("XAUTHORITY")
        if before is not None:
            os.environ["XAUTHORITY"] = before
