"""Files that are on the disk, whole under their names, before whoever wrote them goes on."""

from __future__ import annotations

import os
import sys
from pathlib import Path

_CLOSES_AT_EXEC = getattr(os, "O_CLOEXEC", 0)  # Windows hands nothing on by itself


def replace_file(path: Path, text: str) -> None:
    """Mode 0600 (on Windows: as its folder is), whole or not at all, durable before it returns."""
    new = path.with_name(path.name + ".new")
    new.unlink(missing_ok=True)
    handle = os.open(new, os.O_CREAT | os.O_EXCL | os.O_WRONLY | _CLOSES_AT_EXEC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """The names in it are as durable as its files. Windows has no way to ask for that, and needs none on NTFS."""
    if sys.platform == "win32":
        return
    handle = os.open(folder, os.O_RDONLY | _CLOSES_AT_EXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
