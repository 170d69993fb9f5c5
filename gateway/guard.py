"""The guard round aiohttp's connection protocol: the caps and deadlines that a server at the edge needs.

A `Guard` stands between the transport and one `aiohttp.web.RequestHandler` and passes everything on. It
counts the connection against the caps of its `Gate`, cuts one whose request head is not complete in time (a
silent connection included) or too large, one that idles between requests, and one that does not read its
answer. `guarded`, the outermost middleware of each application, tells it when a request starts and ends.
aiohttp itself limits a line or header field to 8 KiB (`listener`); bodies are bounded by `read_body`.

Single-threaded: everything runs in the event loop's callbacks.
"""

from __future__ import annotations

import asyncio
import ipaddress
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from aiohttp import web
from aiohttp.typedefs import Handler

_END_OF_HEAD = b"\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Limits:
    connections: int = 4096
    connections_per_client: int = 256
    head_bytes: int = 32 * 1024
    head_seconds: float = 10.0
    """From the connection, or from the first byte of a later request, to the end of the request's head."""
    idle_seconds: float = 75.0
    """Between an answer and the next request; longer than browsers keep a connection that they don't use."""
    stall_seconds: float = 30.0
    """How long a peer may leave an answer unread."""
    body_seconds: float = 20.0


class Gate:
    """How many hold a place, overall and for each client address."""

    def __init__(self, maximum: int, maximum_per_client: int) -> None:
        self._maximum = maximum
        self._maximum_per_client = maximum_per_client
        self._held: Counter[str] = Counter()
        self.total = 0

    def enter(self, client: str) -> bool:
        """Whether there was a place; who got one calls `leave` once."""
        if self.total >= self._maximum or self._held[client] >= self._maximum_per_client:
            return False
        self.total += 1
        self._held[client] += 1
        return True

    def leave(self, client: str) -> None:
        self.total -= 1
        self._held[client] -= 1
        if not self._held[client]:
            del self._held[client]


def client_of(transport: asyncio.BaseTransport) -> str | None:
    """What counts as one client: an IPv4 address, or the /64 network that IPv6 gives to one site."""
    peer = transport.get_extra_info("peername")
    if not peer:
        return None
    address = ipaddress.ip_address(peer[0].partition("%")[0])
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return str(address.ipv4_mapped)
        return str(ipaddress.ip_network((address, 64), strict=False))
    return str(address)


class _Phase(Enum):
    HEAD = "a request's head is awaited"
    BUSY = "a request is handled"
    IDLE = "nothing is asked"
    OVER = "refused, closed or taken over"


class Guard(asyncio.Protocol):
    """One guarded connection. `inner` sees nothing of a connection that had no place."""

    def __init__(self, inner: web.RequestHandler, gate: Gate, limits: Limits) -> None:
        self.inner = inner
        self._gate = gate
        self._limits = limits
        self._phase = _Phase.OVER
        self._client: str | None = None
        self._deadline = _Deadline()
        self._stall = _Deadline()
        self._backlog = 0
        self._head_bytes = 0
        self._head_tail = b""
        self._head_complete = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        client = client_of(transport)
        if client is None:
            transport.abort()
        elif not self._gate.enter(client):
            self._answer_and_close(b"503 Service Unavailable")
        else:
            self._client = client
            self._await_head()
            self.inner.connection_made(transport)

    def data_received(self, data: bytes) -> None:
        if self._client is None:
            return
        if self._phase is _Phase.IDLE:
            self._await_head()
        if self._phase is _Phase.HEAD and not self._head_complete:
            self._measure_head(data)
        if self._phase is not _Phase.OVER:
            self.inner.data_received(data)

    def eof_received(self) -> None:
        if self._client is not None:
            self.inner.eof_received()

    def pause_writing(self) -> None:
        self._stall.set(self._limits.stall_seconds, self._cut)
        self.inner.pause_writing()

    def resume_writing(self) -> None:
        self._stall.clear()
        self.inner.resume_writing()

    def connection_lost(self, exc: BaseException | None) -> None:
        """Also called by the protocol that took the transport over, so that nobody keeps what is gone."""
        self.release()
        if self._client is not None:
            self._gate.leave(self._client)
            self._client = None
            self.inner.connection_lost(exc)

    def request_started(self) -> None:
        if self._phase is not _Phase.OVER:
            self._phase = _Phase.BUSY
            self._deadline.clear()

    def request_finished(self) -> None:
        if self._phase is not _Phase.OVER:
            self._phase = _Phase.IDLE
            self._deadline.set(self._limits.idle_seconds, self._idle_too_long)

    def release(self) -> None:
        """The guard's deadlines end; the place in the gate is held until the connection is lost."""
        self._phase = _Phase.OVER
        self._deadline.clear()
        self._stall.clear()

    def _await_head(self) -> None:
        self._phase = _Phase.HEAD
        self._head_bytes = 0
        self._head_tail = b""
        self._head_complete = False
        self._deadline.set(self._limits.head_seconds, self._cut)

    def _measure_head(self, data: bytes) -> None:
        """Sizes only: the deadline runs until aiohttp has parsed the head and a request starts."""
        if not self._head_bytes:
            data = data.lstrip(b"\r\n")  # empty lines before a request line are skipped by the parser
        window = self._head_tail + data
        end = window.find(_END_OF_HEAD)
        self._head_complete = end >= 0
        taken = end + len(_END_OF_HEAD) - len(self._head_tail) if self._head_complete else len(data)
        self._head_bytes += taken
        self._head_tail = window[-(len(_END_OF_HEAD) - 1) :]
        if self._head_bytes > self._limits.head_bytes:
            self._answer_and_close(b"431 Request Header Fields Too Large")

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
    guard.request_started()
    try:
        return await handler(request)
    finally:
        guard.request_finished()


async def read_body(request: web.Request, maximum_bytes: int, seconds: float) -> bytes:
    """The whole body. Raises HTTPRequestEntityTooLarge or HTTPRequestTimeout."""
    body = bytearray()
    try:
        async with asyncio.timeout(seconds):
            while chunk := await request.content.readany():
                body += chunk
                if len(body) > maximum_bytes:
                    raise web.HTTPRequestEntityTooLarge(maximum_bytes, len(body))
    except TimeoutError as exc:
        raise web.HTTPRequestTimeout from exc
    return bytes(body)
