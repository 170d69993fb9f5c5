"""What a process has used, from /proc/<pid>/stat (proc(5))."""

from __future__ import annotations

import os
from pathlib import Path

from agents.contracts import Usage

_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


def usage_of(pid: int) -> Usage:
    """Nothing, of one that has gone."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return Usage()
    return parse(text)


def proportional_bytes(pid: int) -> int:
    """Its memory, what it shares counted in proportion (PSS); 0 of one that has gone."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) * 1024


def parent_of(pid: int) -> int:
    """0 of one that has gone."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return 0
    return int(text.rpartition(")")[2].split()[1])


def parse(stat: str) -> Usage:
    """The second field is the program's name in brackets, and may hold anything."""
    fields = stat.rpartition(")")[2].split()
    user, system, resident_pages = int(fields[11]), int(fields[12]), int(fields[21])
    return Usage((user + system) / _TICKS, resident_pages * _PAGE_BYTES)
