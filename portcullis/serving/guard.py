"""The guard round aiohttp's connection protocol: the caps and deadlines that a server at the edge needs.

A `Guard` stands between the transport and one `aiohttp.web.RequestHandler` and passes on what that asks for. It
counts the connection against the caps of its `Gate`, cuts one whose request head is not complete in time (a
silent connection included) or too large, one that idles between requests, and one that does not read its
answer. `guarded`, the outermost middleware of each application, tells it when a request starts and ends.
aiohttp itself limits a line or header field to 8 KiB (`listener`); bodies are bounded by `read_body`.

aiohttp would parse 32 requests ahead, whose heads nobody measures (16 MiB a connection): here the next request is
held back, unparsed, until the one before it is answered.

Single-threaded: everything runs in the event loop's callbacks.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from aiohttp import StreamReader, web
from aiohttp.typedefs import Handler

from portcullis.serving.gate import Gate, Place, client_of

RECEIVE_BYTES = 64 * 1024
HELD_BYTES = 32 * 1024
"""Of requests that came before their turn: then the connection is not read until it is."""

_END_OF_HEAD = b"\r\n\r\n"
_receive_buffer = memoryview(bytearray(RECEIVE_BYTES))
"""One for all guards: what was received is consumed or copied before the next callback runs."""


@dataclass(frozen=True, slots=True)
class Limits:
    connections: int = 4096
    connections_per_client: int = 1024
    head_bytes: int = 32 * 1024
    head_fields: int = 64
    head_seconds: float = 10.0
    """From the connection, or from the first byte of a later request, to the end of the request's head."""
    idle_seconds: float = 75.0
    """Between an answer and the next request; longer than browsers keep a connection that they don't use."""
    stall_seconds: float = 30.0
    """How long a peer may leave an answer unread."""
    body_seconds: float = 20.0
    handshakes: int = 512
    """TLS handshakes at a time; the oldest gives way to one more."""
    handshake_seconds: float = 10.0


class _Phase(Enum):
    HEAD = "a request's head is awaited"
    BUSY = "a request is handled"
    IDLE = "nothing is asked"
    OVER = "refused, closed or taken over"


class Guard(asyncio.BufferedProtocol):
    """One guarded connection. `inner` sees nothing of a connection that had no place."""

    def __init__(self, inner: web.RequestHandler, gate: Gate, limits: Limits) -> None:
        self.inner = inner
        self._gate = gate
        self._limits = limits
        self._phase = _Phase.OVER
        self._place: Place | None = None
        self._deadline = _Deadline()
        self._stall = _Deadline()
        self._backlog = 0
        self._head_bytes = 0
        self._head_tail = b""
        self._head_complete = False
        self._content: StreamReader | None = None
        self._held = bytearray()
        self._is_reading = True

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        client = client_of(transport)
        if client is None:
            transport.abort()
            return
        self._place = self._gate.enter(client)
        if self._place is None:
            self._answer_and_close(b"503 Service Unavailable")
        else:
            self._await_head()
            self.inner.connection_made(transport)

    def get_buffer(self, sizehint: int) -> memoryview:
        return _receive_buffer

    def buffer_updated(self, nbytes: int) -> None:
        self.data_received(bytes(_receive_buffer[:nbytes]))

    def data_received(self, data: bytes) -> None:
        if self._place is not None and self._phase is not _Phase.OVER:
            self._take(data)

    def eof_received(self) -> None:
        if self._place is not None:
            self.inner.eof_received()

    def pause_writing(self) -> None:
        self._stall.set(self._limits.stall_seconds, self._cut)
        self.keeps()  # an answer is on its way: that is not waiting
        self.inner.pause_writing()

    def resume_writing(self) -> None:
        self._stall.clear()
        if self._phase in (_Phase.HEAD, _Phase.IDLE):
            self.waits()
        self.inner.resume_writing()

    def connection_lost(self, exc: BaseException | None) -> None:
        """Also called by the protocol that took the transport over, so that nobody keeps what is gone."""
        self.release()
        place, self._place = self._place, None
        if place is not None:
            place.leave()
            self.inner.connection_lost(exc)

    def request_started(self, request: web.BaseRequest) -> None:
        if self._phase is _Phase.OVER:
            return
        self._phase = _Phase.BUSY
        self._content = request.content
        self._deadline.clear()
        self.keeps()
        if self._is_asked_for():
            self._take_held()

    def request_finished(self) -> None:
        if self._phase is not _Phase.OVER:
            self._phase = _Phase.IDLE
            self._deadline.set(self._limits.idle_seconds, self._idle_too_long)
            self.waits()
            self._take_held()

    def release(self) -> bytes:
        """The guard's deadlines end; the place in the gate is held until the connection is lost.

        Answers with what came behind the request.
        """
        self._phase = _Phase.OVER
        self._deadline.clear()
        self._stall.clear()
        self.keeps()
        held, self._held = bytes(self._held), bytearray()
        return held

    def waits(self) -> None:
        """The connection has nothing to do: it may have to give way to a new one."""
        if self._place is not None:
            self._place.waits(self._cut)

    def keeps(self) -> None:
        if self._place is not None:
            self._place.keeps()

    # --- What comes, and when aiohttp sees it

    def _take(self, data: bytes) -> None:
        if self._is_asked_for():
            self.inner.data_received(data)
            self._fail_malformed_body()
        elif self._phase is _Phase.IDLE or (self._phase is _Phase.HEAD and not self._head_complete):
            self._take_head(data)
        else:
            self._hold(data)

    def _is_asked_for(self) -> bool:
        """The rest of a body, or what follows an upgrade."""
        return self.inner._upgraded or (self._content is not None and not self._content.is_eof())

    def _fail_malformed_body(self) -> None:
        """aiohttp queues a malformed chunk as a request of its own: nobody would tell who reads the body."""
        content = self._content
        if content is not None and not content.is_eof() and self.inner._messages:
            content.set_exception(web.RequestPayloadError("a malformed body"))
            content.feed_eof()

    def _take_head(self, data: bytes) -> None:
        if self._phase is _Phase.IDLE:
            self._await_head()
        end = self._measure_head(data)
        if self._head_bytes > self._limits.head_bytes:
            self._answer_and_close(b"431 Request Header Fields Too Large")
            return
        if end is not None:
            # The request starts in a moment, or when the answer before it has been taken: that is progress.
            self._head_complete = True
            self._deadline.set(self._limits.head_seconds, self._idle_too_long)
            if end < len(data):
                self._hold(data[end:])
        self.inner.data_received(data[:end])

    def _await_head(self) -> None:
        self._phase = _Phase.HEAD
        self._head_bytes = 0
        self._head_tail = b""
        self._head_complete = False
        self._content = None
        self._deadline.set(self._limits.head_seconds, self._cut)
        self.waits()

    def _measure_head(self, data: bytes) -> int | None:
        """Where in `data` the head ends, if it does."""
        skipped = 0
        if not self._head_bytes:  # empty lines before a request line are skipped by the parser
            skipped = len(data) - len(data.lstrip(b"\r\n"))
        window = self._head_tail + data[skipped:]
        found = window.find(_END_OF_HEAD)
        taken = len(data) - skipped if found < 0 else found + len(_END_OF_HEAD) - len(self._head_tail)
        self._head_bytes += taken
        self._head_tail = window[-(len(_END_OF_HEAD) - 1) :]
        return None if found < 0 else skipped + taken

    def _hold(self, data: bytes) -> None:
        self._held += data
        if len(self._held) > HELD_BYTES and not self._transport.is_closing():
            self._is_reading = False
            self._transport.pause_reading()

    def _take_held(self) -> None:
        held, self._held = bytes(self._held), bytearray()
        if not self._is_reading and not self._transport.is_closing():
            self._is_reading = True
            self._transport.resume_reading()
        if held:
            self._take(held)

    # --- The end

    def _idle_too_long(self) -> None:
        """A large answer may still be on its way to a slow reader: that is progress as long as it shrinks."""
        backlog = self._transport.get_write_buffer_size()
        if backlog and backlog != self._backlog:
            self._backlog = backlog
            self._deadline.set(self._limits.idle_seconds, self._idle_too_long)
        else:
            self._cut()

    def _answer_and_close(self, status: bytes) -> None:
        self.release()
        self._transport.write(b"HTTP/1.1 " + status + b"\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
        self._transport.close()

    def _cut(self) -> None:
        self._transport.abort()


class _Deadline:
    def __init__(self) -> None:
        self._handle: asyncio.TimerHandle | None = None

    def set(self, seconds: float, then: Callable[[], None]) -> None:
        self.clear()
        self._handle = asyncio.get_running_loop().call_later(seconds, then)

    def clear(self) -> None:
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None


def guard_of(request: web.BaseRequest) -> Guard:
    """Raises ConnectionResetError when the client has gone."""
    protocol = request.transport.get_protocol() if request.transport is not None else None
    if not isinstance(protocol, Guard):
        raise ConnectionResetError("the client has gone")
    return protocol


@web.middleware
async def guarded(request: web.Request, handler: Handler) -> web.StreamResponse:
    guard = guard_of(request)
    guard.request_started(request)
    try:
        return await handler(request)
    finally:
        guard.request_finished()


async def read_body(request: web.Request, maximum_bytes: int, seconds: float) -> bytes:
    """The whole body. Raises HTTPRequestEntityTooLarge, HTTPRequestTimeout or HTTPBadRequest."""
    if (request.content_length or 0) > maximum_bytes:
        raise web.HTTPRequestEntityTooLarge(maximum_bytes, request.content_length or 0)
    body = bytearray()
    try:
        async with asyncio.timeout(seconds):
            while chunk := await request.content.readany():
                body += chunk
                if len(body) > maximum_bytes:
                    raise web.HTTPRequestEntityTooLarge(maximum_bytes, len(body))
    except TimeoutError as exc:
        raise web.HTTPRequestTimeout from exc
    except web.RequestPayloadError as exc:
        raise web.HTTPBadRequest(reason="malformed body") from exc
    return bytes(body)
