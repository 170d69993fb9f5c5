"""A user's own copy of a template: made at the first launch, brought up to the template's newer versions.

Below FOLDER, in the user's home: `lock`; `prefix`, which is Wine's; `previous`, the one before the template changed;
`new`, one that is being made, and `next`, one that is whole and about to take the prefix's place. What was broken off
is begun anew. Runs as the user, and loads nothing but the standard library.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import shutil
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agents.linux.wine import registry
from agents.linux.wine.exit_codes import Trouble

STAMP = "portcullis.json"
BASE = "portcullis-user.reg"
"""The user's part of the registry as it was made: what differs from it, the user changed."""
REGISTRIES = ("system.reg", "user.reg", "userdef.reg")
DOCUMENTS = ("Desktop", "Documents", "Downloads", "Music", "Pictures", "Videos")
HOME_DRIVE = "h:"
SERVER = "wineserver"
"""Debian's Wine notes here which folder of /tmp its server is found in."""
_FICLONE = 0x40049409
_PIECE_BYTES = 1 << 24


@dataclass(frozen=True, slots=True)
class Template:
    """`prefix`: where it lies; `user`: whose profile it has."""

    name: str
    version: int
    user: str
    prefix: str


@dataclass(frozen=True, slots=True)
class Stamp:
    template: str
    version: int
    user: str
    """The name of the profile: it stays, whatever its owner is called later."""


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[int]:
    """Sessions have a /tmp each, so that Wine's own lock there would let two write to one registry. Whoever inherits
    the descriptor holds the lock. Raises Trouble."""
    with _told(folder):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        fd = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield fd
    except BlockingIOError as exc:
        raise Trouble("wine_prefix_busy", f"{folder} is in use") from exc
    finally:
        os.close(fd)


def ready(folder: Path, template: Template, user: str, home: Path) -> Stamp:
    """The prefix at FOLDER/prefix, made or brought up to date if need be. `user`: how a new one's profile is called.
    Raises Trouble."""
    prefix = folder / "prefix"
    with _told(folder):
        _finish(folder)
        if not os.path.lexists(prefix):
            stamp = _make(folder, template, user, home)
            (folder / "new").rename(prefix)
            return stamp
    stamp = judge(prefix)
    if stamp.version >= template.version:
        return stamp
    try:
        return _renew(folder, stamp, template, home)
    except OSError as exc:
        shutil.rmtree(folder / "new", ignore_errors=True)
        _finish(folder)
        print(f"the copy stays at version {stamp.version} of {template.name}: {exc}", flush=True)
        return judge(prefix)


def scale(prefix: Path, dots_per_inch: int) -> None:
    """Before Wine starts in it. Raises Trouble."""
    place, new = prefix / "user.reg", prefix / "user.reg.new"
    with _told(prefix.parent):
        before = place.read_bytes()
        if (after := registry.scaled(before, dots_per_inch)) != before:
            new.write_bytes(after)
            new.rename(place)


def judge(prefix: Path) -> Stamp:
    """Raises Trouble for one that Wine would refuse, or that has lost parts."""
    try:
        found = prefix.lstat()
    except OSError as exc:
        raise Trouble("wine_prefix_broken", str(exc)) from exc
    if stat.S_ISLNK(found.st_mode) or found.st_uid != os.geteuid():
        raise Trouble("wine_prefix_foreign", f"{prefix} belongs to user id {found.st_uid}, or is a link")
    try:
        whole = (prefix / "drive_c/windows").is_dir() and all(
            registry.is_registry((prefix / name).read_bytes()[:64]) for name in REGISTRIES[:2]
        )
        stamp = _stamp(json.loads((prefix / STAMP).read_text()))
    except (OSError, ValueError, KeyError, TypeError) as exc:
        raise Trouble("wine_prefix_broken", f"{prefix}: {exc!r}") from exc
    if not whole:
        raise Trouble("wine_prefix_broken", f"{prefix} has lost its registry or drive C:")
    return stamp


def program_file(prefix: Path, parts: tuple[str, ...]) -> Path | None:
    """Where drive C: has it, whatever the case of its letters; None where it does not."""
    place = prefix / "drive_c"
    for part in parts:
        try:
            names = os.listdir(place)  # noqa: PTH208  # names alone
        except OSError:
            return None
        wanted = part.casefold()
        found = part if part in names else next((each for each in names if each.casefold() == wanted), None)
        if found is None:
            return None
        place /= found
    return place if place.is_file() else None


def copy_tree(source: str, target: Path) -> None:
    """All of it, sharing blocks where the file system can, owned by whoever runs this. Raises OSError."""
    target.mkdir(mode=0o700)
    with os.scandir(source) as entries:
        for entry in entries:
            if entry.is_symlink():
                (target / entry.name).symlink_to(Path(entry.path).readlink())
            elif entry.is_dir():
                copy_tree(entry.path, target / entry.name)
            elif entry.is_file():
                copy_file(entry.path, target / entry.name)


def copy_file(source: str, target: Path) -> None:
    with open(source, "rb") as read, target.open("xb") as written:  # noqa: PTH123
        found = os.fstat(read.fileno())
        try:
            fcntl.ioctl(written, _FICLONE, read.fileno())
        except OSError as exc:
            if exc.errno in (errno.ENOSPC, errno.EDQUOT):
                raise
            while os.sendfile(written.fileno(), read.fileno(), None, _PIECE_BYTES):
                pass
        os.fchmod(written.fileno(), 0o600 | found.st_mode & 0o100)
        os.utime(written.fileno(), ns=(found.st_atime_ns, found.st_mtime_ns))


def _make(folder: Path, template: Template, user: str, home: Path) -> Stamp:
    """FOLDER/new, whole. Raises OSError."""
    new = folder / "new"
    shutil.rmtree(new, ignore_errors=True)
    copy_tree(template.prefix, new)
    _rename_profile(new, template.user, user)
    _link_documents(new / "drive_c/users" / user, home)
    _map_drives(new, home)
    copy_file(str(new / "user.reg"), new / BASE)
    stamp = Stamp(template.name, template.version, user)
    text = json.dumps({"template": stamp.template, "version": stamp.version, "user": stamp.user})
    (new / STAMP).write_text(text + "\n")
    return stamp


def _renew(folder: Path, before: Stamp, template: Template, home: Path) -> Stamp:
    """The template's newer version, with the user's profile and what the user changed of the registry."""
    prefix, new = folder / "prefix", folder / "new"
    stamp = _make(folder, template, before.user, home)
    texts = ((prefix / BASE).read_bytes(), (prefix / "user.reg").read_bytes(), (new / BASE).read_bytes())
    (new / "user.reg").write_bytes(registry.merged(*texts))
    profile = f"drive_c/users/{before.user}"
    _overlay(prefix / profile, new / profile)
    with contextlib.suppress(FileNotFoundError):
        shutil.rmtree(folder / "previous")
    new.rename(folder / "next")
    prefix.rename(folder / "previous")
    (folder / "next").rename(prefix)
    return stamp


def _finish(folder: Path) -> None:
    """What was broken off between two names."""
    prefix, whole = folder / "prefix", folder / "next"
    if os.path.lexists(prefix):
        shutil.rmtree(whole, ignore_errors=True)
    elif whole.is_dir():
        whole.rename(prefix)


def _rename_profile(prefix: Path, before: str, after: str) -> None:
    if before == after:
        return
    users = prefix / "drive_c/users"
    if (users / before).is_dir():
        shutil.rmtree(users / after, ignore_errors=True)
        (users / before).rename(users / after)
    for name in REGISTRIES:
        path = prefix / name
        if path.exists():
            path.write_bytes(registry.renamed(path.read_bytes(), before, after))


def _link_documents(profile: Path, home: Path) -> None:
    """What people keep lies in their home, where other programs find it, and not in a copy."""
    profile.mkdir(mode=0o700, parents=True, exist_ok=True)
    for name in DOCUMENTS:
        own, place = home / name, profile / name
        own.mkdir(mode=0o700, exist_ok=True)
        if place.is_symlink():
            place.unlink()
        elif place.is_dir():
            for path in place.iterdir():
                if not os.path.lexists(own / path.name):
                    shutil.move(path, own / path.name)  # samples that an installer put there
            shutil.rmtree(place)
        place.symlink_to(own)


def _map_drives(prefix: Path, home: Path) -> None:
    """C: and the home. Wine's own Z:, the whole host, goes."""
    devices = prefix / "dosdevices"
    shutil.rmtree(devices, ignore_errors=True)
    devices.mkdir(mode=0o700)
    (devices / "c:").symlink_to("../drive_c")
    (devices / HOME_DRIVE).symlink_to(home)


def _overlay(source: Path, target: Path) -> None:
    """What lies in `source` over what lies in `target`."""
    target.mkdir(mode=0o700, exist_ok=True)
    with os.scandir(source) as entries:
        for entry in entries:
            place = target / entry.name
            if entry.is_dir(follow_symlinks=False):
                if place.is_symlink() or place.is_file():
                    place.unlink()
                _overlay(Path(entry.path), place)
                continue
            if place.is_dir() and not place.is_symlink():
                shutil.rmtree(place)
            place.unlink(missing_ok=True)
            if entry.is_symlink():
                place.symlink_to(Path(entry.path).readlink())
            elif entry.is_file():
                copy_file(entry.path, place)


@contextlib.contextmanager
def _told(folder: Path) -> Iterator[None]:
    """Errors of the file system as what they mean to the launch."""
    try:
        yield
    except OSError as exc:
        if exc.errno in (errno.ENOSPC, errno.EDQUOT):
            shutil.rmtree(folder / "new", ignore_errors=True)
            raise Trouble("home_full", f"{folder}: {exc}") from exc
        if exc.errno in (errno.EACCES, errno.EPERM):
            raise Trouble("wine_prefix_foreign", f"{folder}: {exc}") from exc
        if exc.errno in (errno.ENOENT, errno.ESTALE):
            raise Trouble("wine_template_missing", f"the template went while it was copied: {exc}") from exc
        raise Trouble("wine_failed", f"{folder}: {exc}") from exc


def _stamp(data: dict[str, Any]) -> Stamp:
    user = str(data["user"])
    if not user or user != Path(user).name or user in (".", ".."):
        raise ValueError("a profile of no name")
    return Stamp(str(data["template"]), int(data["version"]), user)
