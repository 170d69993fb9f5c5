"""Grouping the processes of a session: limits, and a handle to freeze and kill them all.

Three backends; `detect` takes the first that this host has:

- `scope`: systemd is process 1 and cgroups are of version 2. The leader is started inside a transient scope, which
  holds the limits. Its arguments are tested, but it has not been run.
- `cgroup1`: the controllers `freezer`, `memory` and `pids` of version 1, as far as they are mounted and writable.
- `rlimits`: neither. Limits hold per process or account; ending relies on the leader being the reaper of all.

Worker and display are in the freezer alone: the application's memory and process limits must not starve them.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

MEGABYTE = 1 << 20
OPEN_FILES = 65536


@dataclass(frozen=True, slots=True)
class Limits:
    """Of one session's user processes. 0: no limit."""

    memory_mb: int
    processes: int


@dataclass(frozen=True, slots=True)
class Group:
    """What the leader does to put processes into a group, and how the leader itself is started."""

    prefix: tuple[str, ...] = ()
    """Before the leader's command line."""
    worker: tuple[str, ...] = ()
    """cgroup folders that display and worker join."""
    user: tuple[str, ...] = ()
    """cgroup folders that the user's processes join."""
    values: Mapping[str, str] = field(default_factory=dict)
    """Kernel file -> what to write."""
    rlimits: Mapping[str, int] = field(default_factory=dict)
    """Name of an RLIMIT -> its value, for the user's processes."""

    def to_json(self) -> dict[str, object]:
        return {
            "folders": list(dict.fromkeys((*self.worker, *self.user))),
            "worker": list(self.worker),
            "user": list(self.user),
            "values": dict(self.values),
        }


@dataclass(frozen=True, slots=True)
class Backend:
    """`name` is scope, cgroup1 or rlimits; `folders`: controller of version 1 -> where groups are made."""

    name: str
    folders: Mapping[str, Path] = field(default_factory=dict)

    def group(self, session: str, limits: Limits) -> Group:
        if self.name == "scope":
            return scope(session, limits)
        if self.name == "cgroup1":
            return cgroup1(session, limits, self.folders)
        return rlimits(limits)


def scope(session: str, limits: Limits) -> Group:
    properties = ["TimeoutStopSec=10"]  # when the host stops: the leader then ends its session by itself
    if limits.memory_mb:
        properties.append(f"MemoryMax={limits.memory_mb}M")
    if limits.processes:
        properties.append(f"TasksMax={limits.processes}")
    return Group(
        prefix=(
            "systemd-run",
            "--scope",
            "--quiet",
            "--collect",
            f"--unit=portcullis-session-{session}",
            "--slice=portcullis.slice",
            *(f"--property={entry}" for entry in properties),
            "--",
        ),
        rlimits=_file_limit(),
    )


def cgroup1(session: str, limits: Limits, folders: Mapping[str, Path]) -> Group:
    """`folders`: controller -> its own folder to make groups in; any of them may be missing."""
    own = {controller: str(folder / f"portcullis-{session}") for controller, folder in folders.items()}
    values = {}
    if "memory" in own and limits.memory_mb:
        values[f"{own['memory']}/memory.limit_in_bytes"] = str(limits.memory_mb * MEGABYTE)
    if "pids" in own and limits.processes:
        values[f"{own['pids']}/pids.max"] = str(limits.processes)
    freezer = (own["freezer"],) if "freezer" in own else ()
    user = tuple(own[controller] for controller in ("memory", "pids") if controller in own)
    without_pids = {} if "pids" in own else _process_limit(limits)
    return Group(
        worker=freezer, user=(*freezer, *user), values=values, rlimits={**_file_limit(), **without_pids}
    )


def rlimits(limits: Limits) -> Group:
    """No limit of memory: RLIMIT_AS counts what browsers reserve and never use."""
    return Group(rlimits={**_file_limit(), **_process_limit(limits)})


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
    return Backend("rlimits")


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
        for controller in ("freezer", "memory", "pids"):
            if controller in options.split(","):
                relative = os.path.relpath(own.get(controller, "/"), mount_root)
                found[controller] = Path(mount_point) / ("" if relative.startswith("..") else relative)
    return found


def _file_limit() -> dict[str, int]:
    return {"nofile": OPEN_FILES}


def _process_limit(limits: Limits) -> dict[str, int]:
    """Per account, so over all sessions of a user on this host."""
    return {"nproc": limits.processes} if limits.processes else {}
