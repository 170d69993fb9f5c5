"""One X11 window over the whole display, without a toolkit: what the bench's applications draw on.

No window manager has a say in it (a product may run one or not), so it takes the keyboard by itself. It takes
the display from the environment, prints one JSON line an event and is otherwise silent.
"""

from __future__ import annotations

import argparse
import json
import time

import numpy as np
import xcffib
import xcffib.xproto as xproto

PIXELS_A_REQUEST = 50_000


def arguments(*options: tuple[str, dict[str, object]]) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("--width", type=int, default=1920)
    parser.add_argument("--height", type=int, default=1080)
    for name, how in options:
        parser.add_argument(name, **how)
    return parser.parse_args()


def say(**event: object) -> None:
    print(json.dumps({"at": time.time(), **event}), flush=True)


class Window:
    def __init__(self, width: int, height: int, events: int = 0) -> None:
        self.x = xcffib.connect()
        self.core = self.x.core
        self.screen = self.x.get_setup().roots[self.x.pref_screen]
        self.width, self.height = width, height
        self.id = self.x.generate_id()
        self._gc = self.x.generate_id()
        mask = events | xproto.EventMask.Exposure | xproto.EventMask.StructureNotify
        self.core.CreateWindow(
            self.screen.root_depth, self.id, self.screen.root, 0, 0, width, height, 0,
            xproto.WindowClass.InputOutput, self.screen.root_visual,
            xproto.CW.BackPixel | xproto.CW.OverrideRedirect | xproto.CW.EventMask | xproto.CW.Cursor,
            [0x202020, 1, mask, self._blank_cursor()],
        )  # fmt: skip
        self.core.CreateGC(self._gc, self.id, xproto.GC.GraphicsExposures, [0])
        self.core.MapWindow(self.id)
        self.x.flush()
        while not isinstance(self.x.wait_for_event(), xproto.ExposeEvent):
            pass
        self.take_keyboard()
        self.sync()

    def take_keyboard(self) -> None:
        self.core.SetInputFocus(xproto.InputFocus.PointerRoot, self.id, 0)

    def hide(self) -> None:
        self.core.UnmapWindow(self.id)
        self.sync()

    def fill(self, colour: int, x: int, y: int, width: int, height: int) -> None:
        self.core.ChangeGC(self._gc, xproto.GC.Foreground, [colour])
        self.core.PolyFillRectangle(self.id, self._gc, 1, [xproto.RECTANGLE.synthetic(x, y, width, height)])

    def pixmap(self, rgb: np.ndarray) -> int:
        """A pixmap of the server with these pixels."""
        height, width = rgb.shape[:2]
        pixmap = self.x.generate_id()
        self.core.CreatePixmap(self.screen.root_depth, pixmap, self.id, width, height)
        bgrx = np.zeros((height, width, 4), np.uint8)
        bgrx[..., :3] = rgb[..., ::-1]
        rows = max(1, PIXELS_A_REQUEST // width)
        for y in range(0, height, rows):
            data = bgrx[y : y + rows]
            self.core.PutImage(
                xproto.ImageFormat.ZPixmap, pixmap, self._gc, width, len(data), 0, y, 0, self.screen.root_depth,
                data.size, data.tobytes(),
            )  # fmt: skip
        self.sync()
        return pixmap

    def copy(self, pixmap: int, from_x: int, from_y: int, width: int, height: int, x: int, y: int) -> None:
        self.core.CopyArea(pixmap, self.id, self._gc, from_x, from_y, x, y, width, height)

    def flush(self) -> None:
        self.x.flush()

    def sync(self) -> None:
        self.core.GetInputFocus().reply()

    def _blank_cursor(self) -> int:
        """A cursor that is drawn into the picture would count as the application's pixels."""
        bitmap, cursor = self.x.generate_id(), self.x.generate_id()
        self.core.CreatePixmap(1, bitmap, self.screen.root, 1, 1)
        gc = self.x.generate_id()
        self.core.CreateGC(gc, bitmap, xproto.GC.Foreground, [0])
        self.core.PolyFillRectangle(bitmap, gc, 1, [xproto.RECTANGLE.synthetic(0, 0, 1, 1)])
        self.core.CreateCursor(cursor, bitmap, bitmap, 0, 0, 0, 0, 0, 0, 0, 0)
        return cursor
