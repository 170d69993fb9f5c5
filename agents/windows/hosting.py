"""What the agent's settings come to on Windows."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator
from pathlib import Path

from agents.desktops.attachments import Attachments
from agents.desktops.rules import allowed_consents
from agents.settings import AgentSettings
from agents.windows import acl, paths
from agents.windows.interactive import Places
from agents.windows.launcher import WORKER_COMMAND, WindowsLauncher
from portcullis.errors import InvalidInput

log = logging.getLogger(__name__)

_SHARED_BY_NOBODY = 0
_READ_WRITE, _OPEN_ALWAYS, _DELETE_ON_CLOSE = 0xC0000000, 4, 0x04000000


def runtime_of(settings: AgentSettings) -> Path:
    """The folder that the settings name, unless that is the one for Linux, which is the default."""
    default = AgentSettings.__dataclass_fields__["runtime"].default
    return paths.runtime() if settings.runtime == default else settings.runtime


def launcher(settings: AgentSettings, runtime: Path, places: Places) -> WindowsLauncher:
    log.info("sessions run in the account of whoever is signed in to Windows, one at a time")
    worker_command = (*WORKER_COMMAND, "--log-format", settings.log_format)
    attachments = Attachments(allowed_consents(settings.desktops), ignores_case=True)
    return WindowsLauncher(runtime, places, worker_command, attachments=attachments)


@contextlib.contextmanager
def only_agent(runtime: Path) -> Iterator[Path]:
    """Two agents on one runtime folder would both lead its sessions. Windows closes what a dead one had opened. Raises
    InvalidInput, OSError."""
    import pywintypes
    import win32file

    acl.make_private(runtime)
    try:
        lock = win32file.CreateFile(
            str(runtime / "agent.lock"),
            _READ_WRITE,
            _SHARED_BY_NOBODY,
            None,
            _OPEN_ALWAYS,
            _DELETE_ON_CLOSE,
            None,
        )
    except pywintypes.error as exc:
        raise InvalidInput("--runtime", "a folder that no other agent uses") from exc
    try:
        yield runtime
    finally:
        lock.Close()
