"""A small client of the wire for tests: WebSocket client side over any asyncio stream; frames drawn into numpy.

    client = StreamClient(reader, writer)                  # the WebSocket is open already
    welcome = await client.attach(grant, key)              # CHALLENGE, PROOF, WELCOME
    client.send(Key(client.next_input(), True, 0, 0, "KeyA", "a"))
    await client.until(lambda: (client.picture[0, 0] == (255, 0, 0)).all())

Every message is kept in `messages`, newest last; frames are drawn into `picture` (height, width, RGB) and acknowledged
unless `acknowledges` is off. `open_stream` makes one through a gateway's public listener.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import secrets
import struct
from collections.abc import Callable
from typing import TypeVar

import numpy as np
from websockets.frames import Opcode
from websockets.protocol import Protocol, Side, State

from portcullis.drill.person import BrowserKey
from portcullis.protocol import messages as m
from portcullis.protocol import operations as o
from portcullis.protocol.small_frames import CAPABILITY as SMALL_FRAMES
from portcullis.protocol.wire import MAXIMUM_TO_CLIENT_BYTES
from portcullis.tickets import attach_message
from tests.support.patience import patient
from tests.support.viewer import Viewer

WAIT_SECONDS = 15.0
DRAWN_OPERATIONS = sum(1 << cls.KIND for cls in o.OPERATIONS) | SMALL_FRAMES

M = TypeVar("M", bound=m.Message)


class StreamClosed(Exception):
    """The worker closed, or the stream is gone."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(f"{code} {reason}")
        self.code = code
        self.reason = reason


class StreamClient:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.messages: list[m.Message] = []
        self.viewer = Viewer()
        self.acknowledges = True
        self.frames = 0
        self.last_input_applied = 0
        self.input = 0
        self.closed: StreamClosed | None = None
        self.clipboard: str | None = None
        self.title: str | None = None
        self.cursor: m.Cursor | None = None
        self.on_message: Callable[[m.Message], None] = lambda message: None
        self._cursors: dict[int, m.Cursor] = {}
        self._reader = reader
        self._writer = writer
        self._ws = Protocol(Side.CLIENT, state=State.OPEN, max_size=MAXIMUM_TO_CLIENT_BYTES)
        self._changed = asyncio.Condition()
        self._payload = bytearray()
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def attach(
        self,
        grant: str,
        key: BrowserKey,
        *,
        session: str,
        e: int,
        version: int = 1,
        last_acknowledged: int = 0,
    ) -> m.Welcome:
        """Prove the key, and wait for WELCOME. Raises StreamClosed."""
        challenge = await self.receive(m.Challenge)
        signed = attach_message(challenge.nonce, grant, version, last_acknowledged, session, e)
        self.send(m.Proof(version, last_acknowledged, key.sign(signed)))
        return await self.receive(m.Welcome)

    def send(self, *messages: m.Message) -> None:
        self.send_payload(m.encode(*messages))

    def send_payload(self, payload: bytes) -> None:
        self._ws.send_binary(payload)
        self._flush()

    def send_text(self, text: str) -> None:
        self._ws.send_text(text.encode())
        self._flush()

    def send_raw(self, data: bytes) -> None:
        """Bytes beneath the WebSocket."""
        self._writer.write(data)

    @property
    def picture(self) -> np.ndarray:
        return self.viewer.picture

    @property
    def last_frame(self) -> int:
        return self.viewer.sequence

    @property
    def frame_bytes(self) -> int:
        return self.viewer.total_bytes

    def draws(self, operations: int = DRAWN_OPERATIONS, video: int = 0) -> None:
        """From here on more than tiles and fills, as a browser does."""
        self.send(m.Capabilities(operations, video))

    def next_input(self) -> int:
        self.input += 1
        return self.input

    def key(self, code: str, text: str, modifiers: int = 0, locks: int = 0) -> None:
        """Down and up."""
        self.send(
            m.Key(self.next_input(), True, modifiers, locks, code, text),
            m.Key(self.next_input(), False, modifiers, locks, code, text),
        )

    def text(self, text: str) -> None:
        self.send(m.CommittedText(self.next_input(), text))

    def click(self, x: int, y: int, button: int = 1) -> None:
        self.send(
            m.Pointer(self.next_input(), x, y, 0, 0),
            m.Pointer(self.next_input(), x, y, button, 0),
            m.Pointer(self.next_input(), x, y, 0, 0),
        )

    async def receive(self, kind: type[M]) -> M:
        """The newest message of this kind, once there is one. Raises StreamClosed."""
        await self.until(lambda: any(isinstance(message, kind) for message in self.messages))
        return next(message for message in reversed(self.messages) if isinstance(message, kind))

    async def until(self, condition: Callable[[], object], timeout_seconds: float = WAIT_SECONDS) -> None:
        """Looks again after every message. Raises StreamClosed when the stream ends first, or TimeoutError."""
        async with asyncio.timeout(patient(timeout_seconds)), self._changed:
            while not condition():
                if self.closed is not None:
                    raise self.closed
                await self._changed.wait()

    async def until_closed(self) -> StreamClosed:
        async with asyncio.timeout(patient(WAIT_SECONDS)):
            await asyncio.wait([self._task])
        assert self.closed is not None
        return self.closed

    async def drop(self) -> None:
        """Vanish without a Close frame."""
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task
        if self.closed is None:
            self._writer.transport.abort()
        with contextlib.suppress(OSError):
            await self._writer.wait_closed()

    async def close(self) -> None:
        if self.closed is None:
            self._ws.send_close(1000)
            self._flush()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(2):
                    await asyncio.wait([self._task])
        await self.drop()

    async def _run(self) -> None:
        with contextlib.suppress(OSError):
            while data := await self._reader.read(1 << 18):
                self._ws.receive_data(data)
                self._flush()
                for frame in self._ws.events_received():
                    self._take_frame(frame)
                async with self._changed:
                    self._changed.notify_all()
        closing = next((message for message in self.messages if isinstance(message, m.Closing)), None)
        code = self._ws.close_rcvd.code if self._ws.close_rcvd else 1006
        self.closed = StreamClosed(code, closing.reason if closing else "")
        self._writer.close()
        async with self._changed:
            self._changed.notify_all()

    def _take_frame(self, frame) -> None:
        if frame.opcode not in (Opcode.BINARY, Opcode.CONT):
            return
        self._payload += frame.data
        if frame.fin:
            payload, self._payload = bytes(self._payload), bytearray()
            self.viewer.take(payload)
            for message in m.decode(payload):
                self._take(message)

    def _take(self, message: m.Message) -> None:
        self.messages.append(message)
        match message:
            case m.Welcome():
                self.input = message.last_input
            case m.Frame() | m.SmallFrame():
                self._drawn(message)
            case m.Cursor():
                self._cursors[message.serial] = message
            case m.CursorUse():
                self.cursor = self._cursors[message.serial] if message.serial else None
            case m.Title():
                self.title = message.title
            case m.ClipboardText():
                self.clipboard = message.text
            case m.InputAcknowledge():
                self.last_input_applied = max(self.last_input_applied, message.last_input)
        self.on_message(message)

    def _drawn(self, frame: m.Frame | m.SmallFrame) -> None:
        self.last_input_applied = max(self.last_input_applied, frame.last_input)
        self.frames += 1
        if self.acknowledges and self._ws.state is State.OPEN:  # a Close frame may have come right behind it
            self.send(m.Acknowledge(frame.sequence, 0))

    def _flush(self) -> None:
        for data in self._ws.data_to_send():
            if data:
                self._writer.write(data)


async def open_stream(
    port: int, admission: m.Message, origin: str, host: str = "127.0.0.1", through: int | None = None
) -> StreamClient:
    """Through a gateway's public listener: upgrade, then ticket or grant. ADMITTED is its first message.

    `through`: the port of a proxy before it.
    """
    reader, writer = await asyncio.open_connection(host, through or port)
    nonce = base64.b64encode(secrets.token_bytes(16)).decode()
    lines = (
        "GET /stream HTTP/1.1",
        f"Host: {host}:{port}",
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        f"Sec-WebSocket-Key: {nonce}",
        "Sec-WebSocket-Protocol: portcullis.v1",
        f"Origin: {origin}",
    )
    writer.write("\r\n".join((*lines, "", "")).encode())
    head = await reader.readuntil(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 101 "), head
    client = StreamClient(reader, writer)
    client.send(admission)
    return client


def mask_frame(payload: bytes, opcode: int = 2, fin: bool = True) -> bytes:
    """A masked frame made by hand, for what `websockets` would not send."""
    head = struct.pack(">BBH", (0x80 if fin else 0) | opcode, 0x80 | 126, len(payload))
    mask = secrets.token_bytes(4)
    return head + mask + bytes(byte ^ mask[i % 4] for i, byte in enumerate(payload))
