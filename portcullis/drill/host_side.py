"""What really arrived: the file that the application writes in its user's home, and whether its process lives on."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path


@dataclass(slots=True)
class Application:
    """The process that reads the terminal of one session, and its file."""

    pid: int
    started: str
    """By the kernel's clock: a number that was given anew is another process."""
    path: Path
    read: int = 0
    """Characters that were compared already."""

    @property
    def lives(self) -> bool:
        return start_of(self.pid) == self.started

    def news(self) -> str:
        """What was written since it was last taken."""
        return self.path.read_text(errors="replace")[self.read :]

    def take(self) -> str:
        found = self.news()
        self.read += len(found)
        return found


def find(homes: Iterable[Path], mark: str) -> Application | None:
    """Whose file begins with `mark`."""
    for folder in homes:
        for path in folder.glob("*/drill-typed.*"):
            pid = path.suffix.removeprefix(".")
            if pid.isdigit() and path.read_text(errors="replace").startswith(mark):
                started = start_of(int(pid))
                return Application(int(pid), started, path) if started else None
    return None


def start_of(pid: int) -> str:
    """Of a process that lives and is no zombie; else empty."""
    words = _stat(pid)
    return words[19] if len(words) > 19 and words[0] not in "ZX" else ""


def parent_of(pid: int) -> int:
    """0 when there is none."""
    words = _stat(pid)
    return int(words[1]) if len(words) > 1 else 0


def command_of(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return ""


def leader_of(pid: int) -> int:
    """The session's leader, above one of its processes; 0 when it is gone."""
    while pid > 1 and "agents/linux/leader" not in command_of(pid):
        pid = parent_of(pid)
    return pid if pid > 1 else 0


def worker_of(pid: int) -> int:
    """The worker of the session that the process belongs to; 0 when it is gone."""
    leader = leader_of(pid)
    for path in Path("/proc").glob("[0-9]*"):
        other = int(path.name)
        if leader and parent_of(other) == leader and "agents.worker" in command_of(other):
            return other
    return 0


def _stat(pid: int) -> list[str]:
    """Of /proc/<pid>/stat, from the state on: a name in brackets before it may hold blanks."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


@dataclass(frozen=True, slots=True)
class Difference:
    lost: int
    doubled: int
    """Anything that is there and was not typed: twice, or out of order."""


def compare(typed: str, found: str) -> Difference:
    if typed == found:
        return Difference(0, 0)
    lost = doubled = 0
    for tag, a, b, c, d in difflib.SequenceMatcher(None, typed, found, autojunk=False).get_opcodes():
        if tag != "equal":
            lost += b - a
            doubled += d - c
    return Difference(lost, doubled)
