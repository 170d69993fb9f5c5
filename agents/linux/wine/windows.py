"""The windows of a session's display, and closing them as their own button does. A display that has gone has none."""

from __future__ import annotations

import struct
from typing import Any

import xcffib
import xcffib.xproto as xproto

_MASK = xproto.EventMask.SubstructureNotify | xproto.EventMask.SubstructureRedirect
_CLIENT_MESSAGE = 33
_FROM_A_PAGER = 2


def client_windows() -> list[int]:
    try:
        connection = _connect()
    except xcffib.ConnectionException:
        return []
    try:
        return _clients(connection)
    except (xcffib.ConnectionException, xcffib.ProtocolException):
        return []
    finally:
        connection.disconnect()


def close_all() -> None:
    """Asked of the window manager (EWMH, _NET_CLOSE_WINDOW): programs may ask whether to save."""
    try:
        connection = _connect()
    except xcffib.ConnectionException:
        return
    try:
        root = _root(connection)
        close = _atom(connection, "_NET_CLOSE_WINDOW")
        for window in _clients(connection):
            event = struct.pack("<BBHII5I", _CLIENT_MESSAGE, 32, 0, window, close, 0, _FROM_A_PAGER, 0, 0, 0)
            connection.core.SendEvent(False, root, _MASK, event)
        connection.core.GetInputFocus().reply()  # so that all was taken
    except (xcffib.ConnectionException, xcffib.ProtocolException):
        pass  # the session's end says why
    finally:
        connection.disconnect()


def _connect() -> Any:
    return xcffib.connect()  # type: ignore[no-untyped-call]


def _clients(connection: Any) -> list[int]:
    atom = _atom(connection, "_NET_CLIENT_LIST")
    found = connection.core.GetProperty(False, _root(connection), atom, 0, 0, 4096).reply()
    return list(found.value.to_atoms()) if found.format == 32 else []


def _root(connection: Any) -> int:
    root: int = connection.get_setup().roots[connection.pref_screen].root
    return root


def _atom(connection: Any, name: str) -> int:
    atom: int = connection.core.InternAtom(False, len(name), name).reply().atom
    return atom
