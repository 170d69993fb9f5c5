"""Which part a connection on this machine comes from, by whose socket its other end is.

The kernel's table names the socket's inode and account; a part's process has that inode among its descriptors, and a
session's worker has an account that its host's agent made. Needs root: other accounts' descriptors are looked at.
"""

from __future__ import annotations

import contextlib
import pwd
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

_TABLE = Path("/proc/net/tcp")


@dataclass(frozen=True, slots=True)
class Socket:
    uid: int
    inode: str


def find_socket(table: str, port: int) -> Socket | None:
    """In the text of /proc/net/tcp: the socket that has this port of the loopback address as its own."""
    own = f"0100007F:{port:04X}"
    for line in table.splitlines()[1:]:
        words = line.split()
        if len(words) > 9 and words[1] == own and words[3] != "0A":  # 0A: a listener
            return Socket(int(words[7]), words[9])
    return None


class Diallers:
    """`pids` is a folder of files `<part>.pid`; `prefixes`: part -> how the accounts of its sessions begin."""

    def __init__(self, pids: Path, prefixes: Mapping[str, str]) -> None:
        self._pids = pids
        self._prefixes = prefixes

    def part_of(self, port: int) -> str | None:
        """None for what is no part."""
        found = find_socket(_TABLE.read_text(), port)
        if found is None:
            return None
        if found.uid != 0 and (agent := self._agent_of(found.uid)) is not None:
            return agent
        return next((part for part, pid in self._processes() if has_descriptor(pid, found.inode)), None)

    def _agent_of(self, uid: int) -> str | None:
        try:
            name = pwd.getpwuid(uid).pw_name
        except KeyError:
            return None
        return next((part for part, prefix in self._prefixes.items() if name.startswith(prefix)), None)

    def _processes(self) -> Iterable[tuple[str, int]]:
        for path in self._pids.glob("*.pid"):
            with contextlib.suppress(OSError, ValueError):
                yield path.stem, int(path.read_text())


def has_descriptor(pid: int, inode: str) -> bool:
    wanted = f"socket:[{inode}]"
    with contextlib.suppress(OSError):  # it has just ended
        for path in Path(f"/proc/{pid}/fd").iterdir():
            with contextlib.suppress(OSError):
                if str(path.readlink()) == wanted:
                    return True
    return False
