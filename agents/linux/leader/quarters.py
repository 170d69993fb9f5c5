"""Private and bounded places for the user's programs: /tmp, /dev/shm and the runtime folder, each a tmpfs of its own.

They lie in a mount namespace that the bus, the window manager and the application share, and that vanishes with the
last of them: nothing to unmount, nothing left behind. What the programs fill is theirs alone: no other session, no
framebuffer (whose owner would be killed by SIGBUS), and not the host's own /run and /dev/shm. What they keep there
counts as their memory where a cgroup counts it.

Homes, and other folders of the disk that everybody may write to, are not bounded here: that is what a file system's
own quotas are for (docs/limits.md).
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import pwd
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

TEMPORARY = Path("/tmp")  # noqa: S108  # the folder itself
SHARED_MEMORY = Path("/dev/shm")  # noqa: S108
X11_SOCKETS = TEMPORARY / ".X11-unix"
INODES_A_MEGABYTE = 64

_CLONE_NEWNS = 0x20000
_RDONLY, _NOSUID, _NODEV, _REMOUNT, _BIND, _REC, _SLAVE = 1, 2, 4, 32, 4096, 16384, 1 << 19
_libc = ctypes.CDLL(None, use_errno=True)


class Quarters(NamedTuple):
    """Descriptors of a mount namespace and of its root."""

    namespace: int
    root: int

    def enter(self) -> None:
        """For a process of one thread. Raises OSError."""
        _called(_libc.setns(self.namespace, _CLONE_NEWNS), "setns")
        # Joining moves the root to the namespace's own, which is another one where the host is a chroot.
        os.fchdir(self.root)
        os.chroot(".")
        os.chdir("/")


def make(
    folder: Path, user: pwd.struct_passwd, megabytes: Mapping[str, int], kept: Iterable[Path]
) -> Quarters:
    """`megabytes`: of `tmp`, `shared_memory` and `runtime`; 0 leaves the host's own. `kept`: what stays visible where
    it lies in a folder that is covered. Raises OSError; this process stays where it is then."""
    outer = _here()
    _called(_libc.unshare(_CLONE_NEWNS), "unshare")
    try:
        _mount(
            "none", Path("/"), None, _REC | _SLAVE
        )  # what the host mounts later is seen, nothing goes back
        _cover_temporary(megabytes["tmp"], (*kept, folder))
        _cover_shared_memory(megabytes["shared_memory"])
        _cover_runtime(folder / "user", user, megabytes["runtime"])
        return _here()
    finally:
        outer.enter()
        os.close(outer.namespace)
        os.close(outer.root)


def _here() -> Quarters:
    namespace = os.open("/proc/self/ns/mnt", os.O_RDONLY | os.O_CLOEXEC)
    return Quarters(namespace, os.open("/", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC))


def _cover_temporary(megabytes: int, kept: Iterable[Path]) -> None:
    if not megabytes:
        return
    with contextlib.ExitStack() as opened:
        sockets = opened.enter_context(_open(X11_SOCKETS))
        below = {path: opened.enter_context(_open(path)) for path in kept if path.is_relative_to(TEMPORARY)}
        _tmpfs(TEMPORARY, megabytes, "mode=1777")
        _bind(sockets, X11_SOCKETS)
        # Connecting needs no writing, and a user could fill the host's /tmp through it.
        _mount("none", X11_SOCKETS, None, _BIND | _REMOUNT | _RDONLY | _NOSUID | _NODEV)
        for path, fd in below.items():
            _bind(fd, path)


def _cover_shared_memory(megabytes: int) -> None:
    if megabytes and SHARED_MEMORY.is_dir():
        _tmpfs(SHARED_MEMORY, megabytes, "mode=1777")


def _cover_runtime(path: Path, user: pwd.struct_passwd, megabytes: int) -> None:
    """With what lies in it already: the X cookie."""
    if not megabytes:
        return
    files = {file.name: file.read_bytes() for file in path.iterdir() if file.is_file()}
    _tmpfs(path, megabytes, f"mode=0700,uid={user.pw_uid},gid={user.pw_gid}")
    for name, data in files.items():
        fd = os.open(path / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        with os.fdopen(fd, "wb") as file:
            os.fchown(fd, user.pw_uid, user.pw_gid)
            file.write(data)


def _tmpfs(path: Path, megabytes: int, more: str) -> None:
    options = f"size={megabytes}m,nr_inodes={megabytes * INODES_A_MEGABYTE},{more}"
    _mount("tmpfs", path, "tmpfs", _NOSUID | _NODEV, options)


@contextlib.contextmanager
def _open(path: Path) -> Iterator[int]:
    fd = os.open(path, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield fd
    finally:
        os.close(fd)


def _bind(fd: int, path: Path) -> None:
    before = os.umask(0o066)  # others pass through what leads there, and list none of it
    try:
        path.mkdir(parents=True, exist_ok=True)
    finally:
        os.umask(before)
    _mount(f"/proc/self/fd/{fd}", path, None, _BIND)


def _mount(source: str, path: Path, kind: str | None, flags: int, options: str = "") -> None:
    kind_bytes = None if kind is None else kind.encode()
    result = _libc.mount(source.encode(), os.fsencode(path), kind_bytes, flags, options.encode() or None)
    _called(result, f"mount {path}")


def _called(result: int, what: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
