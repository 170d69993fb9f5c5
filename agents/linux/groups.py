"""Grouping the processes of a session: limits, and a handle to freeze and kill them all.

Three backends; `detect` takes the first that this host has:

- `scope`: systemd is process 1 and cgroups are of version 2. The leader is started inside a transient scope, or
  put into one, which holds the limits (scopes.py). Its arguments are tested, but it has not been run.
- `cgroup1`: the controllers `freezer`, `memory`, `pids` and `cpu` of version 1, as far as they are mounted and
  writable.
- `rlimits`: neither. Limits hold per process or account; ending relies on the leader being the reaper of all.

Worker and display are in the freezer alone: the application's limits must not starve them. What holds by default, and
what each backend lacks: docs/limits.md.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from agents.linux import scopes

MEGABYTE = 1 << 20
OPEN_FILES = 65536
CPU_SHARES = 512
"""Of all that a session's user runs, together; one display or worker has 1024."""
CPU_PERIOD_MICROSECONDS = 100_000
SHARED_MEMORY_MB = 1024
RUNTIME_MB = 64
CONTROLLERS = ("freezer", "memory", "pids", "cpu")


@dataclass(frozen=True, slots=True)
class Limits:
    """Of one session's user processes. 0: no limit."""

    memory_mb: int
    processes: int
    cpu_percent: int = 0
    """Of one core; 200: two cores."""
    tmp_mb: int = 1024
    """Of /tmp. 0: the host's own /tmp, shared by all."""

    def quarters(self) -> dict[str, int]:
        """Megabytes of each private folder in memory: they count as memory, and must not be all of it."""
        most = self.memory_mb // 4 or SHARED_MEMORY_MB
        tmp = min(self.tmp_mb, self.memory_mb // 4 or self.tmp_mb)
        return {
            "tmp": tmp,
            "shared_memory": min(SHARED_MEMORY_MB, most),
            "runtime": min(RUNTIME_MB, most),
        }


@dataclass(frozen=True, slots=True)
class Group:
    """What the leader does to put processes into a group, and how the leader itself is started."""

    prefix: tuple[str, ...] = ()
    """Before the leader's command line."""
    enter: tuple[str, ...] = ()
    """Before the process id of a leader that runs already, and scopes.NO_MORE. Both empty: it enters by itself."""
    worker: tuple[str, ...] = ()
    """cgroup folders that display and worker join."""
    user: tuple[str, ...] = ()
    """cgroup folders that the user's processes join."""
    values: Mapping[str, str] = field(default_factory=dict)
    """Kernel file -> what to write."""
    rlimits: Mapping[str, int] = field(default_factory=dict)
    """Name of an RLIMIT -> its value, for the user's processes."""
    quarters: Mapping[str, int] = field(default_factory=dict)
    """Megabytes of the user's private folders; without any, the host's own are used."""

    def to_json(self) -> dict[str, object]:
        return {
            "folders": list(dict.fromkeys((*self.worker, *self.user))),
            "worker": list(self.worker),
            "user": list(self.user),
            "values": dict(self.values),
            "quarters": dict(self.quarters),
        }


@dataclass(frozen=True, slots=True)
class Backend:
    """`name` is scope, cgroup1 or rlimits; `folders`: controller of version 1 -> where groups are made."""

    name: str
    folders: Mapping[str, Path] = field(default_factory=dict)

    is_root: bool = True

    def group(self, session: str, limits: Limits) -> Group:
        group = self._group(session, limits)
        return replace(group, quarters=limits.quarters()) if self.is_root else group

    def _group(self, session: str, limits: Limits) -> Group:
        if self.name == "scope":
            return scope(session, limits)
        if self.name == "cgroup1":
            return cgroup1(session, limits, self.folders)
        return rlimits(limits)


def scope(session: str, limits: Limits) -> Group:
    bounds = limits.memory_mb, limits.processes, limits.cpu_percent
    return Group(
        prefix=scopes.begin_command(session, *bounds),
        enter=scopes.enter_command(session, *bounds),
        rlimits=_file_limit(),
    )


def cgroup1(session: str, limits: Limits, folders: Mapping[str, Path]) -> Group:
    """`folders`: controller -> its own folder to make groups in; any of them may be missing."""
    own = {controller: str(folder / f"portcullis-{session}") for controller, folder in folders.items()}
    values = {}
    if "memory" in own and limits.memory_mb:
        limit = str(limits.memory_mb * MEGABYTE)
        values[f"{own['memory']}/memory.limit_in_bytes"] = limit
        with_swap = "memory.memsw.limit_in_bytes"  # not every kernel counts swap
        if (folders["memory"] / with_swap).exists():
            values[f"{own['memory']}/{with_swap}"] = limit
    if "pids" in own and limits.processes:
        values[f"{own['pids']}/pids.max"] = str(limits.processes)
    if "cpu" in own:
        values |= _cpu_values(own["cpu"], limits)
    freezer = (own["freezer"],) if "freezer" in own else ()
    user = tuple(own[controller] for controller in CONTROLLERS[1:] if controller in own)
    without_pids = {} if "pids" in own else _process_limit(limits)
    without_memory = {} if "memory" in own else _data_limit(limits)
    own_limits = {**_file_limit(), **without_pids, **without_memory}
    return Group(worker=freezer, user=(*freezer, *user), values=values, rlimits=own_limits)


def _cpu_values(folder: str, limits: Limits) -> dict[str, str]:
    """A share, so that a swarm of processes weighs as much as one; and a ceiling if one is set."""
    values = {f"{folder}/cpu.shares": str(CPU_SHARES)}
    if limits.cpu_percent:
        values[f"{folder}/cpu.cfs_period_us"] = str(CPU_PERIOD_MICROSECONDS)
        values[f"{folder}/cpu.cfs_quota_us"] = str(limits.cpu_percent * CPU_PERIOD_MICROSECONDS // 100)
    return values


def rlimits(limits: Limits) -> Group:
    return Group(rlimits={**_file_limit(), **_process_limit(limits), **_data_limit(limits)})


def detect(root: Path = Path("/")) -> Backend:
    if (root / "run/systemd/system").is_dir() and (root / "sys/fs/cgroup/cgroup.controllers").exists():
        return Backend("scope")
    folders = cgroup1_folders(
        (root / "proc/self/mountinfo").read_text(), (root / "proc/self/cgroup").read_text()
    )
    writable = {name: path for name, path in folders.items() if os.access(path, os.W_OK)}
    return Backend("cgroup1", writable) if "freezer" in writable else Backend("rlimits")


def unprivileged() -> Backend:
    """Without root: systemd's scopes and cgroups belong to others, whatever this host has."""
    return Backend("rlimits", is_root=False)


def cgroup1_folders(mountinfo: str, own_cgroups: str) -> dict[str, Path]:
    """controller -> this process's own folder in its hierarchy, from the two files of /proc/self."""
    own: dict[str, str] = {}
    for line in own_cgroups.splitlines():
        _, controllers, path = line.split(":", 2)
        own.update(dict.fromkeys(controllers.split(","), path))
    found: dict[str, Path] = {}
    for line in mountinfo.splitlines():
        before, _, after = line.partition(" - ")
        kind, _, options = after.split(" ", 2)
        if kind != "cgroup":
            continue
        mount_root, mount_point = before.split(" ")[3:5]
        for controller in CONTROLLERS:
            if controller in options.split(","):
                relative = os.path.relpath(own.get(controller, "/"), mount_root)
                found[controller] = Path(mount_point) / ("" if relative.startswith("..") else relative)
    return found


def _file_limit() -> dict[str, int]:
    return {"nofile": OPEN_FILES}


def _data_limit(limits: Limits) -> dict[str, int]:
    """Of each process alone. Not RLIMIT_AS, which counts the address space that browsers reserve and never use."""
    return {"data": limits.memory_mb * MEGABYTE} if limits.memory_mb else {}


def _process_limit(limits: Limits) -> dict[str, int]:
    """Per account, so over all sessions of a user on this host."""
    return {"nproc": limits.processes} if limits.processes else {}
