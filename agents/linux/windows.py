"""The application's windows: how many top levels are mapped, and the title of the active one.

With a window manager its `_NET_CLIENT_LIST` counts; without one, the mapped children of the root.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

import xcffib
import xcffib.xproto as xproto

from agents.linux.x11 import XConnection
from agents.worker.throttle import Throttle
from agents.worker.window_titles import MAXIMUM_TITLE_BYTES, clean_title

_MAXIMUM_PROPERTY_BYTES = 64 << 10
_READ_TITLE_BYTES = 4 * MAXIMUM_TITLE_BYTES
"""Of a title as long as its window likes: some of it may be characters that are not shown."""
_LOOK_SECONDS = 0.05
_FIRST_LOOK_SECONDS = 0.005
"""Until the first window, which somebody waits for. Its frame is mapped just before it is listed: a look between the
two must not put off the next one."""


class Windows:
    """`on_changed` is called when `count` or `title` changed."""

    def __init__(self, x: XConnection, on_changed: Callable[[], None]) -> None:
        self._x = x
        self._on_changed = on_changed
        self.count = 0
        self.title = ""
        self._client_list = x.atom("_NET_CLIENT_LIST")
        self._active_window = x.atom("_NET_ACTIVE_WINDOW")
        self._titles = (x.atom("_NET_WM_NAME"), xproto.Atom.WM_NAME)
        self._active = 0
        self._looking = Throttle(self._look, _FIRST_LOOK_SECONDS)
        x.on(xproto.PropertyNotifyEvent, self._property_changed)
        for event in (xproto.MapNotifyEvent, xproto.UnmapNotifyEvent, xproto.DestroyNotifyEvent):
            x.on(event, lambda event: self._looking.ask())
        x.select_root_events(xproto.EventMask.PropertyChange | xproto.EventMask.SubstructureNotify)
        self._look()

    def close(self) -> None:
        self._looking.cancel()

    def _property_changed(self, event: Any) -> None:
        of_root = event.window == self._x.root and event.atom in (self._client_list, self._active_window)
        if of_root or (event.window == self._active and event.atom in self._titles):
            self._looking.ask()

    def _look(self) -> None:
        before = (self.count, self.title)
        self._follow_active()
        self.count = self._count()
        if self.count:
            self._looking.seconds = _LOOK_SECONDS
        self.title = self._title()
        if (self.count, self.title) != before:
            self._on_changed()

    def _count(self) -> int:
        listed = self._windows(self._client_list)
        return len(listed) if listed is not None else sum(map(self._is_top_level, self._children()))

    def _children(self) -> list[int]:
        return list(self._x.reply(self._x.core.QueryTree(self._x.root)).children)

    def _is_top_level(self, window: int) -> bool:
        try:
            attributes = self._x.reply(self._x.core.GetWindowAttributes(window))
        except xcffib.Error:
            return False
        is_mapped: bool = attributes.map_state == xproto.MapState.Viewable
        return is_mapped and not attributes.override_redirect

    def _follow_active(self) -> None:
        active = (self._windows(self._active_window) or [0])[0]
        if active not in (self._active, 0, self._x.root):
            self._x.select_events(active, xproto.EventMask.PropertyChange)
        self._active = active

    def _title(self) -> str:
        if self._active in (0, self._x.root):
            return ""
        for name in self._titles:
            value = self._x.property_head(self._active, name, _READ_TITLE_BYTES)
            if value is not None:
                return clean_title(_decoded(*value))
        return ""

    def _windows(self, name: int) -> list[int] | None:
        value = self._x.property(self._x.root, name, _MAXIMUM_PROPERTY_BYTES)
        if value is None:
            return None
        data = value[1]
        return list(struct.unpack(f"={len(data) // 4}I", data[: len(data) // 4 * 4]))


def _decoded(kind: int, data: bytes) -> str:
    return data.decode("latin-1" if kind == xproto.Atom.STRING else "utf-8", errors="replace")
