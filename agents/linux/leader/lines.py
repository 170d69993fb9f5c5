"""Streams of JSON lines: the agent's connection and the worker's channel. Non-blocking and bounded."""

from __future__ import annotations

import contextlib
import json
import socket
import struct
from typing import Any

MAXIMUM_LINE_BYTES = 1 << 20
MAXIMUM_QUEUED_BYTES = 4 << 20


class Peer:
    def __init__(self, end: socket.socket) -> None:
        end.setblocking(False)
        self.end = end
        self._rest = b""
        self._queue = bytearray()

    @property
    def wants_to_write(self) -> bool:
        return bool(self._queue)

    def send(self, line: bytes) -> None:
        """Raises OSError when the peer is gone or has long not read."""
        if len(self._queue) > MAXIMUM_QUEUED_BYTES:
            raise BrokenPipeError("the peer does not read")
        self._queue += line + b"\n"
        self.flush()

    def flush(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while self._queue:
                del self._queue[: self.end.send(self._queue)]

    def flush_and_close(self, seconds: float) -> None:
        self.end.settimeout(seconds)
        with contextlib.suppress(OSError):
            self.flush()
        self.end.close()

    def receive(self) -> list[bytes]:
        """Raises EOFError at the end, OSError when the connection broke or a line is too long."""
        try:
            data = self.end.recv(1 << 16)
        except BlockingIOError:
            return []
        if not data:
            raise EOFError
        *lines, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > MAXIMUM_LINE_BYTES:
            raise BrokenPipeError("a line is too long")
        return lines


def parse(line: bytes) -> dict[str, Any]:
    """The object of a line; an empty one for a malformed line, which so is nobody's and dropped."""
    try:
        message = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return message if isinstance(message, dict) else {}


def peer_uid(connection: socket.socket) -> int:
    credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
    return int(struct.unpack("3i", credentials)[1])
