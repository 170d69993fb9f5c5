"""The helper's connection to a display, as its owner: with the owner's authority file, to the owner's server."""

from __future__ import annotations

import contextlib
import os
import socket
import struct
from collections.abc import Callable, Sequence
from typing import Any

import xcffib
import xcffib.xproto as xproto

QUESTION = "_PORTCULLIS_QUESTION"
"""The selection that whoever asks owns while a question stands."""


_connect: Callable[[str], Any] = xcffib.Connection


class NoDisplay(Exception):
    """It cannot be reached, or is not its owner's."""


def open_display(display: str, authorities: Sequence[str]) -> tuple[Any, str]:
    """The connection, and the file that it was made with. Raises NoDisplay."""
    for path in authorities:
        if not os.access(path, os.R_OK):
            continue
        # libXau finds the cookie through this variable alone.
        os.environ["XAUTHORITY"] = path  # noqa: TID251
        try:
            connection = _connect(display)
        except xcffib.ConnectionException:
            continue
        check_server(connection)
        return connection, path
    raise NoDisplay(f"display {display} does not let this account in")


def check_server(connection: Any) -> None:
    """That root or this very account listens there: another account's server would see what its own person types.
    Raises NoDisplay."""
    with contextlib.closing(socket.socket(fileno=os.dup(connection.get_file_descriptor()))) as end:
        _, uid, _ = struct.unpack("3i", end.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
    if uid not in (0, os.geteuid()):
        connection.disconnect()
        raise NoDisplay("another account's server listens there")


def atom(connection: Any, name: str) -> int:
    return int(connection.core.InternAtom(False, len(name), name).reply().atom)


def text_property(connection: Any, window: int, name: int) -> str:
    """Empty where there is none."""
    kind = xproto.GetPropertyType.Any
    with contextlib.suppress(xcffib.Error):
        reply = connection.core.GetProperty(False, window, name, kind, 0, 1 << 16).reply()
        if reply.format == 8:
            return bytes(reply.value.buf()).decode(errors="replace")
    return ""
