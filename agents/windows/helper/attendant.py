"""The attendant of somebody's own desktop (agents/windows/desktops/) as the leader starts it, hears it and ends it.

It ends by itself when its input does: so it stays long enough to let go of what a worker left pressed, whatever becomes
of the leader. In a job it would be killed with that.
"""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import sys
from collections.abc import Callable, Mapping
from typing import Any

from agents.windows.desktops.words import AGREED
from agents.windows.helper.session import Failed
from portcullis.tasks import spawn

DISMISSED_SECONDS = 3.0
LINE_CHARACTERS = 8000


class Attendant:
    def __init__(
        self,
        application: Mapping[str, Any],
        on_agreed: Callable[[], None],
        on_printed: Callable[[str], None],
        on_ended: Callable[[int], None],
    ) -> None:
        """Raises Failed."""
        self._on_agreed = on_agreed
        self._on_printed = on_printed
        self._on_ended = on_ended
        self._loop = asyncio.get_running_loop()
        try:
            self._process = _start(application["command"])
        except OSError as exc:
            raise Failed("display_failed", str(exc)) from exc
        self._tell(application["entered"])
        self._reading = spawn(asyncio.to_thread(self._read), name="lines of the attendant")
        self._waiting = spawn(self._wait(), name="end of the attendant")

    @property
    def pid(self) -> int:
        return self._process.pid

    async def dismiss(self) -> None:
        """It has gone when this returns."""
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):
            self._process.stdin.close()
        done, _ = await asyncio.wait([self._waiting], timeout=DISMISSED_SECONDS)
        if not done:
            self._process.kill()
        await asyncio.wait([self._waiting, self._reading])

    def _tell(self, line: str) -> None:
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):  # it has ended: that is heard of
            self._process.stdin.write(line.encode() + b"\n")
            self._process.stdin.flush()

    def _read(self) -> None:
        """In a thread of its own, which ends with the attendant."""
        assert self._process.stdout is not None
        with self._process.stdout as said:
            for line in said:
                text = line.decode(errors="replace").strip()[:LINE_CHARACTERS]
                if text == AGREED:
                    self._loop.call_soon_threadsafe(self._on_agreed)
                elif text:
                    self._loop.call_soon_threadsafe(self._on_printed, text)

    async def _wait(self) -> None:
        self._on_ended(await asyncio.to_thread(self._process.wait))


def _start(command: list[str]) -> subprocess.Popen[bytes]:
    """Raises OSError."""
    if sys.platform != "win32":
        raise OSError("Windows alone has such desktops")
    return subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        creationflags=subprocess.CREATE_NO_WINDOW,
    )
