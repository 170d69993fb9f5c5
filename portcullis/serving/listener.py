"""An aiohttp application behind the guard, listening on one address.

It constructs `RequestHandler` itself (public but undocumented): the sites of aiohttp leave no place for
a guard. Started once, stopped once.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import ssl
from asyncio.sslproto import SSLProtocol
from collections.abc import Callable

from aiohttp import web

from portcullis.serving.gate import Gate
from portcullis.serving.guard import RECEIVE_BYTES, Guard, Limits
from portcullis.serving.handshakes import Handshakes
from portcullis.settings import Address

log = logging.getLogger(__name__)

Malformed = Callable[[int], web.StreamResponse]
"""The answer to what is not HTTP (a status of 4xx), or to a request that failed inside (5xx)."""

_LINE_BYTES = 8190
_LINGER_SECONDS = 2.0  # for the rest of a body that nobody reads
_SHUTDOWN_SECONDS = 2.0
_BACKLOG = 4096
ACCEPTED_AT_ONCE = 32
"""In one turn of the loop. A site's machines that all dial at one moment wait in the kernel's queue: accepted at once,
their handshakes would take each other's places, be begun anew, and none would ever end."""


TLS_BUFFER_BYTES = 64 * 1024


def slim_tls_buffers() -> None:
    """Let asyncio's TLS connections of this process receive into 64 KiB instead of 256.

    Measured: 0.23 instead of 0.62 MB a stream, at the same speed. The attribute is public but undocumented.
    """
    SSLProtocol.max_size = TLS_BUFFER_BYTES


class Listener:
    """`guarded` (portcullis.serving.guard) must be the outermost middleware of `app`."""

    def __init__(
        self, app: web.Application, limits: Limits, malformed: Malformed, *, handler_cancellation: bool = True
    ) -> None:
        self._limits = limits
        self._malformed = malformed
        self.gate = Gate(limits.connections, limits.connections_per_client)
        # A handler is cancelled when its client leaves: an event stream must not outlive its reader.
        self._runner = web.AppRunner(
            app,
            handler_cancellation=handler_cancellation,
            access_log=None,
            shutdown_timeout=_SHUTDOWN_SECONDS,
        )
        self._server: asyncio.Server | None = None
        self.handshakes: Handshakes | None = None

    async def start(self, where: Address | socket.socket, context: ssl.SSLContext | None = None) -> None:
        """Listen on an address or a bound socket. Raises OSError when the address cannot be bound."""
        await self._runner.setup()
        factory: Callable[[], asyncio.BaseProtocol] = self._guard
        if context is not None:
            factory = self.handshakes = Handshakes(
                self._guard, context, self._limits.handshakes, self._limits.handshake_seconds
            )
        loop = asyncio.get_running_loop()
        if isinstance(where, socket.socket):
            self._server = await loop.create_server(factory, sock=where, backlog=ACCEPTED_AT_ONCE)
        else:
            self._server = await loop.create_server(factory, where.host, where.port, backlog=ACCEPTED_AT_ONCE)
        for listening in self._server.sockets:
            _lengthen_queue(listening.fileno())

    @property
    def port(self) -> int:
        assert self._server is not None
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    @property
    def connections(self) -> int:
        """How many aiohttp still knows, those taken over included."""
        return len(self._runner.server.connections) if self._runner.server is not None else 0

    async def stop(self) -> None:
        """Stop listening, run the application's shutdown, wait briefly for its handlers and cut the rest."""
        if self._server is not None:
            self._server.close()
        await self._runner.cleanup()

    def _guard(self) -> Guard:
        server = self._runner.server
        assert server is not None
        handler = _Handler(
            server,
            self._malformed,
            loop=asyncio.get_running_loop(),
            keepalive_timeout=self._limits.idle_seconds,
            max_line_size=_LINE_BYTES,
            max_field_size=_LINE_BYTES,
            max_headers=self._limits.head_fields,
            lingering_time=_LINGER_SECONDS,
            read_bufsize=RECEIVE_BYTES,
            auto_decompress=False,  # a body is passed on as it came; a small one must not grow here
            access_log=None,  # aiohttp's own runner passes it so
        )
        return Guard(handler, self.gate, self._limits)


def _lengthen_queue(listening: int) -> None:
    """asyncio has one number for the kernel's queue and for how many it accepts in a turn."""
    with socket.socket(fileno=os.dup(listening)) as same:
        same.listen(_BACKLOG)


class _Handler(web.RequestHandler):
    """Answers what is not HTTP like everything else, and does not fill the log with strangers' bytes."""

    __slots__ = ("_answer_malformed",)

    def __init__(self, manager: web.Server, malformed: Malformed, **options: object) -> None:
        super().__init__(manager, **options)  # type: ignore[arg-type]
        self._answer_malformed = malformed

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        if isinstance(exc, ConnectionError):
            log.debug("client has gone: %s", request.remote)
        elif status >= 500:
            log.error("request failed", exc_info=exc)
        else:
            log.debug("malformed request from %s", request.remote)
        if request.writer.output_size > 0:
            raise ConnectionError("an answer has begun; there can be no other")
        answer = self._answer_malformed(status)
        answer.force_close()
        return answer
