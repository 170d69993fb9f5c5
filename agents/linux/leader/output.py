"""What the processes of a session print: a tail of each for the detail of its end, and one bounded log."""

from __future__ import annotations

import contextlib
import os
import time
from collections import deque
from pathlib import Path

MAXIMUM_LOG_BYTES = 1 << 20
LINE_CHARACTERS = 200


class SessionLog:
    """Begun anew when it is full, so that a noisy application cannot fill the disk."""

    def __init__(self, path: Path) -> None:
        self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o600)
        self._written = 0

    def write(self, text: str) -> None:
        """A full disk must not end the leader: the line is lost then."""
        line = f"{time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime())} {text}\n".encode()
        self._written += len(line)
        with contextlib.suppress(OSError):
            if self._written > MAXIMUM_LOG_BYTES:
                os.ftruncate(self._fd, 0)
                self._written = len(line)
            os.write(self._fd, line)


class Output:
    def __init__(self, log: SessionLog, name: str) -> None:
        self._log, self._name = log, name
        self._rest = b""
        self._tail: deque[str] = deque(maxlen=5)

    def feed(self, data: bytes) -> list[bytes]:
        """The lines that became whole."""
        *lines, rest = (self._rest + data).split(b"\n")
        self._rest = rest[-4096:]
        for line in lines:
            if text := _shown(line):
                self._tail.append(text)
                self._log.write(f"{self._name}: {text}")
        return lines

    def last_lines(self) -> str:
        """The last five lines, in one."""
        rest = _shown(self._rest)
        return " | ".join([*self._tail, *([rest] if rest else [])][-5:])


def _shown(line: bytes) -> str:
    return line.decode(errors="replace").strip()[:LINE_CHARACTERS]
