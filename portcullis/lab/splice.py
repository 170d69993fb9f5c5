"""One connection through the lab: two transports that copy to each other, and can be stalled or cut.

Back-pressure passes through: a side that cannot be written to stops the other from being read. Stalled, neither is read
and nothing is delivered, not even that one of them has ended: what the other sees is silence. Until the other side is
there, a little of the dialler's is read ahead, so that one who gives up is noticed, and nothing is kept for it.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections.abc import Callable
from typing import cast

from portcullis.lab.dialler import Dialled

READ_AHEAD_BYTES = 65536
_RESET = struct.pack("ii", 1, 0)  # SO_LINGER of no time: the peer is sent a reset


class Side(asyncio.Protocol):
    def __init__(self, splice: Splice) -> None:
        self._splice = splice
        self.transport: asyncio.Transport | None = None
        self.is_full = False
        self.early = bytearray()
        """Written before there was a transport."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.transport.pause_reading()
        self._splice.settle()

    def data_received(self, data: bytes) -> None:
        self._splice.other(self).write(data)

    def eof_received(self) -> bool:
        other = self._splice.other(self)
        if other.transport is None:
            return False  # gave up before anybody answered
        other.end()
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
            self.early += data
            self._splice.settle()
        else:
            self.transport.write(data)

    def write_early(self) -> None:
        if self.transport is not None and self.early:
            self.transport.write(bytes(self.early))
            self.early.clear()

    def end(self) -> None:
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

    def __init__(self, target: str, dialled: Dialled | None, on_closed: Callable[[Splice], None]) -> None:
        """`dialled` is None for one that had gone before it was met. `on_closed` is called once."""
        self.source: str | None = None
        self.target = target
        self.dialled = dialled
        self._on_closed = on_closed
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
        self._close()
        self.near.reset()
        self.far.reset()

    def settle(self) -> None:
        """Read where what is read can be passed on, or is waited for."""
        if self.far.transport is None:
            self.near.set_reading(len(self.far.early) < READ_AHEAD_BYTES)
            return
        stands = self.near.transport is not None and not self._stalled
        if stands:
            self.far.write_early()
        self.near.set_reading(stands and not self.far.is_full)
        self.far.set_reading(stands and not self.near.is_full)

    def lost(self, side: Side, exc: Exception | None) -> None:
        self._close()
        other = self.other(side)
        if exc is not None or self._stalled:
            other.reset()
        elif other.transport is not None:
            other.transport.close()

    def _close(self) -> None:
        if self.is_open:
            self.is_open = False
            self._on_closed(self)
