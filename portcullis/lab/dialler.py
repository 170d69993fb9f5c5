"""Which part a connection on this machine comes from, by whose socket its other end is.

The kernel's table names the socket's inode and account; a part's process has that inode among its descriptors, and a
session's worker has an account that its host's agent made. Needs root: other accounts' descriptors are looked at.
"""

from __future__ import annotations

import contextlib
import pwd
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

READINGS = 12
_TABLE = Path("/proc/net/tcp")


class Dialled(NamedTuple):
    """A connection, by the port that it comes from and the one that it was dialled at."""

    port: int
    door: int


@dataclass(frozen=True, slots=True)
class Socket:
    uid: int
    inode: str


def find_sockets(table: str, dialled: Collection[Dialled]) -> dict[Dialled, Socket]:
    """In the text of /proc/net/tcp: the diallers' ends of these connections over the loopback address.

    A dialler's port alone says nothing: the kernel gives one port to several connections that lead to different doors,
    and lists those for a minute that are over.
    """
    wanted = {(_loopback(each.port), _loopback(each.door)): each for each in dialled}
    found = {}
    for line in table.splitlines()[1:]:
        words = line.split(None, 10)
        if len(words) > 9 and (each := wanted.get((words[1], words[2]))) is not None:
            found[each] = Socket(int(words[7]), words[9])
    return found


def _loopback(port: int) -> str:
    return f"0100007F:{port:04X}"


def _sockets(dialled: Collection[Dialled]) -> dict[Dialled, Socket]:
    """The kernel writes its table piece by piece, so one that stands may be left out while others come and go."""
    found: dict[Dialled, Socket] = {}
    for _ in range(READINGS):
        found |= find_sockets(_TABLE.read_text(), dialled)
        if len(found) == len(dialled):
            break
    return found


class Diallers:
    """`pids` is a folder of files `<part>.pid`; `prefixes`: part -> how the accounts of its sessions begin."""

    def __init__(self, pids: Path, prefixes: Mapping[str, str]) -> None:
        self._pids = pids
        self._prefixes = prefixes

    def parts_of(self, dialled: Collection[Dialled]) -> dict[Dialled, str]:
        """Those that a part has dialled. Everything is read for all of them together."""
        if not dialled:
            return {}
        holders: dict[str, str] | None = None
        parts = {}
        for each, dialler in _sockets(dialled).items():
            part = self._agent_of(dialler.uid) if dialler.uid != 0 else None
            if part is None:
                holders = self._holders() if holders is None else holders
                part = holders.get(f"socket:[{dialler.inode}]")
            if part is not None:
                parts[each] = part
        return parts

    def _agent_of(self, uid: int) -> str | None:
        try:
            name = pwd.getpwuid(uid).pw_name
        except KeyError:
            return None
        return next((part for part, prefix in self._prefixes.items() if name.startswith(prefix)), None)

    def _holders(self) -> dict[str, str]:
        """Which part has a descriptor, by what the descriptor is."""
        return {what: part for part, pid in self._processes() for what in descriptors(pid)}

    def _processes(self) -> Iterable[tuple[str, int]]:
        for path in self._pids.glob("*.pid"):
            with contextlib.suppress(OSError, ValueError):
                yield path.stem, int(path.read_text())


def descriptors(pid: int) -> Iterator[str]:
    """What the descriptors of a process are; nothing of one that has just ended."""
    with contextlib.suppress(OSError):
        for path in Path(f"/proc/{pid}/fd").iterdir():
            with contextlib.suppress(OSError):
                yield str(path.readlink())
