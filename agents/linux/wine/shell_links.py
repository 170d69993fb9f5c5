"""Shell links (.lnk), as far as a start menu needs them: which program of drive C:, with which arguments. Pure.

[MS-SHLLINK]: a header of 76 bytes, perhaps a list of item ids, perhaps LinkInfo with the path, then texts.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

_HEADER_BYTES = 0x4C
_CLASS = bytes.fromhex("0114020000000000c000000000000046")
_HAS_IDS, _HAS_INFO, _HAS_NAME, _HAS_RELATIVE, _HAS_FOLDER, _HAS_ARGUMENTS = 1, 2, 4, 8, 16, 32
_IS_UNICODE = 128
_UNICODE_INFO_BYTES = 0x24


@dataclass(frozen=True, slots=True)
class ShellLink:
    path: str
    """As Windows writes it; empty where the link leads to no file."""
    arguments: str


def read_link(data: bytes) -> ShellLink:
    """Raises ValueError."""
    try:
        return _read(data)
    except (struct.error, IndexError, UnicodeDecodeError) as exc:
        raise ValueError(f"no shell link: {exc!r}") from exc


def _read(data: bytes) -> ShellLink:
    if len(data) < _HEADER_BYTES or data[:4] != b"\x4c\0\0\0" or data[4:20] != _CLASS:
        raise ValueError("no shell link")
    (flags,) = struct.unpack_from("<I", data, 20)
    at = _HEADER_BYTES
    if flags & _HAS_IDS:
        at += 2 + struct.unpack_from("<H", data, at)[0]
    path = ""
    if flags & _HAS_INFO:
        (size,) = struct.unpack_from("<I", data, at)
        path = _path(data[at : at + size])
        at += size
    texts = {}
    for flag in (_HAS_NAME, _HAS_RELATIVE, _HAS_FOLDER, _HAS_ARGUMENTS):
        if flags & flag:
            texts[flag], at = _text(data, at, bool(flags & _IS_UNICODE))
    return ShellLink(path, texts.get(_HAS_ARGUMENTS, ""))


def _path(info: bytes) -> str:
    header, flags = struct.unpack_from("<4xII", info)
    if not flags & 1:  # on a network, or nowhere
        return ""
    if header >= _UNICODE_INFO_BYTES and (start := struct.unpack_from("<I", info, 28)[0]):
        end = start
        while info[end : end + 2] not in (b"\0\0", b""):
            end += 2
        return info[start:end].decode("utf-16-le")
    (start,) = struct.unpack_from("<I", info, 16)
    return info[start : info.index(b"\0", start)].decode("cp1252", "replace")


def _text(data: bytes, at: int, is_unicode: bool) -> tuple[str, int]:
    (count,) = struct.unpack_from("<H", data, at)
    at += 2
    end = at + count * (2 if is_unicode else 1)
    if end > len(data):
        raise ValueError("a text is cut short")
    return data[at:end].decode("utf-16-le" if is_unicode else "cp1252", "replace"), end
