"""The file format of icons (`.ico`), made of the resources of a program. Pure.

A group resource has 14 bytes an entry, the last two the number of the picture's resource; a file has 16, the last four
where in the file the picture begins. Everything else is the same in both.
"""

from __future__ import annotations

import struct
from collections.abc import Callable

HEADER = struct.Struct("<HHH")
IN_GROUP = struct.Struct("<BBBBHHIH")
IN_FILE = struct.Struct("<BBBBHHII")
ICON = 1
MAXIMUM_PICTURES = 64
MAXIMUM_BYTES = 2 << 20


def file_of(group: bytes, picture: Callable[[int], bytes]) -> bytes:
    """`picture`: the bytes of the resource of this number; those that are empty are left out. Raises ValueError when
    none is left, or it does not become small enough."""
    if len(group) < HEADER.size:
        raise ValueError("the group ends too early")
    _, kind, count = HEADER.unpack_from(group)
    if kind != ICON or not 0 < count <= MAXIMUM_PICTURES or len(group) < HEADER.size + count * IN_GROUP.size:
        raise ValueError("no group of icons")
    entries = [IN_GROUP.unpack_from(group, HEADER.size + n * IN_GROUP.size) for n in range(count)]
    found = [(entry, content) for entry in entries if (content := picture(entry[-1]))]
    if not found or sum(len(content) for _, content in found) > MAXIMUM_BYTES:
        raise ValueError("no pictures, or too large ones")
    offset = HEADER.size + len(found) * IN_FILE.size
    table, pictures = b"", b""
    for entry, content in found:
        table += IN_FILE.pack(*entry[:6], len(content), offset + len(pictures))
        pictures += content
    return HEADER.pack(0, ICON, len(found)) + table + pictures
