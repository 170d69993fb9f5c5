"""Every message of the wire (docs/protocol.md 1) as a frozen value; its annotations say how fields are coded.

`encode` joins messages into the payload of one WebSocket message; `decode` gives back those it knows and
skips the others. The worker's frames do not pass `encode`: `frame_payload` joins operations that are bytes.
"""

from __future__ import annotations

import struct
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Annotated, Any, ClassVar, Final, TypeVar, get_type_hints

from portcullis.errors import ProtocolError
from portcullis.protocol.wire import (
    HEADER_BYTES,
    MAXIMUM_BODY_BYTES,
    MAXIMUM_TO_CLIENT_BYTES,
    Boolean,
    Codec,
    Fixed,
    Integer,
    Reader,
    Remainder,
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

U8 = Annotated[int, Integer("B")]
U16 = Annotated[int, Integer("H")]
I16 = Annotated[int, Integer("h")]
U32 = Annotated[int, Integer("I")]
U64 = Annotated[int, Integer("Q")]
Flag = Annotated[bool, Boolean()]
Side = Annotated[int, Integer("H", 1)]
DisplaySide = Annotated[int, Integer("H", 1, 16384)]
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


T = TypeVar("T", bound="Body")


@dataclass(frozen=True, slots=True)
class Body:
    """A row of fields, decoded and encoded in their order. Bytes behind them are a later version's."""

    @classmethod
    def decode_body(cls: type[T], body: bytes) -> T:
        reader = Reader(body)
        values: dict[str, Any] = {}
        for name, codec in _fields(cls):
            values[name] = codec.decode(reader, values)
        return cls(**values)

    def encode_body(self) -> bytes:
        return b"".join(codec.encode(getattr(self, name)) for name, codec in _fields(type(self)))


_FIELDS: dict[type[Body], tuple[tuple[str, Codec], ...]] = {}


def _fields(cls: type[Body]) -> tuple[tuple[str, Codec], ...]:
    known = _FIELDS.get(cls)
    if known is None:
        hints = get_type_hints(cls, include_extras=True)
        known = tuple((field.name, hints[field.name].__metadata__[0]) for field in fields(cls))
        _FIELDS[cls] = known
    return known


# --- Operations of a FRAME


@dataclass(frozen=True, slots=True)
class Operation(Body):
    KIND: ClassVar[int]


@dataclass(frozen=True, slots=True)
class TileZstd(Operation):
    KIND: ClassVar[int] = 0x01
    x: U16
    y: U16
    width: Side
    height: Side
    data: Annotated[bytes, Remainder()]


@dataclass(frozen=True, slots=True)
class Fill(Operation):
    KIND: ClassVar[int] = 0x02
    x: U16
    y: U16
    width: Side
    height: Side
    red: U8
    green: U8
    blue: U8


@dataclass(frozen=True, slots=True)
class UnknownOperation:
    """A kind of a later version: not drawn, and a reason to ask for REFRESH."""

    kind: int
    body: bytes


AnyOperation = TileZstd | Fill | UnknownOperation
_OPERATIONS: dict[int, type[TileZstd] | type[Fill]] = {cls.KIND: cls for cls in (TileZstd, Fill)}


class _Operations:
    _count = struct.Struct("<H")

    def decode(self, reader: Reader, earlier: Mapping[str, Any]) -> tuple[AnyOperation, ...]:
        count = reader.unpack(self._count)[0]
        return tuple(self._decode_one(reader) for _ in range(count))

    def encode(self, value: tuple[AnyOperation, ...]) -> bytes:
        if len(value) > 0xFFFF:
            raise ProtocolError("too many operations in one frame")
        return self._count.pack(len(value)) + b"".join(map(_encode_operation, value))

    def _decode_one(self, reader: Reader) -> AnyOperation:
        kind, body = reader.take_framed()
        cls = _OPERATIONS.get(kind)
        return UnknownOperation(kind, body) if cls is None else cls.decode_body(body)


def _encode_operation(operation: AnyOperation) -> bytes:
    if isinstance(operation, UnknownOperation):
        return pack_header(operation.kind, len(operation.body)) + operation.body
    body = operation.encode_body()
    return pack_header(operation.KIND, len(body)) + body


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
class Frame(Message):
    TYPE: ClassVar[int] = 0x20
    MAXIMUM_BODY: ClassVar[int] = MAXIMUM_TO_CLIENT_BYTES - HEADER_BYTES
    sequence: U32
    last_input: U32
    captured_us: U64
    operations: Annotated[tuple[AnyOperation, ...], _Operations()]


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
    Frame,
    Resized,
    Cursor,
    CursorUse,
    Title,
    Acknowledge,
    Resize,
    Refresh,
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
        Acknowledge,
        Resize,
        Refresh,
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
    """A FRAME of operations that `tile_operation` and `fill_operation` made: one join, no copy before it."""
    parts = [b"", *operations]
    length = _FRAME_HEAD.size + sum(map(len, parts))
    head = pack_header(Frame.TYPE, length)
    parts[0] = head + _FRAME_HEAD.pack(sequence, last_input, captured_us, len(parts) - 1)
    return b"".join(parts)


def tile_operation(x: int, y: int, width: int, height: int, data: bytes) -> bytes:
    head = pack_header(TileZstd.KIND, _BOX.size + len(data))
    return head + _BOX.pack(x, y, width, height) + data


def fill_operation(x: int, y: int, width: int, height: int, rgb: bytes) -> bytes:
    return pack_header(Fill.KIND, _BOX.size + 3) + _BOX.pack(x, y, width, height) + rgb


_FRAME_HEAD = struct.Struct("<IIQH")
_BOX = struct.Struct("<HHHH")


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
