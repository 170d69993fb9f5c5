"""Where the agent keeps what on Windows: all of it below the folder for every user's application data, which the
system names, never an environment that somebody else may have set."""

from __future__ import annotations

import ctypes
import sys
from pathlib import Path, PureWindowsPath

_COMMON_APPLICATION_DATA = 0x23
_MAXIMUM_CHARACTERS = 260


def program_data() -> Path:
    """`%ProgramData%\\Portcullis`. Raises OSError."""
    return Path(PureWindowsPath(_common_application_data()) / "Portcullis")


def state() -> Path:
    """The host's key and certificate."""
    return program_data() / "agent"


def runtime() -> Path:
    """What is known of the sessions that run."""
    return program_data() / "run"


def logs() -> Path:
    return program_data() / "logs"


def config_file() -> Path:
    """Settings of the service; it may be absent."""
    return program_data() / "agent.yaml"


def _common_application_data() -> str:
    if sys.platform != "win32":
        raise OSError("there is no such folder but on Windows")
    found = ctypes.create_unicode_buffer(_MAXIMUM_CHARACTERS)
    status = ctypes.windll.shell32.SHGetFolderPathW(None, _COMMON_APPLICATION_DATA, None, 0, found)
    if status != 0:
        raise OSError(f"the system does not tell its folder of application data: {status:#x}")
    return found.value
