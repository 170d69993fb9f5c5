"""The operations of a FRAME (docs/protocol.md 1.2): how a picture changes, in the order in which it is drawn.

The worker does not make values of its operations: the functions below give their bytes at once.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Final

from portcullis.errors import ProtocolError
from portcullis.protocol.body import U8, U16, Body, Flag, Side
from portcullis.protocol.wire import Integer, Reader, Remainder, Text, pack_header

CACHE_SLOTS: Final = 4096
MAXIMUM_CACHED_PIXELS: Final = 16384
"""Of one tile."""
CACHE_PIXELS: Final = 8 << 20
"""Of all slots."""
STREAMS: Final = 16

VIDEO_H264: Final = 1
"""4:2:0."""
VIDEO_H264_444: Final = 2
VIDEO_VP8: Final = 4
VIDEO_VP9: Final = 8
"""4:2:0."""

BT601: Final = 1
BT709: Final = 2
"""Both of limited range."""

Slot = Annotated[int, Integer("H", 0, CACHE_SLOTS - 1)]
Stream = Annotated[int, Integer("B", 0, STREAMS - 1)]
Colour = Annotated[int, Integer("B", BT601, BT709)]
Data = Annotated[bytes, Remainder()]
Rows = Annotated[int, Integer("B", 1)]
MOST_PALETTES: Final = 16
"""Of one tile."""
DEPTHS: Final = (1, 2, 4, 8)
"""Bits of an index."""


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
    data: Data


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
class Move(Operation):
    """What stands at (from_x, from_y) when its turn comes, to the box; the two may overlap."""

    KIND: ClassVar[int] = 0x03
    x: U16
    y: U16
    width: Side
    height: Side
    from_x: U16
    from_y: U16


@dataclass(frozen=True, slots=True)
class CachePut(Operation):
    KIND: ClassVar[int] = 0x04
    x: U16
    y: U16
    width: Side
    height: Side
    slot: Slot
    data: Data

    def __post_init__(self) -> None:
        if self.width * self.height > MAXIMUM_CACHED_PIXELS:
            raise ProtocolError("a tile too large for the cache")


@dataclass(frozen=True, slots=True)
class CacheDraw(Operation):
    KIND: ClassVar[int] = 0x05
    x: U16
    y: U16
    slot: Slot


@dataclass(frozen=True, slots=True)
class VideoConfig(Operation):
    """Starts a stream, or moves one: with codec and coded size as before its decoder goes on."""

    KIND: ClassVar[int] = 0x06
    stream: Stream
    colour: Colour
    x: U16
    y: U16
    width: Side
    height: Side
    coded_width: Side
    coded_height: Side
    codec: Annotated[str, Text("B", 32)]

    def __post_init__(self) -> None:
        if self.width > self.coded_width or self.height > self.coded_height:
            raise ProtocolError("a stream's box is larger than its pictures")


@dataclass(frozen=True, slots=True)
class Video(Operation):
    KIND: ClassVar[int] = 0x07
    stream: Stream
    is_key: Flag
    data: Data


@dataclass(frozen=True, slots=True)
class VideoEnd(Operation):
    KIND: ClassVar[int] = 0x08
    stream: Stream


@dataclass(frozen=True, slots=True)
class TileJpeg(Operation):
    KIND: ClassVar[int] = 0x09
    x: U16
    y: U16
    width: Side
    height: Side
    data: Data


@dataclass(frozen=True, slots=True)
class TileColumns(Operation):
    """As TileZstd, but in strips: one of `first` rows, then of `rows` each; a strip goes column by column."""

    KIND: ClassVar[int] = 0x0A
    x: U16
    y: U16
    width: Side
    height: Side
    first: Rows
    rows: Rows
    data: Data


@dataclass(frozen=True, slots=True)
class TileGrey(Operation):
    """As TileColumns, with one byte a pixel: red, green and blue are all that. Strips of one row are rows."""

    KIND: ClassVar[int] = 0x0B
    x: U16
    y: U16
    width: Side
    height: Side
    first: Rows
    rows: Rows
    data: Data


@dataclass(frozen=True, slots=True)
class TilePalette(Operation):
    """As TileColumns, with indexes of `depth` bits: each strip's into one of `palettes` palettes."""

    KIND: ClassVar[int] = 0x0C
    x: U16
    y: U16
    width: Side
    height: Side
    first: Rows
    rows: Rows
    depth: Annotated[int, Integer("B", DEPTHS[0], DEPTHS[-1])]
    palettes: Annotated[int, Integer("B", 1, MOST_PALETTES)]
    data: Data

    def __post_init__(self) -> None:
        if self.depth not in DEPTHS:
            raise ProtocolError(f"indexes of {self.depth} bits")


@dataclass(frozen=True, slots=True)
class UnknownOperation:
    """A kind of a later version: not drawn, and a reason to ask for REFRESH."""

    kind: int
    body: bytes


AnyOperation = Operation | UnknownOperation
OPERATIONS: Final[tuple[type[Operation], ...]] = (
    TileZstd,
    Fill,
    Move,
    CachePut,
    CacheDraw,
    VideoConfig,
    Video,
    VideoEnd,
    TileJpeg,
    TileColumns,
    TileGrey,
    TilePalette,
)
_BY_KIND: Final = {cls.KIND: cls for cls in OPERATIONS}


class Operations:
    """How many, then each with its kind and length."""

    _count = struct.Struct("<H")

    def decode(self, reader: Reader, earlier: Mapping[str, Any]) -> tuple[AnyOperation, ...]:
        count = reader.unpack(self._count)[0]
        return tuple(_decode_one(reader) for _ in range(count))

    def encode(self, value: tuple[AnyOperation, ...]) -> bytes:
        if len(value) > 0xFFFF:
            raise ProtocolError("too many operations in one frame")
        return self._count.pack(len(value)) + b"".join(map(_encode_one, value))


def _decode_one(reader: Reader) -> AnyOperation:
    kind, body = reader.take_framed()
    cls = _BY_KIND.get(kind)
    return UnknownOperation(kind, body) if cls is None else cls.decode_body(body)


def _encode_one(operation: AnyOperation) -> bytes:
    if isinstance(operation, UnknownOperation):
        return pack_header(operation.kind, len(operation.body)) + operation.body
    body = operation.encode_body()
    return pack_header(operation.KIND, len(body)) + body


# --- The worker's way: bytes at once


def tile_operation(x: int, y: int, width: int, height: int, data: bytes) -> bytes:
    head = pack_header(TileZstd.KIND, _BOX.size + len(data))
    return head + _BOX.pack(x, y, width, height) + data


def columns_operation(x: int, y: int, width: int, height: int, first: int, rows: int, data: bytes) -> bytes:
    head = pack_header(TileColumns.KIND, _COLUMNS.size + len(data))
    return head + _COLUMNS.pack(x, y, width, height, first, rows) + data


def grey_operation(x: int, y: int, width: int, height: int, first: int, rows: int, data: bytes) -> bytes:
    head = pack_header(TileGrey.KIND, _COLUMNS.size + len(data))
    return head + _COLUMNS.pack(x, y, width, height, first, rows) + data


def palette_operation(
    x: int, y: int, width: int, height: int, first: int, rows: int, depth: int, palettes: int, data: bytes
) -> bytes:
    head = pack_header(TilePalette.KIND, _INDEXED.size + len(data))
    return head + _INDEXED.pack(x, y, width, height, first, rows, depth, palettes) + data


def jpeg_operation(x: int, y: int, width: int, height: int, data: bytes) -> bytes:
    head = pack_header(TileJpeg.KIND, _BOX.size + len(data))
    return head + _BOX.pack(x, y, width, height) + data


def fill_operation(x: int, y: int, width: int, height: int, rgb: bytes) -> bytes:
    return pack_header(Fill.KIND, _BOX.size + 3) + _BOX.pack(x, y, width, height) + rgb


def move_operation(x: int, y: int, width: int, height: int, from_x: int, from_y: int) -> bytes:
    return pack_header(Move.KIND, _MOVE.size) + _MOVE.pack(x, y, width, height, from_x, from_y)


def cache_put_operation(x: int, y: int, width: int, height: int, slot: int, data: bytes) -> bytes:
    head = pack_header(CachePut.KIND, _CACHED.size + len(data))
    return head + _CACHED.pack(x, y, width, height, slot) + data


def cache_draw_operation(x: int, y: int, slot: int) -> bytes:
    return pack_header(CacheDraw.KIND, _DRAW.size) + _DRAW.pack(x, y, slot)


def video_operation(stream: int, data: bytes, *, is_key: bool) -> bytes:
    return pack_header(Video.KIND, _VIDEO.size + len(data)) + _VIDEO.pack(stream, is_key) + data


def operation_bytes(operation: Operation) -> bytes:
    """Of those that are rare: a stream's configuration and its end."""
    return _encode_one(operation)


_BOX = struct.Struct("<HHHH")
_MOVE = struct.Struct("<HHHHHH")
_CACHED = struct.Struct("<HHHHH")
_DRAW = struct.Struct("<HHH")
_COLUMNS = struct.Struct("<HHHHBB")
_INDEXED = struct.Struct("<HHHHBBBB")
_VIDEO = struct.Struct("<BB")
