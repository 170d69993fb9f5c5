"""The agent's answers about what its host has installed (docs/protocol.md 4).

Each look is a process of its own (`__main__.py`), one at a time: a second question of the same kind waits for it. What
was found is kept for some seconds, so that the pages of one list agree. Nothing that it says is trusted.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agents.linux import environment
from portcullis.desktop.entries import EXPORTS
from portcullis.errors import ProtocolError
from portcullis.protocol.discovery import (
    ICON_BYTES,
    MAXIMUM_APPLICATIONS,
    Discover,
    Discovered,
    Installed,
    Picture,
    page_of,
    read_installed,
    read_picture,
)
from portcullis.protocol.fields import Fields

log = logging.getLogger(__name__)

COMMAND = (sys.executable, "-I", "-B", "-m", "agents.linux.discovery")
DATA_FOLDERS = (Path("/usr/local/share"), Path("/usr/share"))
"""Of the sessions: they name no others."""
LOOK_SECONDS = 6.0
KEPT_SECONDS = 20.0
KEPT_LISTS = 4
"""Of so many languages; one more takes the place of the oldest."""
WAITING = 8
"""Questions at once; more are told that the host is busy."""
OUTPUT_BYTES = 24 << 20
LINE_BYTES = 1 << 20
NOBODY = 65534


@dataclass(frozen=True, slots=True)
class Found:
    applications: tuple[Installed, ...]
    left_out: int
    at: float


class Failed(Exception):
    """The look came to nothing."""


class Discovery:
    def __init__(
        self,
        folders: Sequence[Path] | None = None,
        command: Sequence[str] = COMMAND,
        monotonic: Callable[[], float] = time.monotonic,
        seconds: float = LOOK_SECONDS,
    ) -> None:
        """`folders`: the data folders, if not those of this machine."""
        self._folders = folders
        self._command = tuple(command)
        self._monotonic = monotonic
        self._seconds = seconds
        self._kept: dict[str, Found] = {}
        self._turn = asyncio.Lock()
        self._waiting = 0

    async def answer(self, question: Discover) -> Discovered:
        if self._waiting >= WAITING:
            return Discovered(question.id, "busy")
        self._waiting += 1
        try:
            async with self._turn:
                return await self._answer(question)
        except (Failed, OSError) as exc:
            log.warning("what is installed cannot be told: %s", exc)
            return Discovered(question.id, "failed")
        finally:
            self._waiting -= 1

    async def _answer(self, question: Discover) -> Discovered:
        if question.icons:
            return Discovered(question.id, "done", icons=await self._icons(question.icons))
        found = await self._applications(question.locale)
        return page_of(question, found.applications, found.left_out)

    async def _applications(self, locale: str) -> Found:
        now = self._monotonic()
        self._kept = {key: each for key, each in self._kept.items() if now - each.at < KEPT_SECONDS}
        if locale not in self._kept:
            lines, is_whole = await self._look({"locale": locale})
            if not is_whole:
                raise Failed("the look did not come to its end")
            if len(self._kept) >= KEPT_LISTS:
                del self._kept[next(iter(self._kept))]
            self._kept[locale] = _found(lines, self._monotonic())
        return self._kept[locale]

    async def _icons(self, wanted: Sequence[str]) -> tuple[Picture, ...]:
        """Those that were drawn in time."""
        lines, is_whole = await self._look({"icons": list(wanted)})
        if not lines and not is_whole:
            raise Failed("no icon was drawn")
        return tuple(picture for line in lines if (picture := _picture(line)) is not None)[: len(wanted)]

    async def _look(self, question: Mapping[str, Any]) -> tuple[list[Any], bool]:
        """What the process said, line by line, and whether it came to its end. Raises OSError."""
        folders = self._folders if self._folders is not None else data_folders()
        asked = {"data_folders": [str(each) for each in folders], "path": environment.PATH, **question}
        process = await asyncio.create_subprocess_exec(
            *self._command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            limit=LINE_BYTES,
            cwd="/",
            env={"PATH": environment.PATH, "LANG": "C.UTF-8", "HOME": "/nonexistent"},
            start_new_session=True,
            **_without_rights(),
        )
        lines: list[Any] = []
        try:
            async with asyncio.timeout(self._seconds):
                await _tell(process, asked)
                await _hear(process, lines)
                return lines, await process.wait() == 0
        except TimeoutError:
            log.warning("a look at what is installed took longer than %.0f s", self._seconds)
            return lines, False
        finally:
            await _kill(process)


def data_folders() -> list[Path]:
    """Flatpak's and Snap's where they are there. Sessions have the others alone, but the commands there work."""
    return [*DATA_FOLDERS, *(folder for folder in EXPORTS if folder.is_dir())]


def _without_rights() -> dict[str, Any]:
    return {"user": NOBODY, "group": NOBODY, "extra_groups": []} if os.geteuid() == 0 else {}


async def _tell(process: asyncio.subprocess.Process, asked: Mapping[str, Any]) -> None:
    if process.stdin is not None:
        with contextlib.suppress(ConnectionError):  # it ended at once: its status tells
            process.stdin.write(json.dumps(asked).encode())
            await process.stdin.drain()
            process.stdin.close()


async def _hear(process: asyncio.subprocess.Process, lines: list[Any]) -> None:
    if process.stdout is None:
        return
    room = OUTPUT_BYTES
    while len(lines) <= MAXIMUM_APPLICATIONS:
        try:
            line = await process.stdout.readline()
        except ValueError:  # longer than a line may be
            return
        room -= len(line)
        if not line.endswith(b"\n") or room < 0:
            return
        with contextlib.suppress(ValueError, RecursionError):
            lines.append(json.loads(line))


async def _kill(process: asyncio.subprocess.Process) -> None:
    """With whatever it started."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    await process.wait()


def _found(lines: Sequence[Any], at: float) -> Found:
    objects = [line for line in lines if isinstance(line, dict)]
    left_out = next((line["left_out"] for line in objects if isinstance(line.get("left_out"), int)), 0)
    read = (read_installed(Fields(line)) for line in objects if "left_out" not in line)
    by_id = {each.id: each for each in read if each is not None}
    return Found(tuple(by_id[each] for each in sorted(by_id)), left_out, at)


def _picture(line: Any) -> Picture | None:
    try:
        picture = read_picture(Fields(line))
    except ProtocolError:
        return None
    return picture if len(picture.png) <= ICON_BYTES else None
