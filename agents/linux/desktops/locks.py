"""Whether a display is locked, as far as X tells.

xscreensaver says so in a property. Others (i3lock, slock, xlock, and the lock screens of desktops) hold keyboard and
pointer and cover the screen with a window that no window manager rules: both together are taken for a lock.
"""

from __future__ import annotations

import contextlib
import struct
from typing import Any

import xcffib
import xcffib.xproto as xproto

from agents.linux.desktops.connection import atom

_STATUS = "_SCREENSAVER_STATUS"
_LOCK = "LOCK"
_CLIENT_BITS = 0x1FE00000
"""Of a resource's number: which client made it."""


def is_locked(connection: Any, root: int) -> bool:
    return _says_so(connection, root) or (_is_covered(connection, root) and _is_grabbed(connection, root))


def _says_so(connection: Any, root: int) -> bool:
    """The property's first word is LOCK, or the time of the lock in later versions, which keep BLANK beside it."""
    name, kind = atom(connection, _STATUS), xproto.GetPropertyType.Any
    reply = connection.core.GetProperty(False, root, name, kind, 0, 4).reply()
    data = bytes(reply.value.buf()) if reply.format == 32 else b""
    return len(data) >= 4 and struct.unpack_from("=I", data)[0] == atom(connection, _LOCK)


def _is_covered(connection: Any, root: int) -> bool:
    screen = connection.core.GetGeometry(root).reply()
    for window in reversed(connection.core.QueryTree(root).reply().children):
        if not window & _CLIENT_BITS:
            continue  # the server's own: what a compositing manager draws on
        with contextlib.suppress(xcffib.Error):
            attributes = connection.core.GetWindowAttributes(window).reply()
            if attributes.map_state != xproto.MapState.Viewable or not attributes.override_redirect:
                continue
            place = connection.core.GetGeometry(window).reply()
            right, bottom = place.x + place.width, place.y + place.height
            if place.x <= 0 and place.y <= 0 and right >= screen.width and bottom >= screen.height:
                return True
    return False


def _is_grabbed(connection: Any, root: int) -> bool:
    """By somebody else: a grab of our own succeeds, and is given up at once."""
    mode, time = xproto.GrabMode.Async, xproto.Time.CurrentTime
    status = connection.core.GrabKeyboard(False, root, time, mode, mode).reply().status
    if status == xproto.GrabStatus.Success:
        connection.core.UngrabKeyboard(time)
        connection.flush()
    return bool(status == xproto.GrabStatus.AlreadyGrabbed)
