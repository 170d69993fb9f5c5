"""Whether the kernel killed something of the session because its memory limit was reached.

Both versions of cgroups count such kills: `memory.oom_control` of version 1, `memory.events` of version 2, each with a
line `oom_kill N`.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from pathlib import Path

CGROUP2 = Path("/sys/fs/cgroup")


def kills(groups: Iterable[str], own_cgroups: Path = Path("/proc/self/cgroup")) -> int:
    """In these cgroups, and in the one of version 2 that this process is in."""
    files = [Path(group, "memory.oom_control") for group in groups]
    files += [CGROUP2 / path.lstrip("/") / "memory.events" for path in _version_2(own_cgroups)]
    return sum(map(_counted, files))


def _version_2(own_cgroups: Path) -> list[str]:
    with contextlib.suppress(OSError):
        lines = own_cgroups.read_text().splitlines()
        return [line.removeprefix("0::") for line in lines if line.startswith("0::")]
    return []


def _counted(file: Path) -> int:
    with contextlib.suppress(OSError, ValueError):
        for line in file.read_text().splitlines():
            name, _, count = line.partition(" ")
            if name == "oom_kill":
                return int(count)
    return 0
