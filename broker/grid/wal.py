"""Whether a write-ahead log of SQLite holds what was committed: SQLite itself reads up to the first frame that is not
sound, and says nothing of what it leaves out. Pure but for reading the file.

Source: sqlite.org/fileformat2.html 4. A log is a header of 32 bytes and frames of 24 bytes and a page each, all under
one running checksum; a frame belongs to the log when its salts are the header's, and ends a transaction when it states
the size of the database.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

_HEADER_BYTES = 32
_FRAME_HEAD_BYTES = 24
_LITTLE, _BIG = 0x377F0682, 0x377F0683
_MASK = 0xFFFFFFFF
_PAGE_SIZES = frozenset(1 << n for n in range(9, 17))


def is_damaged(path: Path) -> bool:
    """An absent log is sound, and so is one whose last transaction is torn: a crash leaves that, before it was
    acknowledged. More than that one cannot be torn, since each is synced before the next begins. Raises OSError."""
    try:
        with path.open("rb") as file:
            header = file.read(_HEADER_BYTES)
            frames = file.read()
    except FileNotFoundError:
        return False
    if not frames:
        return False  # nothing was committed through it
    checked = _header(header)
    return checked is None or _lost_commits(frames, *checked) > 1


def _header(header: bytes) -> tuple[str, int, bytes, tuple[int, int]] | None:
    """Byte order of the sums, page size, salts, sums so far; None when it is not sound."""
    magic, _, page_bytes = struct.unpack_from(">III", header)
    if magic not in (_LITTLE, _BIG) or page_bytes not in _PAGE_SIZES:
        return None
    order = "<" if magic == _LITTLE else ">"
    sums = _sums(order, header[:24], (0, 0))
    return (order, page_bytes, header[16:24], sums) if sums == struct.unpack_from(">II", header, 24) else None


def _lost_commits(frames: bytes, order: str, page_bytes: int, salts: bytes, sums: tuple[int, int]) -> int:
    """Transactions that end in or after the first frame that is not sound."""
    lost, is_sound = 0, True
    for frame in _cut(frames, _FRAME_HEAD_BYTES + page_bytes):
        if frame[8:16] != salts:
            is_sound = False  # of an older log, or damaged: what follows tells which
            continue
        if is_sound:
            sums = _sums(order, frame[24:], _sums(order, frame[:8], sums))
            is_sound = sums == struct.unpack_from(">II", frame, 16)
        if not is_sound and frame[4:8] != b"\0\0\0\0":
            lost += 1
    return lost


def _cut(frames: bytes, size: int) -> Iterator[bytes]:
    return (frames[start : start + size] for start in range(0, len(frames) - size + 1, size))


def _sums(order: str, data: bytes, sums: tuple[int, int]) -> tuple[int, int]:
    first, second = sums
    words = struct.unpack(f"{order}{len(data) // 4}I", data)
    for even, odd in zip(words[::2], words[1::2], strict=True):
        first = (first + even + second) & _MASK
        second = (second + odd + first) & _MASK
    return first, second
