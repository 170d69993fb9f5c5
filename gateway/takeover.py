"""A transport changes hands: from aiohttp, which answered `101 Switching Protocols`, to a protocol of ours.

Undocumented points of aiohttp that this rests on (its minor version is pinned; each has a functional test in
tests/integration/gateway/): `StreamResponse._length_check`, which only its own WebSocket response turns off, and of
`RequestHandler` the methods `set_parser` (hands over bytes that arrived before the 101), `keep_alive` (ends its
timer) and `connection_lost`, which the new protocol must call in the end, through the guard. The guard itself looks at
`_upgraded`: what follows an upgrade is not held back.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
from collections.abc import Callable, Mapping
from typing import TypeVar, cast

from aiohttp import web

from portcullis.serving.guard import Guard, guard_of

WRITE_BUFFER_BYTES = 256 * 1024

_WEBSOCKET_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

P = TypeVar("P", bound=asyncio.BaseProtocol)


async def take_over(
    request: web.Request, headers: Mapping[str, str], make: Callable[[asyncio.Transport, Guard], P]
) -> tuple[web.StreamResponse, P]:
    """Answer 101 with `headers` and give the transport to the protocol that `make` makes.

    The handler must live as long as that protocol and return the response; the protocol must pass `connection_lost`
    on to the guard. Raises ConnectionError when the client has gone.
    """
    response = web.StreamResponse(status=101, headers=headers)
    response._length_check = False
    response.force_close()
    await response.prepare(request)
    # Nothing is awaited from here on: bytes that arrive would meet a protocol that is half changed.
    guard = guard_of(request)
    transport = cast(asyncio.Transport, request.transport)
    early = _Early()
    guard.inner.set_parser(early)  # type: ignore[arg-type]  # it needs feed_data and feed_eof alone
    guard.inner.keep_alive(False)
    early.feed_data(guard.release())
    transport.set_write_buffer_limits(WRITE_BUFFER_BYTES)
    protocol = make(transport, guard)
    transport.set_protocol(protocol)
    if early.data:
        cast(asyncio.Protocol, protocol).data_received(bytes(early.data))
    return response, protocol


def websocket_headers(request: web.Request, subprotocol: str) -> dict[str, str]:
    """The headers of a 101 that accepts the client's opening handshake (RFC 6455 4.2), without extensions.

    Raises HTTPBadRequest or HTTPUpgradeRequired, and closes the connection with it.
    """
    problem = _handshake_problem(request, subprotocol)
    if problem is not None:
        raise problem
    key = request.headers["Sec-WebSocket-Key"].encode()
    digest = hashlib.sha1(key + _WEBSOCKET_GUID, usedforsecurity=False).digest()
    return {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Accept": base64.b64encode(digest).decode(),
        "Sec-WebSocket-Protocol": subprotocol,
    }


def has_body(request: web.BaseRequest) -> bool:
    """An upgrade with a body would leave open where the new protocol begins."""
    return "Transfer-Encoding" in request.headers or request.headers.get("Content-Length", "0") != "0"


def asks_for(request: web.BaseRequest, upgrade: str) -> bool:
    return request.headers.getall("Upgrade", []) == [upgrade] and "upgrade" in _tokens(request, "Connection")


def _handshake_problem(request: web.Request, subprotocol: str) -> web.HTTPException | None:
    headers = request.headers
    if not asks_for(request, "websocket"):
        return web.HTTPUpgradeRequired(headers={"Upgrade": "websocket"}, reason="expected a WebSocket")
    if headers.getall("Sec-WebSocket-Version", []) != ["13"]:
        return web.HTTPBadRequest(reason="expected WebSocket version 13")
    keys = headers.getall("Sec-WebSocket-Key", [])
    if len(keys) != 1 or not _is_websocket_key(keys[0]):
        return web.HTTPBadRequest(reason="expected one Sec-WebSocket-Key")
    if subprotocol not in _tokens(request, "Sec-WebSocket-Protocol"):
        return web.HTTPBadRequest(reason=f"expected subprotocol {subprotocol}")
    return web.HTTPBadRequest(reason="expected no body") if has_body(request) else None


def _tokens(request: web.BaseRequest, name: str) -> set[str]:
    values = request.headers.getall(name, [])
    return {token.strip().lower() for value in values for token in value.split(",")}


def _is_websocket_key(text: str) -> bool:
    try:
        return len(base64.b64decode(text, validate=True)) == 16
    except (binascii.Error, ValueError):
        return False


class _Early:
    """Stands as aiohttp's payload parser for a moment and keeps what arrived before the 101."""

    def __init__(self) -> None:
        self.data = bytearray()

    def feed_data(self, data: bytes) -> tuple[bool, bytes]:
        self.data += data
        return False, b""

    def feed_eof(self) -> None:
        pass
