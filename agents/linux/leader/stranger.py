"""Whether a display refuses a client that shows no cookie.

An X server that cannot read its `-auth` file says nothing and admits every local client (os/auth.c: it then enables
access for the local host). So the leader knocks as such a client before anything else may connect.
"""

from __future__ import annotations

import socket
import struct

from agents.linux.leader.traces import X11_SOCKETS

_SETUP = struct.pack("<cxHHHHxx", b"l", 11, 0, 0, 0)
"""X protocol, connection setup: little endian, version 11.0, no name and no data of an authorization."""
_REFUSED = b"\0"
"""First byte of the answer; 1: admitted, 2: more is asked."""


def knock(display: str) -> socket.socket:
    """A connection on which the answer will arrive. Raises OSError."""
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.setblocking(False)
    try:
        connection.connect(str(X11_SOCKETS / f"X{display.removeprefix(':')}"))
        connection.send(_SETUP)
    except OSError:
        connection.close()
        raise
    return connection


def is_refused(connection: socket.socket) -> bool:
    """From the first byte of the answer, which has arrived; no answer is no refusal. Closes the connection."""
    with connection:
        return connection.recv(1) == _REFUSED
