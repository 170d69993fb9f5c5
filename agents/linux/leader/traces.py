"""Folders and files that a session needs, and their removal.

Below FOLDER (of root, 0711): `user/` and `worker/` (0700, each of its account) with one X cookie in two files, the
user's being XDG_RUNTIME_DIR as well; files for the window manager; `session.json`, what a sweep needs. The
framebuffer lies in a private folder on a tmpfs.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import pwd
import shutil
import stat
import struct
from pathlib import Path
from typing import Any

from agents.linux.leader.processes import is_alive, of_account

FRAMEBUFFER_ROOT = Path("/dev/shm")  # noqa: S108  # a tmpfs: Xvfb maps its framebuffer from a file there
X11_SOCKETS = Path("/tmp/.X11-unix")  # noqa: S108  # fixed by the X protocol's Unix transport
XAUTHORITY = "xauthority"
CGROUPS = Path("/sys/fs/cgroup")
_IPC_RMID = 0


def make_account_folder(path: Path, account: pwd.struct_passwd, cookie: bytes) -> None:
    path.mkdir(mode=0o700)
    write_owned(path / XAUTHORITY, _xauthority(cookie), account)
    os.chown(path, account.pw_uid, account.pw_gid)


def framebuffer_folder(session: str) -> Path:
    """Of a name that nobody can take beforehand."""
    return FRAMEBUFFER_ROOT / f"portcullis-{session}-{os.urandom(8).hex()}"


def make_framebuffer_folder(path: Path, worker: pwd.struct_passwd, framebuffer_bytes: int) -> None:
    """Raises OSError, also when there is no room: Xvfb would be killed by SIGBUS in the middle of drawing."""
    room = os.statvfs(FRAMEBUFFER_ROOT)
    if room.f_bavail * room.f_frsize < 2 * framebuffer_bytes:
        raise OSError(f"no room for a framebuffer in {FRAMEBUFFER_ROOT}")
    path.mkdir(mode=0o700)
    os.chown(path, worker.pw_uid, worker.pw_gid)


def make_x11_folder() -> None:
    """Where X servers listen: of root and sticky. Only root can make it so; without it Xvfb makes one of its own."""
    if os.geteuid() != 0:
        return
    with contextlib.suppress(FileExistsError):
        X11_SOCKETS.mkdir()
    fd = os.open(X11_SOCKETS, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        os.fchown(fd, 0, 0)
        os.fchmod(fd, 0o1777)
    finally:
        os.close(fd)


def write_owned(path: Path, data: bytes, account: pwd.struct_passwd) -> None:
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(fd, "wb") as file:
        os.fchown(fd, account.pw_uid, account.pw_gid)
        file.write(data)


def write_for_reading(path: Path, data: bytes) -> None:
    """By any account that may pass through the folder; a user that could write would fill the host's /run."""
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(fd, "wb") as file:
        os.fchmod(fd, 0o644)
        file.write(data)


def write_atomically(path: Path, value: dict[str, Any]) -> None:
    new = path.with_name(path.name + ".new")
    fd = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    with os.fdopen(fd, "w") as file:
        json.dump(value, file)
    new.rename(path)


def guessed(folder: Path) -> dict[str, Any]:
    """Facts of a session whose notes cannot be read, from its id: cgroups and framebuffer bear it in their names."""
    session = folder.name
    framebuffers = sorted(FRAMEBUFFER_ROOT.glob(f"portcullis-{session}*"))
    levels = ("*", "*/*", "*/*/*")
    groups = [str(path) for level in levels for path in CGROUPS.glob(f"{level}/portcullis-{session}")]
    facts: dict[str, Any] = {"session": session, "groups": groups}
    return {**facts, "framebuffer": str(framebuffers[0])} if framebuffers else facts


def remove(folder: Path, facts: dict[str, Any]) -> None:
    """All that the session left in the file system but `folder` itself and ended.json in it."""
    uids = facts.get("uids", {})
    if (display := facts.get("display")) is not None:
        number = display.removeprefix(":")
        lock = Path(f"/tmp/.X{number}-lock")  # noqa: S108
        if not _is_held(lock):
            for path in (X11_SOCKETS / f"X{number}", lock):
                _unlink_of(path, uids.get("worker"))
    for name in ("framebuffer", "framebuffer_before"):
        if (framebuffer := facts.get(name)) is not None:
            shutil.rmtree(framebuffer, ignore_errors=True)
    for path in folder.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        elif path.name != "ended.json":
            path.unlink(missing_ok=True)
    for group in facts.get("groups", ()):
        with contextlib.suppress(OSError):
            Path(group).rmdir()
    if (user := uids.get("user")) is not None and not of_account(user):
        _remove_shared_memory(user)


def _xauthority(cookie: bytes) -> bytes:
    """One entry of family FamilyWild (any display), as XauReadAuth reads it: lengths first, big endian."""
    name = b"MIT-MAGIC-COOKIE-1"
    return struct.pack(">HHHH", 0xFFFF, 0, 0, len(name)) + name + struct.pack(">H", len(cookie)) + cookie


def _is_held(lock: Path) -> bool:
    """Whether another X server has the number by now, perhaps under the same account: its lock holds its id."""
    try:
        return is_alive(int(lock.read_text()))
    except (OSError, ValueError):
        return False


def _unlink_of(path: Path, uid: int | None) -> None:
    """Only what is the session's own: another account may have taken the name meanwhile."""
    with contextlib.suppress(OSError):
        if path.lstat().st_uid == uid:
            path.unlink()


def _remove_shared_memory(uid: int) -> None:
    """What applications that were killed left of POSIX and System V shared memory.

    Never called where the user's account is the leader's own: the leader is a process of it.
    """
    for path in FRAMEBUFFER_ROOT.iterdir():
        with contextlib.suppress(OSError):
            found = path.lstat()
            if found.st_uid == uid and stat.S_ISREG(found.st_mode):
                path.unlink()
    header, *rows = (line.split() for line in Path("/proc/sysvipc/shm").read_text().splitlines())
    for row in rows:
        segment = dict(zip(header, row, strict=False))
        if int(segment["uid"]) == uid:
            ctypes.CDLL(None).shmctl(int(segment["shmid"]), _IPC_RMID, None)
