"""Log files of the parts, kept small.

A part writes to its file itself (append mode), so that nothing is lost and nothing blocks when the supervisor is
gone. Turning the file over copies it and cuts it to nothing, which an appending writer does not notice.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from portcullis.quickstart.errors import QuickstartError

MAXIMUM_BYTES = 8 << 20
KEPT = 3


def open_log(path: Path) -> int:
    """A file descriptor for a part's output."""
    return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o640)


def turn_over(path: Path, maximum_bytes: int = MAXIMUM_BYTES, kept: int = KEPT) -> bool:
    """Move a grown file's content to `<name>.1`, the older ones one up. True if it was grown."""
    if not path.exists() or path.stat().st_size <= maximum_bytes:
        return False
    for number in range(kept - 1, 0, -1):
        older = numbered(path, number)
        if older.exists():
            older.replace(numbered(path, number + 1))
    shutil.copyfile(path, numbered(path, 1))
    os.truncate(path, 0)
    return True


def numbered(path: Path, number: int) -> Path:
    return path.with_name(f"{path.name}.{number}")


def tail(path: Path, lines: int) -> list[str]:
    """The last lines of a log, for a message about a part that does not come up."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - 65536))
            return file.read().decode(errors="replace").splitlines()[-lines:]
    except FileNotFoundError:
        return []


@contextlib.contextmanager
def last_words(folder: Path, lines: int) -> Iterator[None]:
    """A failure says how every log ends: what one has to know about it, and what a bug report needs."""
    try:
        yield
    except QuickstartError as exc:
        blocks = ["\n".join((f"--- {path}", *tail(path, lines))) for path in sorted(folder.glob("*.log"))]
        raise QuickstartError("\n".join((str(exc), *blocks))) from exc
