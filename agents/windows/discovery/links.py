"""A link of the start menu and what it starts, as the shell reads it (IShellLink). On Windows alone.

Links are not resolved: the shell would search disks and the network for what has moved. Where a link names no program
on a disk of this machine, it is none: one into the network would have this machine sign in at whoever wrote it.
"""

from __future__ import annotations

import ctypes
import ntpath
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agents.windows.discovery.command_line import arguments_of

PROGRAMS = (".exe", ".com", ".bat", ".cmd")
CONSOLES = (".msc",)

_LOCAL = re.compile(r"[A-Za-z]:\\[^*?<>|\"\x00-\x1f]+")
_UNINSTALLER = re.compile(r"unins\w*\.exe|uninstall\w*\.exe|msiexec\.exe", re.IGNORECASE)
_FIXED = 3  # DRIVE_FIXED
_HAS_DARWIN_ID = 0x1000  # SLDF_HAS_DARWINID
_RAW_PATH = 4  # SLGP_RAWPATH
_LONGEST = 4096


@dataclass(frozen=True, slots=True)
class Link:
    command: tuple[str, ...]
    comment: str
    working_directory: str
    icon_file: str
    """Where its icon is, and which one: the n-th, or -n: the one with this number."""
    icon_index: int


def read(path: Path, is_there: Callable[[str], bool] | None = None) -> Link | None:
    """None for a link that starts no program here. Raises OSError."""
    import pythoncom
    from win32com.shell import shell

    try:
        link = pythoncom.CoCreateInstance(
            shell.CLSID_ShellLink, None, pythoncom.CLSCTX_INPROC_SERVER, shell.IID_IShellLink
        )
        link.QueryInterface(pythoncom.IID_IPersistFile).Load(str(path))
        target = _advertised(path) if _is_advertised(link) else _expanded(link.GetPath(_RAW_PATH)[0])
        command = command_of(target, link.GetArguments())
        if not command or not (is_there or is_program_here)(target):
            return None
        icon_file, icon_index = link.GetIconLocation()
        icon = _expanded(icon_file)
        return Link(
            tuple(command),
            link.GetDescription(),
            _local(_expanded(link.GetWorkingDirectory())),
            _local(icon) or target,
            icon_index if _local(icon) else 0,
        )
    except pythoncom.com_error as exc:
        raise OSError(f"{path.name}: {exc}") from exc


def command_of(target: str, arguments: str) -> Sequence[str]:
    """What starts it; nothing where it is no program, or takes one away. Pure."""
    if not _local(target) or _UNINSTALLER.fullmatch(ntpath.basename(target)) or len(arguments) > _LONGEST:
        return ()
    kind = ntpath.splitext(target)[1].lower()
    if kind in PROGRAMS:
        return (target, *arguments_of(arguments))
    if kind in CONSOLES:
        return ("mmc.exe", target, *arguments_of(arguments))
    return ()


def is_program_here(target: str) -> bool:
    """A file on a disk of this machine."""
    drive_type: int = ctypes.windll.kernel32.GetDriveTypeW(target[:3])  # type: ignore[attr-defined,unused-ignore]
    return drive_type == _FIXED and Path(target).is_file()


def _local(path: str) -> str:
    return path if len(path) <= 1024 and _LOCAL.fullmatch(path) and ".." not in path.split("\\") else ""


def _expanded(path: str) -> str:
    import win32api

    path = path.strip().strip('"')
    return str(win32api.ExpandEnvironmentStrings(path)) if "%" in path else path


def _is_advertised(link: Any) -> bool:
    """Windows Installer keeps where its program is; the link itself leads to a picture."""
    from win32com.shell import shell

    return bool(link.QueryInterface(shell.IID_IShellLinkDataList).GetFlags() & _HAS_DARWIN_ID)


def _advertised(path: Path) -> str:
    """Empty when it is not installed."""
    msi = ctypes.windll.msi  # type: ignore[attr-defined,unused-ignore]
    product, feature, component = (ctypes.create_unicode_buffer(40 if n != 1 else 64) for n in range(3))
    if msi.MsiGetShortcutTargetW(str(path), product, feature, component) != 0:
        return ""
    target = ctypes.create_unicode_buffer(1024)
    length = ctypes.c_uint32(len(target))
    state = msi.MsiGetComponentPathW(product, component, target, ctypes.byref(length))
    return target.value if state == 3 else ""  # INSTALLSTATE_LOCAL
