"""A browser between the 101 and the splice: its first frame is awaited, or it is told why it may not pass.

`Visitor` owns the transport in that time. It unmasks one frame (`portcullis.protocol.admission`), keeps a little
of what the client sends after that, so that the end of the connection is noticed at once, and then either becomes
an end of the splice or sends a Close frame. After a refusal it reads on for a moment: closing a socket with unread
bytes resets the connection, and the reset could overtake the Close frame. In both times it has nothing to do, and gives
way to a newcomer when no place is left.
"""

from __future__ import annotations

import asyncio

from gateway.splice import End
from portcullis.errors import ProtocolError, Refused
from portcullis.protocol.admission import Admission, AdmissionReader, close_frame
from portcullis.serving.guard import Guard

EARLY_BYTES = 64 * 1024
FAREWELL_SECONDS = 1.0

_MASKED_CLOSE = 0x88


class Visitor(asyncio.Protocol):
    def __init__(self, transport: asyncio.Transport, previous: Guard) -> None:
        self._transport = transport
        self._previous = previous
        self._reader: AdmissionReader | None = AdmissionReader()
        self._rest = bytearray()
        self._refused = False
        self._handed_on = False
        loop = asyncio.get_running_loop()
        self._admission: asyncio.Future[Admission] = loop.create_future()
        self._gone: asyncio.Future[None] = loop.create_future()
        previous.waits()

    async def admission(self, timeout_seconds: float) -> Admission:
        """What the client presents. Raises ProtocolError, Refused("admission_timeout") or ConnectionResetError."""
        try:
            async with asyncio.timeout(timeout_seconds):
                return await self._admission
        except TimeoutError as exc:
            self._reader = None
            raise Refused("admission_timeout") from exc

    def close(self) -> None:
        """If nobody took the transport over, it is closed here."""
        if not self._handed_on:
            self._close()

    def give_way(self) -> None:
        """Somebody else needs the place of one that presents nothing."""
        self._fail(Refused("too_many_connections"))

    def become_end(self) -> End:
        """Hand the transport on. Raises ConnectionResetError when the client has gone."""
        if self._gone.done() or self._transport.is_closing():
            raise ConnectionResetError("the client has gone")
        end = End(self._transport, self._previous, bytes(self._rest))
        self._transport.set_protocol(end)
        self._handed_on = True
        return end

    async def refuse(self, code: str) -> None:
        """Send the Close frame of a reason code, give the client a moment to answer it, and close."""
        self._refused = True
        self._previous.waits()
        self._transport.write(close_frame(code))
        self._transport.resume_reading()
        try:
            async with asyncio.timeout(FAREWELL_SECONDS):
                await self._gone
        except TimeoutError:
            pass
        self._close()

    def data_received(self, data: bytes) -> None:
        if self._refused:
            self._read_farewell(data)
        elif self._reader is None:
            self._keep(data)
        else:
            self._read_admission(self._reader, data)

    def connection_lost(self, exc: BaseException | None) -> None:
        self._fail(ConnectionResetError("the client has gone"))
        self._leave()
        self._previous.connection_lost(exc)

    def _read_admission(self, reader: AdmissionReader, data: bytes) -> None:
        try:
            admission = reader.feed(data)
        except ProtocolError as exc:
            self._fail(exc)
            return
        if admission is not None and not self._admission.done():
            self._reader = None
            self._keep(reader.rest)
            self._previous.keeps()
            self._admission.set_result(admission)

    def _fail(self, why: Exception) -> None:
        self._reader = None
        if not self._admission.done():
            self._admission.set_exception(why)
            self._admission.exception()  # nobody may be waiting for it: that is no error to report

    def _keep(self, data: bytes) -> None:
        self._rest += data
        if len(self._rest) > EARLY_BYTES:
            self._transport.pause_reading()

    def _read_farewell(self, data: bytes) -> None:
        """A client that said no more than its admission answers with its own Close frame."""
        if not self._rest and data[0] == _MASKED_CLOSE:
            self._leave()

    def _close(self) -> None:
        if (
            not self._transport.is_closing()
        ):  # a TLS transport that is closed twice cannot be aborted any more
            self._transport.close()

    def _leave(self) -> None:
        if not self._gone.done():
            self._gone.set_result(None)
