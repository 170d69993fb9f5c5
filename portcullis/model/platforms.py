"""Which operating system a published command is for. Pure.

A command that names a file as Windows does (`C:\\App\\app.exe`, `notepad.exe`, `\\\\server\\share\\app.exe`) runs on
Windows hosts alone, every other one on Linux hosts alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PureWindowsPath

WINDOWS = "windows"
"""The feature of a host whose agent runs on Windows."""
_SUFFIXES = frozenset({".exe", ".com", ".bat", ".cmd"})


def is_windows_program(command: Sequence[str]) -> bool:
    if not command:
        return False
    path = PureWindowsPath(command[0])
    return bool(path.drive) or "\\" in command[0] or path.suffix.lower() in _SUFFIXES
