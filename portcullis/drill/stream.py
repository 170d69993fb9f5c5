"""One stream through a gateway: the WebSocket's client side and the wire's messages over asyncio.

Frames are acknowledged and not drawn. Raises StreamClosed when the stream is gone, TimeoutError when it does not come
to stand.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import secrets
import ssl
from collections.abc import Callable
from typing import TypeVar
from urllib.parse import urlsplit

from websockets.frames import Frame as WebSocketFrame
from websockets.frames import Opcode
from websockets.protocol import Protocol, Side, State

from portcullis.drill.person import BrowserKey
from portcullis.errors import ProtocolError
from portcullis.protocol import messages as m
from portcullis.protocol.wire import MAXIMUM_TO_CLIENT_BYTES
from portcullis.tasks import cancel_and_wait, spawn
from portcullis.tickets import attach_message

CONNECT_SECONDS = 2.0
WELCOME_SECONDS = 6.0

M = TypeVar("M", bound=m.Message)


class StreamClosed(Exception):
    def __init__(self, code: int, reason: str) -> None:
        super().__init__(f"{code} {reason}".strip())
        self.code = code
        self.reason = reason


class Stream:
    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        on_message: Callable[[m.Message], None] = lambda message: None,
    ) -> None:
        self.on_message = on_message
        self.closed: StreamClosed | None = None
        self.last_frame = 0
        self.frames = 0
        self.gaps = 0
        """Frames that were numbered and never came."""
        self.heard_at = asyncio.get_running_loop().time()
        self._seen: dict[type[m.Message], m.Message] = {}
        self._reader = reader
        self._writer = writer
        self._websocket = Protocol(Side.CLIENT, state=State.OPEN, max_size=MAXIMUM_TO_CLIENT_BYTES)
        self._payload = bytearray()
        self._changed = asyncio.Condition()
        self._task = spawn(self._run(), name="drill-stream")

    def send(self, *messages: m.Message) -> None:
        """What is said to a stream that closes goes nowhere: `closed` tells, a moment later."""
        if self._websocket.state is not State.OPEN:
            return
        self._websocket.send_binary(m.encode(*messages))
        self._flush()

    async def prove(self, grant: str, key: BrowserKey, session: str, e: int) -> m.Welcome:
        """Once admitted. Raises StreamClosed, TimeoutError."""
        async with asyncio.timeout(WELCOME_SECONDS):
            challenge = await self.receive(m.Challenge)
            signed = attach_message(challenge.nonce, grant, 1, 0, session, e)
            self.send(m.Proof(1, 0, key.sign(signed)))
            return await self.receive(m.Welcome)

    async def receive(self, kind: type[M]) -> M:
        """Raises StreamClosed."""
        async with self._changed:
            while kind not in self._seen:
                if self.closed is not None:
                    raise self.closed
                await self._changed.wait()
        found = self._seen[kind]
        assert isinstance(found, kind)
        return found

    async def until_closed(self) -> StreamClosed:
        async with self._changed:
            while self.closed is None:
                await self._changed.wait()
        return self.closed

    async def drop(self) -> None:
        """Vanish without a word."""
        await cancel_and_wait(self._task)
        self._writer.transport.abort()
        with contextlib.suppress(OSError):
            await self._writer.wait_closed()

    async def _run(self) -> None:
        try:
            while data := await self._reader.read(1 << 18):
                self.heard_at = asyncio.get_running_loop().time()
                self._websocket.receive_data(data)
                self._flush()
                for event in self._websocket.events_received():
                    if isinstance(event, WebSocketFrame):
                        self._take_frame(event)
                async with self._changed:
                    self._changed.notify_all()
        except (OSError, ProtocolError):
            pass  # told as 1006 below
        finally:
            await self._end()

    async def _end(self) -> None:
        said = self._seen.get(m.Closing)
        received = self._websocket.close_rcvd
        code = received.code if received else 1006
        reason = said.reason if isinstance(said, m.Closing) else received.reason if received else ""
        self.closed = StreamClosed(code, reason)
        async with self._changed:
            self._changed.notify_all()

    def _take_frame(self, frame: WebSocketFrame) -> None:
        if frame.opcode not in (Opcode.BINARY, Opcode.CONT):
            return
        self._payload += frame.data
        if frame.fin:
            payload, self._payload = bytes(self._payload), bytearray()
            for message in m.decode(payload):
                self._take(message)

    def _take(self, message: m.Message) -> None:
        self._seen[type(message)] = message
        if isinstance(message, m.Frame):
            self.gaps += message.sequence - self.last_frame - 1
            self.last_frame = message.sequence
            self.frames += 1
            self.send(m.Acknowledge(message.sequence, 0))
        self.on_message(message)

    def _flush(self) -> None:
        for data in self._websocket.data_to_send():
            if data and not self._writer.is_closing():
                self._writer.write(data)


async def open_stream(
    url: str,
    admission: m.Message,
    on_message: Callable[[m.Message], None],
    context: ssl.SSLContext | None = None,
) -> tuple[Stream, str]:
    """Through the gateway at `url`, by ticket or grant: the stream, and the grant that it was admitted with. `context`:
    for https, what is trusted. Plain http stays on this machine.

    Raises StreamClosed, OSError, TimeoutError.
    """
    parts = urlsplit(url)
    is_plain = parts.scheme == "http"
    host, port = "127.0.0.1" if is_plain else parts.hostname, parts.port or (80 if is_plain else 443)
    trusted = None if is_plain else context or ssl.create_default_context()
    async with asyncio.timeout(CONNECT_SECONDS):
        reader, writer = await asyncio.open_connection(host, port, ssl=trusted)
    stream: Stream | None = None
    try:
        async with asyncio.timeout(WELCOME_SECONDS):
            await _upgrade(reader, writer, url, parts.netloc)
            stream = Stream(reader, writer, on_message)
            stream.send(admission)
            admitted = await stream.receive(m.Admitted)
    except BaseException:
        if stream is not None:
            await stream.drop()
        else:
            writer.transport.abort()
        raise
    return stream, admitted.grant


async def _upgrade(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, origin: str, host: str
) -> None:
    nonce = base64.b64encode(secrets.token_bytes(16)).decode()
    lines = (
        "GET /stream HTTP/1.1",
        f"Host: {host}",
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        f"Sec-WebSocket-Key: {nonce}",
        "Sec-WebSocket-Protocol: portcullis.v1",
        f"Origin: {origin}",
    )
    writer.write("\r\n".join((*lines, "", "")).encode())
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except (asyncio.IncompleteReadError, asyncio.LimitOverrunError) as exc:
        raise StreamClosed(1006, "no answer to the upgrade") from exc
    status = head.split(b"\r\n", 1)[0].decode(errors="replace")
    if " 101 " not in status:
        raise StreamClosed(1006, status)
