"""The processes of a session: all that descend from its leader, by /proc.

A leader is the subreaper of its session, so nothing that was started there escapes it.
"""

from __future__ import annotations

import os
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from portcullis.protocol.acts import MAXIMUM_PROCESSES, Process

PROC = Path("/proc")


@dataclass(frozen=True, slots=True)
class _Stat:
    parent: int
    name: str
    ticks: int
    started_ticks: int
    pages: int


def processes_of(known: Mapping[str, int], proc: Path = PROC) -> Sequence[Process]:
    """`known`: what the leader started itself. The largest first; the leader is not among them. Raises OSError."""
    stats = {pid: stat for pid in _pids(proc) if (stat := _stat(proc / str(pid))) is not None}
    leaders = {stats[pid].parent for pid in known.values() if pid in stats} - {0, 1, os.getpid()}
    children: defaultdict[int, list[int]] = defaultdict(list)
    for pid, stat in stats.items():
        children[stat.parent].append(pid)
    found: list[int] = []
    waiting = [child for leader in leaders for child in children[leader]]
    while waiting:
        pid = waiting.pop()
        found.append(pid)
        waiting += children[pid]
    processes = [_process(proc, pid, stats[pid]) for pid in found]
    return sorted(processes, key=lambda process: -process.memory_bytes)[:MAXIMUM_PROCESSES]


def _process(proc: Path, pid: int, stat: _Stat) -> Process:
    ticks = os.sysconf("SC_CLK_TCK")
    booted = time.time() - time.clock_gettime(time.CLOCK_BOOTTIME)
    return Process(
        pid,
        stat.name,
        _command(proc / str(pid)),
        round(stat.ticks / ticks, 2),
        stat.pages * os.sysconf("SC_PAGE_SIZE"),
        round(booted + stat.started_ticks / ticks, 1),
    )


def _pids(proc: Path) -> list[int]:
    return [int(folder.name) for folder in proc.iterdir() if folder.name.isdigit()]


def _stat(folder: Path) -> _Stat | None:
    """None for one that has ended. Its name may hold anything, parentheses too: what follows the last one counts."""
    try:
        raw = (folder / "stat").read_bytes()
    except OSError:
        return None
    head, _, rest = raw.rpartition(b")")
    fields = rest.split()
    if len(fields) < 22:
        return None
    name = _text(head.partition(b"(")[2])[:64]
    return _Stat(
        int(fields[1]), name, int(fields[11]) + int(fields[12]), int(fields[19]), max(0, int(fields[21]))
    )


def _command(folder: Path) -> str:
    """The program alone. "" for a process that has ended, or has replaced its arguments by nothing."""
    try:
        with (folder / "cmdline").open("rb") as file:
            return _text(file.read(4096).split(b"\0")[0])[:256]
    except OSError:
        return ""


def _text(raw: bytes) -> str:
    return "".join(character for character in raw.decode("utf-8", "replace") if character.isprintable())
