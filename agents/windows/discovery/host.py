"""A look at what this host has installed, as a process with few rights (`__main__.py`). `agents.discovery` asks it.

The menu of the machine, and the one of who is signed in at its console: sessions run as that user.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from agents.discovery import LINE_BYTES, LOOK_SECONDS, Looks

log = logging.getLogger(__name__)

COMMAND = (sys.executable, "-I", "-B", "-m", "agents.windows.discovery")
NOBODYS_SESSION = 0xFFFFFFFF


class Discovery(Looks):
    def __init__(
        self,
        folders: Mapping[str, str] | None = None,
        command: Sequence[str] = COMMAND,
        monotonic: Callable[[], float] = time.monotonic,
        seconds: float = LOOK_SECONDS,
    ) -> None:
        """`folders`: of the menus, by words that ids begin with, if not those of this machine."""
        super().__init__(monotonic, seconds)
        self._folders = folders
        self._command = tuple(command)

    async def _places(self) -> Mapping[str, Any]:
        if self._folders is not None:
            return {"folders": dict(self._folders)}
        return {"folders": await asyncio.to_thread(menus)}

    async def _start(self) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            *self._command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            limit=LINE_BYTES,
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
        )

    async def _end(self, process: asyncio.subprocess.Process) -> None:
        """Its bounds keep it from starting others."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            process.kill()
        await process.wait()


def menus() -> dict[str, str]:
    """Raises OSError."""
    import pywintypes
    from win32com.shell import shell, shellcon

    try:
        found = {"machine": str(shell.SHGetKnownFolderPath(shellcon.FOLDERID_CommonPrograms, 0, None))}
    except pywintypes.error as exc:
        raise OSError(f"the start menu is not known: {exc}") from exc
    try:
        users = _menu_at_console()
    except pywintypes.error as exc:  # nobody is signed in, or this process may not ask
        log.debug("no user's start menu: %s", exc)
        users = None
    return {**found, "user": users} if users else found


def _menu_at_console() -> str | None:
    import win32ts
    from win32com.shell import shell, shellcon

    session = win32ts.WTSGetActiveConsoleSessionId()
    if session == NOBODYS_SESSION:
        return None
    token = win32ts.WTSQueryUserToken(session)
    try:
        return str(shell.SHGetKnownFolderPath(shellcon.FOLDERID_Programs, 0, token))
    finally:
        token.Close()
