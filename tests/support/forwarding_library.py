"""A Windows library that only passes on: `forwarding_library("a.dll", {"Function": "ADVAPI32.Other"})` is its file.

Wine 8 has no bcryptprimitives.dll, whose one documented function, ProcessPrng, is what everything written in Rust takes
its random bytes from. Advapi32's SystemFunction036 (RtlGenRandom) does the same of the same arguments.

The format: Microsoft, PE Format. One section holds the export directory, whose addresses point back into it: that makes
them names of other libraries' functions ("forwarder RVA").
"""

from __future__ import annotations

import struct
from collections.abc import Mapping

_SECTION, _FILE_STEP = 0x1000, 0x200
_MACHINE_X64, _IS_LIBRARY, _LARGE_ADDRESSES, _EXECUTABLE = 0x8664, 0x2000, 0x20, 0x2
_INITIALISED, _READABLE = 0x40, 0x40000000
_PE32_PLUS, _DIRECTORIES, _GRAPHICAL = 0x20B, 16, 2
_RELOCATABLE, _NO_EXECUTION = 0x40, 0x100


def forwarding_library(name: str, functions: Mapping[str, str]) -> bytes:
    exports = _export_directory(name, dict(sorted(functions.items())))
    raw = _padded(exports, _FILE_STEP)
    section = struct.pack("<8sIIIIIIHHI", b".edata", len(exports), _SECTION, len(raw), _FILE_STEP, 0, 0, 0, 0,
                          _INITIALISED | _READABLE)  # fmt: skip
    file_header = struct.pack("<HHIIIHH", _MACHINE_X64, 1, 0, 0, 0, 112 + 8 * _DIRECTORIES,
                              _IS_LIBRARY | _LARGE_ADDRESSES | _EXECUTABLE)  # fmt: skip
    optional = struct.pack(
        "<HBBIIIIIQIIHHHHHHIIIIHHQQQQII",
        *(_PE32_PLUS, 0, 0, 0, len(raw), 0, 0, _SECTION),
        *(0x180000000, _SECTION, _FILE_STEP),
        *(6, 0, 0, 0, 6, 0, 0),
        *(_SECTION * 2, _FILE_STEP, 0, _GRAPHICAL, _RELOCATABLE | _NO_EXECUTION),
        *(1 << 20, 1 << 12, 1 << 20, 1 << 12, 0, _DIRECTORIES),
    )
    directories = struct.pack("<II", _SECTION, len(exports)).ljust(8 * _DIRECTORIES, b"\0")
    dos = b"MZ".ljust(60, b"\0") + struct.pack("<I", 64)
    return _padded(dos + b"PE\0\0" + file_header + optional + directories + section, _FILE_STEP) + raw


def _export_directory(name: str, functions: Mapping[str, str]) -> bytes:
    count, head = len(functions), 40
    addresses, names, ordinals = head, head + 4 * count, head + 8 * count
    text, places = b"", []
    for each in (name, *functions, *functions.values()):
        places.append(_SECTION + head + 10 * count + len(text))
        text += each.encode() + b"\0"
    tables = struct.pack("<IIHHIIIIIII", 0, 0, 0, 0, places[0], 1, count, count,
                         *(_SECTION + table for table in (addresses, names, ordinals)))  # fmt: skip
    tables += struct.pack(f"<{count}I", *places[1 + count :])
    tables += struct.pack(f"<{count}I", *places[1 : 1 + count])
    return tables + struct.pack(f"<{count}H", *range(count)) + text


def _padded(data: bytes, step: int) -> bytes:
    return data.ljust(-(-len(data) // step) * step, b"\0")
