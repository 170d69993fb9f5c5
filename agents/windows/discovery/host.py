"""A look at what this host has installed, as a process with few rights (`__main__.py`). `agents.discovery` asks it.

The menu of the machine, and the one of who is signed in there: sessions run as that user.
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
from agents.windows import wts

log = logging.getLogger(__name__)

COMMAND = (sys.executable, "-I", "-B", "-m", "agents.windows.discovery")
ENDINGS, ENDING_SECONDS = 10, 0.5


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
        """Its bounds keep it from starting others. One that has hardly begun may not be ended yet (seen under Wine)."""
        if process.stdin is not None:
            process.stdin.close()
        for _ in range(ENDINGS):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                process.kill()
            try:
                async with asyncio.timeout(ENDING_SECONDS):
                    await process.wait()
                return
            except TimeoutError:
                continue
        log.error("the process that looked at what is installed cannot be ended: %d", process.pid)


def menus() -> dict[str, str]:
    """Raises OSError."""
    import pywintypes
    from win32com.shell import shell, shellcon

    try:
        found = {"machine": str(shell.SHGetKnownFolderPath(shellcon.FOLDERID_CommonPrograms, 0, None))}
    except pywintypes.error as exc:
        raise OSError(f"the start menu is not known: {exc}") from exc
    try:
        users = _menu_of_user()
    except (pywintypes.error, OSError) as exc:  # this process may not ask, or they have just signed out
        log.debug("no user's start menu: %s", exc)
        users = ""
    return {**found, "user": users} if users else found


def _menu_of_user() -> str:
    """Of who is signed in, at the console first; empty: nobody is."""
    import win32ts
    from win32com.shell import shell, shellcon

    found, console = wts.look()
    there = sorted((each for each in found if each.user), key=lambda each: (each.id != console, each.state))
    if not there:
        return ""
    token = win32ts.WTSQueryUserToken(there[0].id)
    try:
        return str(shell.SHGetKnownFolderPath(shellcon.FOLDERID_Programs, 0, token))
    finally:
        token.Close()
