"""A row of fields on the wire: what messages and operations have in common (docs/protocol.md 1).

The annotations of a frozen value say how its fields are coded, in their order.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Annotated, Any, TypeVar, get_type_hints

from portcullis.protocol.wire import Boolean, Codec, Integer, Reader

U8 = Annotated[int, Integer("B")]
U16 = Annotated[int, Integer("H")]
I16 = Annotated[int, Integer("h")]
U32 = Annotated[int, Integer("I")]
U64 = Annotated[int, Integer("Q")]
Flag = Annotated[bool, Boolean()]
Side = Annotated[int, Integer("H", 1)]
DisplaySide = Annotated[int, Integer("H", 1, 16384)]

T = TypeVar("T", bound="Body")


@dataclass(frozen=True, slots=True)
class Body:
    """A row of fields, decoded and encoded in their order. Bytes behind them are a later version's."""

    @classmethod
    def decode_body(cls: type[T], body: bytes) -> T:
        return cls.take(Reader(body))

    @classmethod
    def take(cls: type[T], reader: Reader) -> T:
        values: dict[str, Any] = {}
        for name, codec in codecs_of(cls):
            values[name] = codec.decode(reader, values)
        return cls(**values)

    def encode_body(self) -> bytes:
        return b"".join(codec.encode(getattr(self, name)) for name, codec in codecs_of(type(self)))


class Repeated:
    """A count in one byte, from `lowest` to `highest`, then as many rows of fields."""

    def __init__(self, kind: type[Body], lowest: int, highest: int) -> None:
        self._kind = kind
        self._count = Integer("B", lowest, highest)

    def decode(self, reader: Reader, earlier: Mapping[str, Any]) -> tuple[Body, ...]:
        return tuple(self._kind.take(reader) for _ in range(self._count.decode(reader, earlier)))

    def encode(self, value: tuple[Body, ...]) -> bytes:
        return self._count.encode(len(value)) + b"".join(row.encode_body() for row in value)


_FIELDS: dict[type[Body], tuple[tuple[str, Codec], ...]] = {}


def codecs_of(cls: type[Body]) -> tuple[tuple[str, Codec], ...]:
    """The names and codecs of the fields, in their order."""
    known = _FIELDS.get(cls)
    if known is None:
        hints = get_type_hints(cls, include_extras=True)
        known = tuple((field.name, hints[field.name].__metadata__[0]) for field in fields(cls))
        _FIELDS[cls] = known
    return known
