"""A look at what this host has installed, as a process without rights (`__main__.py`). `agents.discovery` asks it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from agents.discovery import LINE_BYTES, LOOK_SECONDS, Looks
from agents.linux import environment
from agents.linux.leader import processes
from agents.linux.leader.processes import MARKER
from portcullis.desktop.entries import EXPORTS
from portcullis.ids import new_id

log = logging.getLogger(__name__)

COMMAND = (sys.executable, "-I", "-B", "-m", "agents.linux.discovery")
DATA_FOLDERS = (Path("/usr/local/share"), Path("/usr/share"))
"""Of the sessions: they name no others."""
NOBODY = 65534
ENDINGS, ENDING_SECONDS = 20, 0.02


class Discovery(Looks):
    def __init__(
        self,
        folders: Sequence[Path] | None = None,
        command: Sequence[str] = COMMAND,
        monotonic: Callable[[], float] = time.monotonic,
        seconds: float = LOOK_SECONDS,
    ) -> None:
        """`folders`: the data folders, if not those of this machine."""
        super().__init__(monotonic, seconds)
        self._folders = folders
        self._command = tuple(command)
        self._mark = ""

    async def _places(self) -> Mapping[str, Any]:
        folders = self._folders if self._folders is not None else data_folders()
        return {"data_folders": [str(each) for each in folders], "path": environment.PATH}

    async def _start(self) -> asyncio.subprocess.Process:
        self._mark = new_id()
        return await asyncio.create_subprocess_exec(
            *self._command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            limit=LINE_BYTES,
            cwd="/",
            env={"PATH": environment.PATH, "LANG": "C.UTF-8", "HOME": "/nonexistent", MARKER: self._mark},
            start_new_session=True,
            **_without_rights(),
        )

    async def _end(self, process: asyncio.subprocess.Process) -> None:
        """What it started has its mark. Its number, as a process's or a group's, may be another's once it has ended."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            process.kill()
        await asyncio.to_thread(_end_marked, self._mark)
        await process.wait()


def _end_marked(mark: str) -> None:
    for _ in range(ENDINGS):
        if not processes.marked({mark}):
            return
        processes.kill(lambda: processes.marked({mark}))
        time.sleep(ENDING_SECONDS)
    log.error("what a look at the installed applications started cannot be ended")


def data_folders() -> list[Path]:
    """Flatpak's and Snap's where they are there. Sessions have the others alone, but the commands there work."""
    return [*DATA_FOLDERS, *(folder for folder in EXPORTS if folder.is_dir())]


def _without_rights() -> dict[str, Any]:
    return {"user": NOBODY, "group": NOBODY, "extra_groups": []} if os.geteuid() == 0 else {}
