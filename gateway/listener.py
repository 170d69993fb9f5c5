"""An aiohttp application behind the guard, listening on one address.

It constructs `RequestHandler` itself (public but undocumented): the sites of aiohttp leave no place for
a guard. Started once, stopped once.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from asyncio.sslproto import SSLProtocol

from aiohttp import web

from gateway.errors import api_error
from gateway.guard import Gate, Guard, Limits
from gateway.security_headers import security_headers
from portcullis.settings import Address

log = logging.getLogger(__name__)

_LINE_BYTES = 8190
_FIELDS = 64
_LINGER_SECONDS = 2.0  # for the rest of a body that nobody reads
_SHUTDOWN_SECONDS = 2.0
_HANDSHAKE_SECONDS = 10.0
_BACKLOG = 512


TLS_BUFFER_BYTES = 64 * 1024


def slim_tls_buffers() -> None:
    """Let asyncio's TLS connections of this process receive into 64 KiB instead of 256.

    Measured: 0.23 instead of 0.62 MB a stream, at the same speed. The attribute is public but undocumented.
    """
    SSLProtocol.max_size = TLS_BUFFER_BYTES


class Listener:
    def __init__(self, app: web.Application, limits: Limits) -> None:
        self._limits = limits
        self.gate = Gate(limits.connections, limits.connections_per_client)
        # A handler is cancelled when its client leaves: an event stream must not outlive its reader.
        self._runner = web.AppRunner(
            app, handler_cancellation=True, access_log=None, shutdown_timeout=_SHUTDOWN_SECONDS
        )
        self._server: asyncio.Server | None = None

    async def start(self, address: Address, context: ssl.SSLContext | None = None) -> None:
        """Raises OSError when the address cannot be bound."""
        await self._runner.setup()
        self._server = await asyncio.get_running_loop().create_server(
            self._guard,
            address.host,
            address.port,
            backlog=_BACKLOG,
            ssl=context,
            ssl_handshake_timeout=_HANDSHAKE_SECONDS if context else None,
            ssl_shutdown_timeout=_LINGER_SECONDS if context else None,
        )

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
            loop=asyncio.get_running_loop(),
            keepalive_timeout=self._limits.idle_seconds,
            max_line_size=_LINE_BYTES,
            max_field_size=_LINE_BYTES,
            max_headers=_FIELDS,
            lingering_time=_LINGER_SECONDS,
            auto_decompress=False,  # a body is passed on as it came; a small one must not grow here
            access_log=None,  # type: ignore[arg-type]  # aiohttp's own runner passes it so
        )
        return Guard(handler, self.gate, self._limits)


class _Handler(web.RequestHandler):
    """Answers what is not HTTP like everything else, and does not fill the log with strangers' bytes."""

    __slots__ = ()

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
        answer = api_error(status, "internal_error" if status >= 500 else "invalid_request")
        answer.headers.update(security_headers(None))
        answer.force_close()
        return answer
