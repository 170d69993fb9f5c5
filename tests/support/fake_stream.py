"""A worker's side of one session's streams, without a display: it proves the client, shows a picture, records input.

For tests of the HTML5 client alone, where no host can run. Codec, grants and signatures are the real ones.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import time
from dataclasses import dataclass, field, replace

import numpy as np
import zstandard
from aiohttp import WSMsgType, web
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from portcullis.protocol import messages as m
from portcullis.protocol import operations as o
from portcullis.tickets import (
    CHANNELS,
    Grant,
    attach_message,
    is_signed_by,
    sign_grant,
    verify_grant,
)
from tests.support.patience import patient

TILE = 256
SUBPROTOCOL = "portcullis.v1"
ANSWER_SECONDS = 5
"""For a client to answer a Close."""


def test_picture(width: int, height: int) -> np.ndarray:
    """Every pixel differs from its neighbours, so that a shift or a scaling by one shows."""
    y, x = np.mgrid[0:height, 0:width]
    return np.stack([x * 7 + y, x + y * 5, (x ^ y) * 3], axis=2).astype(np.uint8)


class Stream(web.WebSocketResponse):
    """Closed once its client has answered.

    aiohttp closes the socket at once where a task still reads from it, and a client whose next bytes are met by a reset
    may never read the Close frame.
    """

    def __init__(self) -> None:
        super().__init__(protocols=(SUBPROTOCOL,), compress=False, max_msg_size=2 << 20, autoclose=False)
        self.has_said_goodbye = False
        self._is_read = asyncio.Event()

    async def close(self, *, code: int = 1000, message: bytes = b"", drain: bool = True) -> bool:
        if self.has_said_goodbye:
            return False
        if not self._waiting:
            return await super().close(code=code, message=message, drain=drain)
        assert self._writer is not None
        self.has_said_goodbye = True
        await self._writer.close(code, message)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._is_read.wait(), ANSWER_SECONDS)
        self._set_closed()
        self._close_transport()
        return True

    async def read_to_the_end(self) -> None:
        """Whoever reads has read the client's Close, or nothing comes any more."""
        self._is_read.set()
        if self.has_said_goodbye:
            self._set_closed()
        else:
            await self.close()


@dataclass
class FakeWorker:
    """One session: its display and what came in. Inputs that were applied before are ignored, as by the real one."""

    session: str
    site_key: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)
    picture: np.ndarray = field(default_factory=lambda: test_picture(800, 600))
    largest: tuple[int, int] = (3840, 2160)
    features: int = m.FEATURE_MONITORS
    e: int = 0
    r: int = 0
    last_input: int = 0
    inputs: list[m.Message] = field(default_factory=list)
    received: list[m.Message] = field(default_factory=list)
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)
    stream: web.WebSocketResponse | None = None
    refuse_with: list[int] = field(default_factory=list)
    """Close codes for the next admissions, in order."""
    attaches: list[str] = field(default_factory=list)
    """What each admission presented: `ticket` or `grant`."""
    _sequence: int = 0

    def grant(self, login: str, client_key: bytes) -> str:
        now = time.time()
        return sign_grant(
            Grant(
                "k1",
                "0" * 16,
                "1" * 16,
                login,
                self.session,
                "2" * 16,
                CHANNELS,
                client_key,
                self.e,
                now,
                now + 1800,
            ),
            self.site_key,
        )

    async def serve(self, request: web.Request, redeem) -> web.WebSocketResponse:  # type: ignore[no-untyped-def]
        stream = Stream()
        await stream.prepare(request)
        grant_text = await self._admit(stream, redeem)
        if grant_text and await self._prove(stream, grant_text):
            await self._run(stream)
        return stream

    async def _admit(self, stream: web.WebSocketResponse, redeem) -> str | None:  # type: ignore[no-untyped-def]
        (first,) = m.decode(await stream.receive_bytes())
        is_ticket = isinstance(first, m.AdmitTicket)
        self.attaches.append("ticket" if is_ticket else "grant")
        if self.refuse_with:
            await stream.close(code=self.refuse_with.pop(0))
            return None
        if is_ticket:
            grant_text = redeem(first.ticket)
        else:
            assert isinstance(first, m.AdmitGrant)
            grant_text = first.grant
        if grant_text is None:
            await stream.close(code=4401)
            return None
        await stream.send_bytes(m.encode(m.Admitted(grant_text)))
        return str(grant_text)

    async def _prove(self, stream: web.WebSocketResponse, grant_text: str) -> bool:
        grant = verify_grant(grant_text, {"k1": self.site_key.public_key()}, time.time())
        if grant.e < self.e:
            await stream.close(code=4409)
            return False
        nonce = secrets.token_bytes(32)
        await stream.send_bytes(m.encode(m.Challenge(1, 1, nonce)))
        proof, *others = m.decode(await stream.receive_bytes())
        assert isinstance(proof, m.Proof)
        self.received += others
        signed = attach_message(
            nonce, grant_text, proof.version, proof.last_acknowledged, self.session, grant.e
        )
        if not is_signed_by(grant.client_key, proof.signature, signed):
            await stream.close(code=4405)
            return False
        await self._take(stream, grant.e)
        return True

    async def _take(self, stream: web.WebSocketResponse, e: int) -> None:
        old, self.stream = self.stream, stream
        if old is not None and not old.closed:
            await old.send_bytes(m.encode(m.Closing(4409, "taken_over")))
            await old.close(code=4409)
        if self.attaches[-1] == "ticket":
            self.r, self.last_input, self._sequence = 0, 0, 0
        else:
            self.r += 1
        height, width = self.picture.shape[:2]
        await stream.send_bytes(
            m.encode(
                m.Welcome(1, e, self.r, width, height, *self.largest, 7, self.last_input),
                m.Features(self.features),
            )
        )
        await self.send_frame()
        async with self.changed:
            self.changed.notify_all()

    async def _run(self, stream: Stream) -> None:
        async for message in stream:
            if message.type is WSMsgType.BINARY and not stream.has_said_goodbye:
                for each in m.decode(message.data):
                    await self._handle(stream, each)
        await stream.read_to_the_end()
        async with self.changed:
            self.changed.notify_all()

    async def _handle(self, stream: web.WebSocketResponse, message: m.Message) -> None:
        if isinstance(message, m.Input):
            if message.sequence > self.last_input:
                self.last_input = message.sequence
                self.inputs.append(message)
            await stream.send_bytes(m.encode(m.InputAcknowledge(self.last_input)))
        elif isinstance(message, m.Ping):
            await stream.send_bytes(m.encode(m.Pong(message.id)))
        elif isinstance(message, m.Resize):
            await self.resize(*map(min, (message.width, message.height), self.largest))
        elif isinstance(message, m.Monitors):
            width = max(each.x + each.width for each in message.monitors)
            height = max(each.y + each.height for each in message.monitors)
            await self.resize(min(width, self.largest[0]), min(height, self.largest[1]))
        async with self.changed:
            self.received.append(message)
            self.changed.notify_all()

    async def resize(self, width: int, height: int) -> None:
        if self.picture.shape[:2] == (height, width):
            return
        self.picture = test_picture(width, height)
        await self.send(m.Resized(width, height))
        await self.send_frame()

    async def send(self, *values: m.Message) -> None:
        assert self.stream is not None
        await self.stream.send_bytes(m.encode(*values))

    async def send_frame(self) -> None:
        """The whole picture, in tiles and, for its last row, fills."""
        self._sequence += 1
        height, width = self.picture.shape[:2]
        compress = zstandard.ZstdCompressor(level=1).compress
        tiles = [
            o.tile_operation(x, y, box.shape[1], box.shape[0], compress(np.ascontiguousarray(box).tobytes()))
            for y in range(0, height - 1, TILE)
            for x in range(0, width, TILE)
            for box in [self.picture[y : min(y + TILE, height - 1), x : x + TILE]]
        ]
        fills = [
            o.fill_operation(x, height - 1, 1, 1, self.picture[height - 1, x].tobytes()) for x in range(width)
        ]
        assert self.stream is not None
        await self.stream.send_bytes(m.frame_payload(self._sequence, self.last_input, 0, [*tiles, *fills]))

    async def draw(self, *operations: bytes) -> bytes:
        """One frame of these; what was sent."""
        assert self.stream is not None
        self._sequence += 1
        payload = m.frame_payload(self._sequence, self.last_input, 0, operations)
        await self.stream.send_bytes(payload)
        return payload

    async def until_drawn(self) -> None:
        """The client has acknowledged the last frame."""
        await self.until(lambda: any(each.sequence == self._sequence for each in self.of(m.Acknowledge)))

    async def lose_connection(self) -> None:
        """As a network does: no Close frame."""
        lost, self.stream = self.stream, None
        assert lost is not None
        assert lost._req is not None
        transport = lost._req.transport
        assert transport is not None
        transport.abort()

    async def until(self, condition, seconds: float = 20) -> None:  # type: ignore[no-untyped-def]
        async with self.changed:
            await asyncio.wait_for(self.changed.wait_for(condition), patient(seconds))

    def typed(self) -> list[str]:
        """What went down, in order."""
        return [each.text for each in self.inputs if isinstance(each, m.Key) and each.down]

    def of(self, kind: type[m.Message]) -> list[m.Message]:
        return [each for each in self.received if isinstance(each, kind)]

    def without_sequence(self, kind: type[m.Input]) -> list[m.Message]:
        return [replace(each, sequence=0) for each in self.inputs if isinstance(each, kind)]
