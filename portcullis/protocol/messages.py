"""Every message of the wire (docs/protocol.md 1) as a frozen value.

`encode` joins messages into the payload of one WebSocket message; `decode` gives back those it knows and
skips the others. The worker's frames do not pass `encode`: `frame_payload` joins operations that are bytes.
"""

from __future__ import annotations

import struct
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Final

from portcullis.errors import ProtocolError
from portcullis.protocol import small_frames
from portcullis.protocol.body import I16, U8, U16, U32, U64, Body, DisplaySide, Flag, Repeated
from portcullis.protocol.operations import AnyOperation, Operation, Operations
from portcullis.protocol.small_frames import SmallOperations, Varint
from portcullis.protocol.wire import (
    HEADER_BYTES,
    MAXIMUM_BODY_BYTES,
    MAXIMUM_TO_CLIENT_BYTES,
    Fixed,
    Integer,
    Reader,
    Text,
    pack_header,
    split,
)

MAXIMUM_CLIPBOARD_BYTES: Final = 1 << 20
MAXIMUM_CURSOR_PIXELS: Final = 128

PERMIT_INPUT: Final = 1
PERMIT_CLIPBOARD_IN: Final = 2
"""From client to application."""
PERMIT_CLIPBOARD_OUT: Final = 4
"""From application to client."""

SHIFT: Final = 1
CONTROL: Final = 2
ALT: Final = 4
META: Final = 8
ALT_GRAPH: Final = 16
CAPS_LOCK: Final = 1
NUM_LOCK: Final = 2

FEATURE_MONITORS: Final = 1
FEATURE_QUALITY: Final = 2

LIMIT_NONE, LIMIT_NETWORK, LIMIT_HOST, LIMIT_CLIENT = range(4)
"""What keeps a picture from being better."""
MAXIMUM_MONITORS: Final = 8

CursorSide = Annotated[int, Integer("H", 1, MAXIMUM_CURSOR_PIXELS)]
Ticket = Annotated[str, Text("H", 256)]
GrantText = Annotated[str, Text("H", 3072)]
Name = Annotated[str, Text("B", 32)]


class _CursorPixels:
    """RGBA of the width and height that stand before it."""

    def decode(self, reader: Reader, earlier: Mapping[str, Any]) -> bytes:
        return reader.take(earlier["width"] * earlier["height"] * 4)

    def encode(self, value: bytes) -> bytes:
        return value


# --- Messages


@dataclass(frozen=True, slots=True)
class Message(Body):
    TYPE: ClassVar[int]
    MAXIMUM_BODY: ClassVar[int] = MAXIMUM_BODY_BYTES


@dataclass(frozen=True, slots=True)
class AdmitTicket(Message):
    TYPE: ClassVar[int] = 0x01
    ticket: Ticket

    def __repr__(self) -> str:
        return "AdmitTicket(…)"


@dataclass(frozen=True, slots=True)
class AdmitGrant(Message):
    TYPE: ClassVar[int] = 0x02
    grant: GrantText


@dataclass(frozen=True, slots=True)
class Admitted(Message):
    TYPE: ClassVar[int] = 0x03
    grant: GrantText


@dataclass(frozen=True, slots=True)
class Challenge(Message):
    TYPE: ClassVar[int] = 0x10
    lowest_version: U8
    highest_version: U8
    nonce: Annotated[bytes, Fixed(32)]


@dataclass(frozen=True, slots=True)
class Proof(Message):
    TYPE: ClassVar[int] = 0x11
    version: U8
    last_acknowledged: U32
    signature: Annotated[bytes, Fixed(64)]


@dataclass(frozen=True, slots=True)
class Welcome(Message):
    TYPE: ClassVar[int] = 0x12
    version: U8
    e: U32
    r: U32
    width: U16
    height: U16
    maximum_width: U16
    maximum_height: U16
    permissions: U8
    last_input: U32


@dataclass(frozen=True, slots=True)
class GrantRenewal(Message):
    TYPE: ClassVar[int] = 0x13
    grant: GrantText


@dataclass(frozen=True, slots=True)
class Closing(Message):
    TYPE: ClassVar[int] = 0x14
    code: U16
    reason: Annotated[str, Text("H", 64)]


@dataclass(frozen=True, slots=True)
class Ping(Message):
    TYPE: ClassVar[int] = 0x15
    id: U32


@dataclass(frozen=True, slots=True)
class Pong(Message):
    TYPE: ClassVar[int] = 0x16
    id: U32


@dataclass(frozen=True, slots=True)
class Visibility(Message):
    TYPE: ClassVar[int] = 0x17
    visible: Flag


@dataclass(frozen=True, slots=True)
class Capabilities(Message):
    """What the client draws from the next frame on: bit k of `operations` stands for the kind k."""

    TYPE: ClassVar[int] = 0x18
    operations: U32
    video: U16


@dataclass(frozen=True, slots=True)
class Features(Message):
    TYPE: ClassVar[int] = 0x19
    features: U32


@dataclass(frozen=True, slots=True)
class Frame(Message):
    TYPE: ClassVar[int] = 0x20
    MAXIMUM_BODY: ClassVar[int] = MAXIMUM_TO_CLIENT_BYTES - HEADER_BYTES
    sequence: U32
    last_input: U32
    captured_us: U64
    operations: Annotated[tuple[AnyOperation, ...], Operations()]


@dataclass(frozen=True, slots=True)
class Resized(Message):
    TYPE: ClassVar[int] = 0x21
    width: DisplaySide
    height: DisplaySide


@dataclass(frozen=True, slots=True)
class Cursor(Message):
    TYPE: ClassVar[int] = 0x22
    MAXIMUM_BODY: ClassVar[int] = 2 * MAXIMUM_BODY_BYTES
    serial: U32
    hot_x: U16
    hot_y: U16
    width: CursorSide
    height: CursorSide
    rgba: Annotated[bytes, _CursorPixels()]

    def __post_init__(self) -> None:
        if len(self.rgba) != self.width * self.height * 4:
            raise ProtocolError("a cursor's pixels do not match its size")


@dataclass(frozen=True, slots=True)
class CursorUse(Message):
    TYPE: ClassVar[int] = 0x23
    serial: U32


@dataclass(frozen=True, slots=True)
class Title(Message):
    TYPE: ClassVar[int] = 0x24
    title: Annotated[str, Text("H", 1024)]


@dataclass(frozen=True, slots=True)
class Notice(Message):
    """What an administrator tells the user."""

    TYPE: ClassVar[int] = 0x26
    text: Annotated[str, Text("H", 2048)]


@dataclass(frozen=True, slots=True)
class Covered(Message):
    """Why the screen cannot be seen now; empty: it can."""

    TYPE: ClassVar[int] = 0x27
    reason: Name


@dataclass(frozen=True, slots=True)
class SmallFrame(Message):
    """A Frame in few bytes. The worker's own way is `small_frame_payload`."""

    TYPE: ClassVar[int] = small_frames.TYPE
    sequence: Annotated[int, Varint()]
    last_input: Annotated[int, Varint()]
    operations: Annotated[tuple[Operation, ...], SmallOperations()]


@dataclass(frozen=True, slots=True)
class Acknowledge(Message):
    TYPE: ClassVar[int] = 0x28
    sequence: U32
    drawn_after_us: U32


@dataclass(frozen=True, slots=True)
class Resize(Message):
    TYPE: ClassVar[int] = 0x29
    width: DisplaySide
    height: DisplaySide
    pixel_ratio_percent: U16


@dataclass(frozen=True, slots=True)
class Refresh(Message):
    TYPE: ClassVar[int] = 0x2A


@dataclass(frozen=True, slots=True)
class Monitor(Body):
    x: U16
    y: U16
    width: DisplaySide
    height: DisplaySide


@dataclass(frozen=True, slots=True)
class Monitors(Message):
    TYPE: ClassVar[int] = 0x2B
    pixel_ratio_percent: U16
    monitors: Annotated[tuple[Monitor, ...], Repeated(Monitor, 1, MAXIMUM_MONITORS)]


@dataclass(frozen=True, slots=True)
class WatchQuality(Message):
    TYPE: ClassVar[int] = 0x2C
    on: Flag


@dataclass(frozen=True, slots=True)
class Quality(Message):
    """What the worker knows of the stream, over the last second."""

    TYPE: ClassVar[int] = 0x2D
    round_trip_us: U32
    queueing_us: U32
    encoding_us: U32
    quality_percent: U16
    host_load_percent: U16
    limit: U8
    encoder: Annotated[str, Text("B", 64)]


@dataclass(frozen=True, slots=True)
class ViewReport(Message):
    """What the client knows of it. Times are 0 where there was nothing to time."""

    TYPE: ClassVar[int] = 0x2E
    milliseconds: U32
    frames: U32
    received_bytes: U32
    echo_median_us: U32
    echo_p95_us: U32
    drawing_us: U32


@dataclass(frozen=True, slots=True)
class Input(Message):
    """Numbered, so that a resume neither loses nor repeats it."""

    sequence: U32


@dataclass(frozen=True, slots=True)
class Key(Input):
    TYPE: ClassVar[int] = 0x30
    down: Flag
    modifiers: U8
    locks: U8
    code: Name
    text: Name


@dataclass(frozen=True, slots=True)
class CommittedText(Input):
    TYPE: ClassVar[int] = 0x31
    text: Annotated[str, Text("H", 4096)]


@dataclass(frozen=True, slots=True)
class Pointer(Input):
    TYPE: ClassVar[int] = 0x32
    x: U16
    y: U16
    buttons: U8
    modifiers: U8


@dataclass(frozen=True, slots=True)
class Wheel(Input):
    TYPE: ClassVar[int] = 0x33
    x: U16
    y: U16
    dx: I16
    dy: I16
    modifiers: U8


@dataclass(frozen=True, slots=True)
class ReleaseAll(Input):
    TYPE: ClassVar[int] = 0x34


@dataclass(frozen=True, slots=True)
class InputAcknowledge(Message):
    TYPE: ClassVar[int] = 0x38
    last_input: U32


@dataclass(frozen=True, slots=True)
class ClipboardText(Message):
    TYPE: ClassVar[int] = 0x40
    MAXIMUM_BODY: ClassVar[int] = MAXIMUM_CLIPBOARD_BYTES + MAXIMUM_BODY_BYTES - HEADER_BYTES
    serial: U32
    text: Annotated[str, Text("I", MAXIMUM_CLIPBOARD_BYTES)]

    def __repr__(self) -> str:
        return f"ClipboardText(serial={self.serial}, {len(self.text)} characters)"


MESSAGES: Final[tuple[type[Message], ...]] = (
    AdmitTicket,
    AdmitGrant,
    Admitted,
    Challenge,
    Proof,
    Welcome,
    GrantRenewal,
    Closing,
    Ping,
    Pong,
    Visibility,
    Capabilities,
    Features,
    Frame,
    Resized,
    Cursor,
    CursorUse,
    Title,
    Notice,
    Covered,
    SmallFrame,
    Acknowledge,
    Resize,
    Refresh,
    Monitors,
    WatchQuality,
    Quality,
    ViewReport,
    Key,
    CommittedText,
    Pointer,
    Wheel,
    ReleaseAll,
    InputAcknowledge,
    ClipboardText,
)
_BY_TYPE: Final = {cls.TYPE: cls for cls in MESSAGES}

FROM_CLIENT: Final[frozenset[type[Message]]] = frozenset(
    {
        Proof,
        GrantRenewal,
        Ping,
        Visibility,
        Capabilities,
        Acknowledge,
        Resize,
        Refresh,
        Monitors,
        WatchQuality,
        ViewReport,
        Key,
        CommittedText,
        Pointer,
        Wheel,
        ReleaseAll,
        ClipboardText,
    }
)
"""What a worker reads."""


def encode(*messages: Message) -> bytes:
    """The payload of one WebSocket message. Raises ProtocolError for a value that does not fit its field."""
    return b"".join(map(_encode_one, messages))


def decode(data: bytes, accepted: Collection[type[Message]] = MESSAGES) -> list[Message]:
    """The messages of one WebSocket message; those of unknown types are skipped.

    Raises ProtocolError, also for one that is not `accepted`: its body is not looked at.
    """
    return [_decode_one(_BY_TYPE[kind], body, accepted) for kind, body in split(data) if kind in _BY_TYPE]


def frame_payload(sequence: int, last_input: int, captured_us: int, operations: Iterable[bytes]) -> bytes:
    """A FRAME of operations that are bytes (portcullis/protocol/operations.py): one join, no copy before it."""
    parts = [b"", *operations]
    length = _FRAME_HEAD.size + sum(map(len, parts))
    head = pack_header(Frame.TYPE, length)
    parts[0] = head + _FRAME_HEAD.pack(sequence, last_input, captured_us, len(parts) - 1)
    return b"".join(parts)


_FRAME_HEAD = struct.Struct("<IIQH")


def _encode_one(message: Message) -> bytes:
    body = message.encode_body()
    if len(body) > message.MAXIMUM_BODY:
        raise ProtocolError("a message is too large")
    return pack_header(message.TYPE, len(body)) + body


def _decode_one(cls: type[Message], body: bytes, accepted: Collection[type[Message]]) -> Message:
    if cls not in accepted:
        raise ProtocolError(f"{cls.__name__} is not for this side")
    if len(body) > cls.MAXIMUM_BODY:
        raise ProtocolError("a message is too large")
    return cls.decode_body(body)
