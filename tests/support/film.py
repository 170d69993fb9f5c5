"""A photograph that moves on a real display: drawn by the test itself, picture by picture."""

from __future__ import annotations

import xcffib
import xcffib.xproto as xproto

from agents.worker.damage import Pixels

PIXELS_A_REQUEST = 50_000


class Film:
    """A window at (x, y) that shows `width` columns of the picture, each time from further right on."""

    def __init__(self, xcb: xcffib.Connection, picture: Pixels, x: int, y: int, width: int) -> None:
        self._xcb, self._core = xcb, xcb.core
        screen = xcb.get_setup().roots[0]
        self._width, self._height = width, picture.shape[0]
        self._most = picture.shape[1] - width
        self._window, self._gc, self._pixmap = (xcb.generate_id() for _ in range(3))
        self._core.CreateWindow(
            screen.root_depth, self._window, screen.root, x, y, width, self._height, 0,
            xproto.WindowClass.InputOutput, screen.root_visual, xproto.CW.OverrideRedirect, [1],
        )  # fmt: skip
        self._core.CreateGC(self._gc, self._window, xproto.GC.GraphicsExposures, [0])
        self._core.CreatePixmap(screen.root_depth, self._pixmap, self._window, picture.shape[1], self._height)
        self._upload(picture, screen.root_depth)
        self._core.MapWindow(self._window)
        self.show(0)

    def show(self, number: int) -> None:
        left = number * 5 % self._most
        self._core.CopyArea(self._pixmap, self._window, self._gc, left, 0, 0, 0, self._width, self._height)
        self._xcb.flush()

    def close(self) -> None:
        self._xcb.disconnect()

    def _upload(self, picture: Pixels, depth: int) -> None:
        rows = max(1, PIXELS_A_REQUEST // picture.shape[1])
        for top in range(0, self._height, rows):
            part = picture[top : top + rows]
            data = part.astype("<u4").tobytes()
            form = xproto.ImageFormat.ZPixmap
            self._core.PutImage(
                form, self._pixmap, self._gc, part.shape[1], len(part), 0, top, 0, depth, len(data), data
            )
