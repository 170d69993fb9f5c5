"""What the processes of a session print: a tail of each for the detail of its end, and one bounded log."""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections import deque
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from agents.linux.leader.lines import parse

MAXIMUM_LOG_BYTES = 1 << 20
LINE_CHARACTERS = 8000
"""A worker's exception stands in one line."""
TAIL_CHARACTERS = 200
"""Of a line in the detail of a session's end."""


class SessionLog:
    """Begun anew when it is full, so that a noisy application cannot fill the disk."""

    def __init__(self, path: Path) -> None:
        self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o600)
        self._written = 0
        self._as_json = False
        self._ids: dict[str, str] = {}

    def belong_to(self, launch: Mapping[str, Any]) -> None:
        """From now on the leader's own lines name the session."""
        self.take_form(launch)
        ids = {"session": launch["session"], "reference": launch["about"].get("reference")}
        self._ids = {name: str(value) for name, value in ids.items() if value}

    def take_form(self, launch: Mapping[str, Any]) -> None:
        """From now on lines are written in the form that the worker's have."""
        self._as_json = launch["worker"]["command"][-2:] == ["--log-format", "json"]

    def write(self, part: str, text: str) -> None:
        """A full disk must not end the leader: the line is lost then."""
        line = self._line(part, text).encode(errors="replace")
        self._written += len(line)
        with contextlib.suppress(OSError):
            if self._written > MAXIMUM_LOG_BYTES:
                os.ftruncate(self._fd, 0)
                self._written = len(line)
            os.write(self._fd, line)

    def _line(self, part: str, text: str) -> str:
        moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        if self._as_json:
            if part == "worker" and parse(text.encode()):
                return text + "\n"  # it has all that, and more
            event = {"time": moment, "level": "info", "part": part, "message": text, **self._ids}
            return json.dumps(event) + "\n"
        ids = "".join(f" {name}={value}" for name, value in self._ids.items()) if part == "leader" else ""
        return f"{moment} {part}: {text}{ids}\n"


class Output:
    def __init__(self, log: SessionLog, name: str) -> None:
        self._log, self._name = log, name
        self._rest = b""
        self._tail: deque[str] = deque(maxlen=5)

    def feed(self, data: bytes) -> list[bytes]:
        """The lines that became whole."""
        *lines, rest = (self._rest + data).split(b"\n")
        self._rest = rest[-2 * LINE_CHARACTERS :]
        for line in lines:
            if text := _shown(line):
                self._tail.append(text[:TAIL_CHARACTERS])
                self._log.write(self._name, text)
        return lines

    def last_lines(self) -> str:
        """The last five lines, in one."""
        rest = _shown(self._rest)
        return " | ".join([*self._tail, *([rest[:TAIL_CHARACTERS]] if rest else [])][-5:])


def _shown(line: bytes) -> str:
    return line.decode(errors="replace").strip()[:LINE_CHARACTERS]
