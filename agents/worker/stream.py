"""The worker's end of a spliced stream: the dial's few lines of HTTP, then the server side of an open WebSocket.

The gateway never looks into the frames, so the worker must be the server: a client's frames are masked, and a browser
refuses them. What is sent is bounded by its senders; a peer that makes the worker answer without reading the answers is
dropped.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import sys
from collections.abc import Callable
from typing import Protocol as Contract

from websockets.frames import Frame, Opcode
from websockets.protocol import Protocol, Side, State

from portcullis.errors import ProtocolError, Unavailable
from portcullis.protocol.link import RENDEZVOUS_HEADER, RENDEZVOUS_UPGRADE, SESSION_HEADER
from portcullis.protocol.wire import MAXIMUM_TO_WORKER_BYTES

log = logging.getLogger(__name__)

_MAXIMUM_HEAD_BYTES = 8192
_WRITABLE_BYTES = 256 << 10
_MAXIMUM_UNSENT_BYTES = 16 << 20
"""More than pacing ever lets be under way; only answers to a flood get here."""
_NOT_SENT_LOW_WATER_BYTES = 32 << 10
_CLOSE_SECONDS = 2.0
_FAREWELL_SECONDS = 1.0
_PING_SECONDS = 15.0
_SILENCE_SECONDS = 45.0
_TCP_NOTSENT_LOWAT = getattr(socket, "TCP_NOTSENT_LOWAT", 25)


class Receiver(Contract):
    def received(self, payload: bytes) -> None:
        """One binary message. May raise ProtocolError."""
        ...

    def broke_protocol(self, error: ProtocolError) -> None: ...

    def writable(self) -> None:
        """What was written has mostly left."""
        ...

    def lost(self) -> None:
        """The stream is gone, whoever closed it. Called once."""
        ...


class Stream(asyncio.Protocol):
    """`opened` is done when the gateway has switched protocols."""

    def __init__(self, gateway: str, rendezvous: str, session: str) -> None:
        self._loop = asyncio.get_running_loop()
        self.opened: asyncio.Future[None] = self._loop.create_future()
        self._request = _request(gateway, rendezvous, session)
        self._head: bytearray | None = bytearray()
        self._ws = Protocol(Side.SERVER, state=State.OPEN, max_size=MAXIMUM_TO_WORKER_BYTES)
        self._fragments: bytearray | None = None
        self._receiver: Receiver | None = None
        self._early: list[bytes] = []
        self._transport: asyncio.Transport | None = None
        self._heard_at = self._loop.time()
        self._timer: asyncio.TimerHandle | None = None
        self.is_writable = True

    # --- What the connection uses

    def start(self, receiver: Receiver) -> None:
        """Hand over what arrives, beginning with what came already."""
        if self._transport is None:
            self._loop.call_soon(receiver.lost)
            return
        self._receiver = receiver
        early, self._early = self._early, []
        for data in early:
            self._receive(data)
        self._beat()

    def send(self, payload: bytes) -> None:
        if self._ws.state is State.OPEN:
            self._ws.send_binary(payload)
            self._flush()

    def close(self, code: int, reason: str) -> None:
        """Send a Close frame, and drop the stream when the peer does not answer."""
        if self._transport is None or self._ws.state is not State.OPEN:
            return
        self._ws.send_close(code, reason)
        self._flush()
        self._set_timer(_CLOSE_SECONDS, self.abort)

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def pause_reading(self) -> None:
        if self._transport is not None:
            self._transport.pause_reading()

    def resume_reading(self) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()

    # --- asyncio's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.set_write_buffer_limits(_WRITABLE_BYTES)
        sock = transport.get_extra_info("socket")
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if sys.platform != "win32":  # which has no such bound, and takes in about what one round trip carries
            sock.setsockopt(socket.IPPROTO_TCP, _TCP_NOTSENT_LOWAT, _NOT_SENT_LOW_WATER_BYTES)
        transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        self._heard_at = self._loop.time()
        if self._head is not None:
            data = self._read_head(data)
        if not data:
            return
        if self._receiver is None:
            self._early.append(data)
        else:
            self._receive(data)

    def eof_received(self) -> None:
        self._ws.receive_eof()

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._cancel_timer()
        if not self.opened.done():
            self.opened.set_exception(Unavailable("gateway_unreachable"))
        receiver, self._receiver = self._receiver, None
        if receiver is not None:
            receiver.lost()

    def pause_writing(self) -> None:
        self.is_writable = False

    def resume_writing(self) -> None:
        self.is_writable = True
        if self._receiver is not None:
            self._receiver.writable()

    def _read_head(self, data: bytes) -> bytes:
        """What follows the gateway's answer."""
        assert self._head is not None
        self._head += data
        head, end, rest = bytes(self._head).partition(b"\r\n\r\n")
        if end and head.startswith(b"HTTP/1.1 101 "):
            self._head = None
            if not self.opened.done():
                self.opened.set_result(None)
            return rest
        if end or len(head) > _MAXIMUM_HEAD_BYTES:
            self.abort()
        return b""

    def _receive(self, data: bytes) -> None:
        if self._ws.state is State.CLOSED:
            return
        self._ws.receive_data(data)
        for frame in self._ws.events_received():
            assert isinstance(frame, Frame)  # the handshake's events do not come: it is open from the first
            try:
                self._take_frame(frame)
            except ProtocolError as exc:
                if self._receiver is not None:
                    self._receiver.broke_protocol(exc)
        self._flush()

    def _take_frame(self, frame: Frame) -> None:
        if frame.opcode is Opcode.TEXT:
            raise ProtocolError("a text message")
        if frame.opcode is Opcode.BINARY:
            self._fragments = bytearray()
        if frame.opcode not in (Opcode.BINARY, Opcode.CONT) or self._fragments is None:
            return
        self._fragments += frame.data
        if frame.fin:
            payload, self._fragments = bytes(self._fragments), None
            if self._receiver is not None and self._ws.state is State.OPEN:
                self._receiver.received(payload)

    def _flush(self) -> None:
        transport = self._transport
        if transport is None:
            return
        for data in self._ws.data_to_send():
            if data:
                transport.write(data)
            else:
                self._close_transport(transport)
        if transport.get_write_buffer_size() > _MAXIMUM_UNSENT_BYTES:
            log.warning("a client does not read what it asks for: its stream is dropped")
            transport.abort()

    def _close_transport(self, transport: asyncio.Transport) -> None:
        if transport.is_closing():
            return  # a TLS transport that is closed twice cannot be aborted any more
        if self._ws.close_rcvd is not None:
            transport.close()
        else:
            # The peer broke WebSocket's rules. Closed with its bytes unread, the connection would be reset, and the
            # reset could overtake the Close frame: what it still sends is read, and dropped, for a moment.
            self._set_timer(_FAREWELL_SECONDS, self.abort)

    def _beat(self) -> None:
        """Ask for a sign of life: a client that vanished without a word must not count as attached."""
        if self._transport is None or self._ws.state is not State.OPEN:
            return
        if self._loop.time() - self._heard_at > _SILENCE_SECONDS:
            self.abort()
            return
        self._ws.send_ping(b"")
        self._flush()
        self._set_timer(_PING_SECONDS, self._beat)

    def _set_timer(self, seconds: float, call: Callable[[], None]) -> None:
        self._cancel_timer()
        self._timer = self._loop.call_later(seconds, call)

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def _request(gateway: str, rendezvous: str, session: str) -> bytes:
    lines = (
        "GET /rendezvous HTTP/1.1",
        f"Host: {gateway}",
        "Connection: Upgrade",
        f"Upgrade: {RENDEZVOUS_UPGRADE}",
        f"{RENDEZVOUS_HEADER}: {rendezvous}",
        f"{SESSION_HEADER}: {session}",
    )
    return "\r\n".join((*lines, "", "")).encode("ascii")
