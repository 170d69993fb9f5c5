"""Framing of the wire (docs/protocol.md 1): bytes <-> (type, body), and the codecs that bodies are made of.

Knows no message; `portcullis.protocol.messages` does. Everything that is wrong with a peer's bytes, and every
value that does not fit its field, raises ProtocolError and nothing else.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from typing import Any, Protocol

from portcullis.errors import ProtocolError

MAXIMUM_TO_CLIENT_BYTES = 32 << 20
MAXIMUM_TO_WORKER_BYTES = (1 << 20) + (64 << 10)
MAXIMUM_MESSAGES = 1024
"""In one WebSocket message: bounds the work that one receipt causes; a resume repeats at most 512 inputs."""
MAXIMUM_BODY_BYTES = 64 << 10
"""Of a message whose type states no bound of its own."""

_HEADER = struct.Struct("<BBHI")
HEADER_BYTES = _HEADER.size


def pack_header(kind: int, length: int) -> bytes:
    """The head of a message or, being the same, of an operation in a FRAME."""
    return _HEADER.pack(kind, 0, 0, length)


def split(data: bytes, maximum_messages: int = MAXIMUM_MESSAGES) -> Iterator[tuple[int, bytes]]:
    """The (type, body) pairs of one WebSocket message, unknown types included."""
    if not data:
        raise ProtocolError("an empty WebSocket message")
    reader = Reader(data)
    for _ in range(maximum_messages):
        yield reader.take_framed()
        if reader.remaining == 0:
            return
    raise ProtocolError("too many messages in one WebSocket message")


class Reader:
    """Takes fields from the front of `data`; asking for more than is left is a ProtocolError."""

    __slots__ = ("_data", "_position")

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._position = 0

    @property
    def remaining(self) -> int:
        return len(self._data) - self._position

    def unpack(self, structure: struct.Struct) -> tuple[Any, ...]:
        start = self._position
        if structure.size > self.remaining:
            raise ProtocolError("a message ends inside a field")
        self._position = start + structure.size
        return structure.unpack_from(self._data, start)

    def take(self, length: int) -> bytes:
        if length > self.remaining:
            raise ProtocolError("a length reaches beyond its message")
        start = self._position
        self._position = start + length
        return self._data[start : self._position]

    def take_framed(self) -> tuple[int, bytes]:
        """A head (`pack_header`) and its body: a message or an operation."""
        kind, _flags, _reserved, length = self.unpack(_HEADER)
        return kind, self.take(length)


class Codec(Protocol):
    """One field. `earlier` holds the fields decoded before it, for a length that depends on them."""

    def decode(self, reader: Reader, earlier: Mapping[str, Any]) -> Any: ...

    def encode(self, value: Any) -> bytes: ...


class Integer:
    """A little-endian integer of the given struct format, from `lowest` to `highest`."""

    def __init__(self, form: str, lowest: int | None = None, highest: int | None = None) -> None:
        self.form = form
        self._structure = struct.Struct("<" + form)
        bits = self._structure.size * 8
        signed = form.islower()
        least, greatest = (-(1 << (bits - 1)), (1 << (bits - 1)) - 1) if signed else (0, (1 << bits) - 1)
        self.lowest = least if lowest is None else lowest
        self.highest = greatest if highest is None else highest

    def decode(self, reader: Reader, earlier: Mapping[str, Any]) -> int:
        value: int = reader.unpack(self._structure)[0]
        return self._checked(value)

    def encode(self, value: int) -> bytes:
        return self._structure.pack(self._checked(value))

    def _checked(self, value: int) -> int:
        if not self.lowest <= value <= self.highest:
            raise ProtocolError(f"{value} is not within {self.lowest} and {self.highest}")
        return value


class Boolean(Integer):
    def __init__(self) -> None:
        super().__init__("B", 0, 1)

    def decode(self, reader: Reader, earlier: Mapping[str, Any]) -> bool:
        return super().decode(reader, earlier) == 1


class Fixed:
    """Exactly `length` bytes."""

    def __init__(self, length: int) -> None:
        self.length = length

    def decode(self, reader: Reader, earlier: Mapping[str, Any]) -> bytes:
        return reader.take(self.length)

    def encode(self, value: bytes) -> bytes:
        if len(value) != self.length:
            raise ProtocolError(f"{len(value)} bytes where {self.length} belong")
        return value


class Text:
    """A length of the given struct format, then at most `maximum` bytes of UTF-8."""

    def __init__(self, form: str, maximum: int) -> None:
        self._length = struct.Struct("<" + form)
        self.maximum = maximum

    def decode(self, reader: Reader, earlier: Mapping[str, Any]) -> str:
        length = reader.unpack(self._length)[0]
        if length > self.maximum:
            raise ProtocolError(f"a string of {length} bytes; at most {self.maximum} are allowed")
        try:
            return reader.take(length).decode()
        except UnicodeDecodeError as exc:
            raise ProtocolError("a string is not UTF-8") from exc

    def encode(self, value: str) -> bytes:
        try:
            data = value.encode()
        except UnicodeEncodeError as exc:
            raise ProtocolError("a string is not Unicode text") from exc
        if len(data) > self.maximum:
            raise ProtocolError(f"a string of {len(data)} bytes; at most {self.maximum} are allowed")
        return self._length.pack(len(data)) + data


class Remainder:
    """All that is left of the body, at least one byte."""

    def decode(self, reader: Reader, earlier: Mapping[str, Any]) -> bytes:
        return self._checked(reader.take(reader.remaining))

    def encode(self, value: bytes) -> bytes:
        return self._checked(value)

    def _checked(self, value: bytes) -> bytes:
        if not value:
            raise ProtocolError("a body without its data")
        return value
