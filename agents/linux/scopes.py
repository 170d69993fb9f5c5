"""systemd's transient scopes: limits around a leader and all that descends from it.

A leader that is run anew is begun inside of its scope (systemd-run); one that was forked, and runs already, is put into
one by its process id. Both say the same, in words of systemd.resource-control(5) and of org.freedesktop.systemd1(5).
"""

from __future__ import annotations

import asyncio
from pathlib import Path

SLICE = "portcullis.slice"
STOP_SECONDS = 10
"""When the host stops: the leader then ends its session by itself."""
LOOK_SECONDS = 0.01
_MANAGER = ("org.freedesktop.systemd1", "/org/freedesktop/systemd1", "org.freedesktop.systemd1.Manager")
_MICROSECONDS = 1_000_000
_MEGABYTE = 1 << 20


def unit_of(session: str) -> str:
    return f"portcullis-session-{session}"


def begin_command(session: str, memory_mb: int, processes: int, cpu_percent: int) -> tuple[str, ...]:
    """What stands before a leader's command line. 0: no limit."""
    properties = [f"TimeoutStopSec={STOP_SECONDS}"]
    if memory_mb:
        properties += [f"MemoryMax={memory_mb}M", "MemorySwapMax=0"]
    if processes:
        properties.append(f"TasksMax={processes}")
    if cpu_percent:
        properties.append(f"CPUQuota={cpu_percent}%")
    return (
        "systemd-run",
        "--scope",
        "--quiet",
        "--collect",
        f"--unit={unit_of(session)}",
        f"--slice={SLICE}",
        *(f"--property={entry}" for entry in properties),
        "--",
    )


def enter_command(session: str, memory_mb: int, processes: int, cpu_percent: int) -> tuple[str, ...]:
    """What puts a process into a new scope; its id follows, and then NO_MORE."""
    properties = [
        ("Slice", "s", SLICE),
        ("CollectMode", "s", "inactive-or-failed"),
        ("TimeoutStopUSec", "t", str(STOP_SECONDS * _MICROSECONDS)),
    ]
    if memory_mb:
        properties += [("MemoryMax", "t", str(memory_mb * _MEGABYTE)), ("MemorySwapMax", "t", "0")]
    if processes:
        properties.append(("TasksMax", "t", str(processes)))
    if cpu_percent:
        properties.append(("CPUQuotaPerSecUSec", "t", str(cpu_percent * _MICROSECONDS // 100)))
    return (
        *("busctl", "call", *_MANAGER, "StartTransientUnit", "ssa(sv)a(sa(sv))"),
        *(f"{unit_of(session)}.scope", "fail", str(len(properties) + 1)),
        *(word for entry in properties for word in entry),
        *("PIDs", "au", "1"),
    )


NO_MORE = "0"
"""Of further units."""


async def until_in_scope(pid: int, session: str) -> None:
    """systemd answers before it has done it. Raises OSError when the process has ended."""
    while f"{unit_of(session)}.scope" not in Path(f"/proc/{pid}/cgroup").read_text():  # noqa: ASYNC110
        await asyncio.sleep(LOOK_SECONDS)
