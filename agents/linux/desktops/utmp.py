"""Who is signed in at a display, by the records of /run/utmp (utmp(5)). Pure.

Display managers write one a person, with the display as its line or its host. Only members of the group `utmp` can.
"""

from __future__ import annotations

import struct

_HEAD = struct.Struct("=h2xi32s4s32s256s")
"""Type, process, line, id, user, host; what follows differs between machines."""
_RECORD_BYTES = (384, 400)
"""Where a time has 32 bits (x86-64 too), and where it has 64."""
_USER_PROCESS = 7


def account_at(records: bytes, display: str) -> str:
    """The account that signed in last; empty: none."""
    found = ""
    size = next((size for size in _RECORD_BYTES if records and len(records) % size == 0), 0)
    for offset in range(0, len(records), size) if size else ():
        kind, _, line, _, user, host = _HEAD.unpack_from(records, offset)
        if kind == _USER_PROCESS and display in (_text(line), _text(host)):
            found = _text(user)
    return found


def _text(field: bytes) -> str:
    return field.split(b"\0")[0].decode(errors="replace")
