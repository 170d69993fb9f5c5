"""Pictures to send: small, real ones."""

from __future__ import annotations

import struct
import zlib

SIGNATURE = b"\x89PNG\r\n\x1a\n"


def png(width: int = 48, height: int = 48, shade: int = 0, *, size: tuple[int, int] | None = None) -> bytes:
    """One colour. `size`: what the header says, should it not be the truth."""
    header = struct.pack(">IIBBBBB", *(size or (width, height)), 8, 6, 0, 0, 0)
    pixels = zlib.compress((b"\0" + bytes([shade, shade, shade, 255]) * width) * height, 9)
    return SIGNATURE + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND")


def chunk(kind: bytes, body: bytes = b"") -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
