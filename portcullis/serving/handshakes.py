"""TLS handshakes under a cap and a deadline, before a connection counts as one.

asyncio tells a protocol of a connection after its handshake only, so that half-open ones are bounded by nothing but
their time. Here each accepted socket takes a place first; when all are taken the oldest handshake gives way, because an
honest one is over in a moment. `SSLProtocol` is public but undocumented: it is made here as asyncio's own servers do.
"""

from __future__ import annotations

import asyncio
import ssl
from asyncio.sslproto import SSLProtocol
from collections.abc import Callable

from portcullis.serving.gate import Gate, client_of

HANDSHAKES = 512
HANDSHAKE_SECONDS = 10.0
SHUTDOWN_SECONDS = 2.0


class Handshakes:
    """A factory of protocols for `create_server`: each does the handshake, then `make` makes what serves."""

    def __init__(
        self,
        make: Callable[[], asyncio.BaseProtocol],
        context: ssl.SSLContext,
        maximum: int = HANDSHAKES,
        seconds: float = HANDSHAKE_SECONDS,
    ) -> None:
        self.gate = Gate(maximum, maximum)
        self._make = make
        self._context = context
        self._seconds = seconds

    def __call__(self) -> asyncio.BaseProtocol:
        return _Arrival(self)

    def begin(self, transport: asyncio.Transport, client: str) -> None:
        place = self.gate.enter(client)
        if place is None:  # nobody to give way: there is no place at all
            transport.abort()
            return
        place.waits(transport.abort)
        loop = asyncio.get_running_loop()
        over: asyncio.Future[None] = loop.create_future()
        over.add_done_callback(lambda done: _end(place.leave, done))
        protocol = SSLProtocol(
            loop,
            self._make(),
            self._context,
            over,
            server_side=True,
            ssl_handshake_timeout=self._seconds,  # type: ignore[arg-type]  # a float, as everywhere in asyncio
            ssl_shutdown_timeout=SHUTDOWN_SECONDS,
        )
        transport.set_protocol(protocol)
        protocol.connection_made(transport)


class _Arrival(asyncio.Protocol):
    """A socket that was just accepted."""

    def __init__(self, handshakes: Handshakes) -> None:
        self._handshakes = handshakes

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        client = client_of(transport)
        if client is None:
            transport.abort()
        else:
            self._handshakes.begin(transport, client)


def _end(leave: Callable[[], None], over: asyncio.Future[None]) -> None:
    leave()
    if not over.cancelled():
        over.exception()  # a stranger's failed handshake is no error of ours
