"""One connection through the lab: two transports that copy to each other, and can be stalled or cut.

Back-pressure passes through: a side that cannot be written to stops the other from being read. Stalled, neither is read
and nothing is delivered, not even that one of them has ended: what the other sees is silence.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from typing import cast

_RESET = struct.pack("ii", 1, 0)  # SO_LINGER of no time: the peer is sent a reset


class Side(asyncio.Protocol):
    def __init__(self, splice: Splice) -> None:
        self._splice = splice
        self.transport: asyncio.Transport | None = None
        self.is_full = False
        self._early: list[bytes] = []
        self._ended = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.transport.pause_reading()
        for data in self._early:
            self.transport.write(data)
        if self._ended:
            self._write_eof()
        self._splice.settle()

    def data_received(self, data: bytes) -> None:
        self._splice.other(self).write(data)

    def eof_received(self) -> bool:
        self._splice.other(self).end()
        return True  # the other half stays open until it ends, too

    def connection_lost(self, exc: Exception | None) -> None:
        self._splice.lost(self, exc)

    def pause_writing(self) -> None:
        self.is_full = True
        self._splice.settle()

    def resume_writing(self) -> None:
        self.is_full = False
        self._splice.settle()

    def write(self, data: bytes) -> None:
        if self.transport is None:
            self._early.append(data)
        else:
            self.transport.write(data)

    def end(self) -> None:
        self._ended = True
        self._write_eof()

    def _write_eof(self) -> None:
        if self.transport is not None and not self.transport.is_closing():
            with contextlib.suppress(OSError):
                self.transport.write_eof()

    def set_reading(self, wanted: bool) -> None:
        if self.transport is None or self.transport.is_closing():
            return
        if wanted:
            self.transport.resume_reading()
        else:
            self.transport.pause_reading()

    def reset(self) -> None:
        if self.transport is not None:
            connection = self.transport.get_extra_info("socket")
            with contextlib.suppress(OSError):
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            self.transport.abort()


class Splice:
    """`near` is who dialled, `far` the part that was dialled."""

    def __init__(self, source: str | None, target: str) -> None:
        self.source = source
        self.target = target
        self.near = Side(self)
        self.far = Side(self)
        self.is_open = True
        self._stalled = False

    def other(self, side: Side) -> Side:
        return self.far if side is self.near else self.near

    def stall(self) -> None:
        self._stalled = True
        self.settle()

    def thaw(self) -> None:
        self._stalled = False
        self.settle()

    def reset(self) -> None:
        self.is_open = False
        self.near.reset()
        self.far.reset()

    def settle(self) -> None:
        """Read where what is read can be passed on."""
        stands = self.near.transport is not None and self.far.transport is not None and not self._stalled
        self.near.set_reading(stands and not self.far.is_full)
        self.far.set_reading(stands and not self.near.is_full)

    def lost(self, side: Side, exc: Exception | None) -> None:
        self.is_open = False
        other = self.other(side)
        if exc is not None or self._stalled:
            other.reset()
        elif other.transport is not None:
            other.transport.close()
