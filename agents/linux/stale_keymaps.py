"""Keymaps that X servers left behind: one of another account under a display's number keeps that display from starting.

A server has its keymap compiled to /tmp/server-<number>.xkm, reads it and removes it (xkb/ddxLoad.c). One that is
killed meanwhile leaves the file, which in a sticky folder nobody but its owner and root can replace.
"""

from __future__ import annotations

import contextlib
import re
import time
from pathlib import Path

FOLDER = Path("/tmp")  # noqa: S108 the X server knows no other
_NAME = re.compile(r"server-[0-9]{1,10}\.xkm", re.ASCII)
_IN_USE_SECONDS = 10.0
"""Compiling takes a tenth of a second, and the server's own patience ends before this."""


def remove_stale_keymaps(folder: Path = FOLDER) -> None:
    """As far as this account may: root removes all of them, any other account its own."""
    before = time.time() - _IN_USE_SECONDS
    for path in folder.glob("server-*.xkm"):
        with contextlib.suppress(OSError):
            if _NAME.fullmatch(path.name) and path.lstat().st_mtime < before:
                path.unlink()
