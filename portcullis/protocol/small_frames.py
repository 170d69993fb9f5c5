"""SMALL_FRAME (docs/protocol.md 1.2): a FRAME of few operations in few bytes, as the echo of a key is.

What a FRAME says in fixed fields stands here in *varints*: seven bits a byte, the lowest first, the eighth bit set in
all but the last; at most five bytes. A letter that the client keeps takes 20 bytes instead of 48.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from typing import Any, Final

from portcullis.errors import ProtocolError
from portcullis.protocol import operations as o
from portcullis.protocol.body import codecs_of
from portcullis.protocol.wire import HEADER_BYTES, Codec, Integer, Reader, Remainder, pack_header

TYPE: Final = 0x25
MAXIMUM_OPERATIONS: Final = 127
CAPABILITY: Final = 1 << 31
"""The bit of CAPABILITIES' `operations` that says: SMALL_FRAME is read."""

_OPERATIONS: Final[dict[int, type[o.Operation]]] = {
    cls.KIND: cls
    for cls in (
        o.TileZstd,
        o.Fill,
        o.Move,
        o.CachePut,
        o.CacheDraw,
        o.TileColumns,
        o.TileGrey,
        o.TilePalette,
    )
}
_VARINT_BYTES = 5
_WORTH_BYTES = 4096
"""Above this a dozen bytes do not count."""


class Varint:
    """An unsigned integer from `lowest` to `highest`."""

    def __init__(self, lowest: int = 0, highest: int = 2**32 - 1) -> None:
        self.lowest = lowest
        self.highest = highest

    def decode(self, reader: Reader, earlier: Mapping[str, Any]) -> int:
        value = 0
        for position in range(_VARINT_BYTES):
            byte = reader.take(1)[0]
            value |= (byte & 0x7F) << 7 * position
            if byte < 0x80:
                return self._checked(value)
        raise ProtocolError("a varint of more than five bytes")

    def encode(self, value: int) -> bytes:
        return _varint(self._checked(value))

    def _checked(self, value: int) -> int:
        if not self.lowest <= value <= self.highest:
            raise ProtocolError(f"{value} is not within {self.lowest} and {self.highest}")
        return value


class SmallOperations:
    """How many, then each: its kind, and its fields in their order. Bytes have their length before them."""

    _count = Varint(0, MAXIMUM_OPERATIONS)

    def decode(self, reader: Reader, earlier: Mapping[str, Any]) -> tuple[o.Operation, ...]:
        return tuple(_decode_one(reader) for _ in range(self._count.decode(reader, earlier)))

    def encode(self, value: tuple[o.Operation, ...]) -> bytes:
        return self._count.encode(len(value)) + b"".join(map(_encode_one, value))


def small_frame_payload(sequence: int, last_input: int, operations: Sequence[bytes]) -> bytes | None:
    """A SMALL_FRAME of operations as `portcullis.protocol.operations` makes them; None where it is no gain."""
    if len(operations) > MAXIMUM_OPERATIONS or sum(map(len, operations)) > _WORTH_BYTES:
        return None
    parts = [b"", _varint(sequence), _varint(last_input), _varint(len(operations))]
    for operation in operations:
        layout = _LAYOUTS.get(operation[0])
        if layout is None:
            return None
        parts.append(_shortened(operation, layout))
    parts[0] = pack_header(TYPE, sum(map(len, parts)))
    return b"".join(parts)


def _shortened(operation: bytes, layout: tuple[struct.Struct, bool]) -> bytes:
    fields, has_data = layout
    short = bytearray(operation[:1])
    for value in fields.unpack_from(operation, HEADER_BYTES):
        short += _varint(value)
    if has_data:
        start = HEADER_BYTES + fields.size
        short += _varint(len(operation) - start)
        short += operation[start:]
    return bytes(short)


def _varint(value: int) -> bytes:
    if value < 0x80:
        return bytes((value,))
    short = bytearray()
    while value >= 0x80:
        short.append(value & 0x7F | 0x80)
        value >>= 7
    short.append(value)
    return bytes(short)


def _decode_one(reader: Reader) -> o.Operation:
    kind = reader.take(1)[0]
    cls = _OPERATIONS.get(kind)
    if cls is None:
        raise ProtocolError(f"an operation of kind {kind} in a small frame")
    values: dict[str, Any] = {}
    for name, codec in codecs_of(cls):
        values[name] = _decode_field(reader, codec, values)
    return cls(**values)


def _decode_field(reader: Reader, codec: Codec, earlier: Mapping[str, Any]) -> Any:
    if isinstance(codec, Integer):
        return Varint(codec.lowest, codec.highest).decode(reader, earlier)
    length = Varint(1).decode(reader, earlier)
    return reader.take(length)


def _encode_one(operation: o.Operation) -> bytes:
    if operation.KIND not in _OPERATIONS:
        raise ProtocolError(f"an operation of kind {operation.KIND} in a small frame")
    return _shortened(o.operation_bytes(operation), _LAYOUTS[operation.KIND])


def _layout(cls: type[o.Operation]) -> tuple[struct.Struct, bool]:
    """The fixed fields of an operation as the wire has them, and whether data follows."""
    form, has_data = "<", False
    for _, codec in codecs_of(cls):
        if isinstance(codec, Integer):
            form += codec.form
        else:
            has_data = isinstance(codec, Remainder)
    return struct.Struct(form), has_data


_LAYOUTS: Final = {kind: _layout(cls) for kind, cls in _OPERATIONS.items()}
