"""The agent's answers about what its host has installed (docs/protocol.md 4).

Each look is a process of its own, which an operating system starts and ends (`_start`, `_end`), one at a time: a second
question of the same kind waits for it. It is asked by a line of JSON on its standard input and answers line by line:

    {"locale"}                  -> a line for each application, then {"left_out": n}
    {"icons": [id, ..]}         -> a line {"id", "png": base64} for each

What was found is kept for some seconds, so that the pages of one list agree. Nothing that it says is trusted.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

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

LOOK_SECONDS = 6.0
KEPT_SECONDS = 20.0
KEPT_LISTS = 4
"""Of so many languages; one more takes the place of the oldest."""
WAITING = 8
"""Questions at once; more are told that the host is busy."""
OUTPUT_BYTES = 24 << 20
LINE_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Found:
    applications: tuple[Installed, ...]
    left_out: int
    at: float


class Failed(Exception):
    """The look came to nothing."""


class Looks(ABC):
    """An operating system says how a look is started and ended, and where it is to look."""

    def __init__(
        self, monotonic: Callable[[], float] = time.monotonic, seconds: float = LOOK_SECONDS
    ) -> None:
        self._monotonic = monotonic
        self._seconds = seconds
        self._kept: dict[str, Found] = {}
        self._turn = asyncio.Lock()
        self._waiting = 0

    @abstractmethod
    async def _places(self) -> Mapping[str, Any]:
        """What the question says beside what is asked for."""

    @abstractmethod
    async def _start(self) -> asyncio.subprocess.Process:
        """The process that looks, its streams being pipes of at most LINE_BYTES a line. Raises OSError."""

    @abstractmethod
    async def _end(self, process: asyncio.subprocess.Process) -> None:
        """Kill it with whatever it started, if it has not ended, and wait for it."""

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
        asked = {**await self._places(), **question}
        process = await self._start()
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
            await self._end(process)


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
