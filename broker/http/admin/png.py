"""PNG as it may be served: checked chunk by chunk, and written anew of those that make the picture.

What others put beside it (text, profiles, what lies behind the end) goes; what the chunks hold is checked to be as much
as the header says before anybody's browser unpacks it. Nothing is decoded: pixels stay as they are, and what is clean
already stays byte for byte, so that its hash does. PNG Specification, third edition.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator

MAXIMUM_SIDE = 1024

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_DEPTHS = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
_PALETTE_COLOUR = 3
_ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
_KEPT = (b"PLTE", b"tRNS")


class Malformed(Exception):
    """It is no PNG, or a larger one than may be."""


def cleaned(data: bytes) -> bytes:
    """Raises Malformed."""
    if not data.startswith(_SIGNATURE):
        raise Malformed("no signature")
    header, packed = b"", bytearray()
    kept: dict[bytes, bytes] = {}
    for kind, body in _chunks(data):
        if kind == b"IHDR" and not header:
            header = body
        elif kind in _KEPT and not packed:
            kept.setdefault(kind, body)
        elif kind == b"IDAT":
            packed += body
        elif kind[0] & 32 == 0 and kind != b"IEND":
            raise Malformed("a critical chunk that nobody knows, or out of its place")
    size, colour = _measured(header)
    if colour == _PALETTE_COLOUR and not _is_palette(kept.get(b"PLTE", b"")):
        raise Malformed("no palette")
    _check_pixels(bytes(packed), size)
    bodies = [
        (b"IHDR", header),
        *((kind, kept[kind]) for kind in _KEPT if kind in kept),
        (b"IDAT", bytes(packed)),
    ]
    return _SIGNATURE + b"".join(_chunk(kind, body) for kind, body in [*bodies, (b"IEND", b"")])


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Up to the end, in their order. Raises Malformed."""
    place, is_first = len(_SIGNATURE), True
    while True:
        head = data[place : place + 8]
        if len(head) < 8:
            raise Malformed("it breaks off")
        length, kind = struct.unpack(">I4s", head)
        body, check = data[place + 8 : place + 8 + length], data[place + 8 + length : place + 12 + length]
        if len(check) < 4 or zlib.crc32(kind + body) != struct.unpack(">I", check)[0]:
            raise Malformed("a chunk is damaged")
        if is_first and (kind != b"IHDR" or length != 13):
            raise Malformed("no header")
        yield kind, body
        if kind == b"IEND":
            return
        place, is_first = place + 12 + length, False


def _measured(header: bytes) -> tuple[int, int]:
    """How many bytes the picture has once unpacked, and its colour type."""
    width, height, depth, colour, compression, filtering, interlace = struct.unpack(">IIBBBBB", header)
    fits = 1 <= width <= MAXIMUM_SIDE and 1 <= height <= MAXIMUM_SIDE
    if not fits or depth not in _DEPTHS.get(colour, ()) or compression or filtering or interlace > 1:
        raise Malformed("a header of no picture that is shown")
    bits = depth * _CHANNELS[colour]
    passes = _ADAM7 if interlace else ((0, 0, 1, 1),)
    total = 0
    for left, top, across, down in passes:
        columns, rows = -((left - width) // across), -((top - height) // down)
        if columns > 0 and rows > 0:
            total += rows * (1 + (columns * bits + 7) // 8)
    return total, colour


def _is_palette(palette: bytes) -> bool:
    return len(palette) in range(3, 769, 3)


def _check_pixels(packed: bytes, size: int) -> None:
    unpacking = zlib.decompressobj()
    try:
        pixels = unpacking.decompress(packed, size + 1)
    except zlib.error as exc:
        raise Malformed("its pixels cannot be unpacked") from exc
    if len(pixels) != size or not unpacking.eof or unpacking.unused_data:
        raise Malformed("it has more or fewer pixels than it says")


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
