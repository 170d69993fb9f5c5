"""The agent's side of its fork server: leaders are begun by it, as long as it works.

It is started when the first leader is wanted, and again after it has ended. What it begins does not need it any more.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

log = logging.getLogger(__name__)

COMMAND = (sys.executable, "-I", "-m", "agents.linux.fork_server")
ANSWER_SECONDS = 8.0
AFTER_FAILURE_SECONDS = 30.0
"""One that cannot run would fail again at once."""


class Forking:
    """`begin` raises OSError when there is no server that works: a leader can be run anew then."""

    def __init__(self, environment: Mapping[str, str], command: Sequence[str] = COMMAND) -> None:
        self._command = tuple(command)
        self._environment = dict(environment)
        self._one_by_one = asyncio.Lock()
        self._process: asyncio.subprocess.Process | None = None
        self._channel: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self._not_before = 0.0

    @property
    def pid(self) -> int | None:
        return None if self._process is None else self._process.pid

    async def start(self) -> None:
        """It loads while the caller goes on."""
        async with self._one_by_one:
            with contextlib.suppress(OSError):
                await self._running()

    async def begin(self, folder: Path) -> int:
        """The process id of a leader of that folder, which listens. Raises OSError."""
        async with self._one_by_one:
            reader, writer = await self._running()
            try:
                async with asyncio.timeout(ANSWER_SECONDS):
                    writer.write(json.dumps({"folder": str(folder)}).encode() + b"\n")
                    answer = await reader.readline()
            except (OSError, TimeoutError) as exc:
                raise await self._failed(f"it does not answer: {exc!r}") from exc
            except BaseException:
                await self._end()  # its answer would be taken for that of the next question
                raise
            if not answer.endswith(b"\n"):
                raise await self._failed("it has ended")
        said = json.loads(answer)
        if said["error"] is not None:
            raise OSError(said["error"])
        return int(said["pid"])

    async def does_not_do(self, why: str) -> None:
        """What it forks is of no use on this host: it is not asked again for a while."""
        async with self._one_by_one:
            await self._failed(why)

    async def renew(self) -> None:
        """The next leader comes of another server, whose address space is laid out anew."""
        async with self._one_by_one:
            await self._end()

    async def aclose(self) -> None:
        await self.renew()

    async def _running(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self._channel is not None:
            return self._channel
        if time.monotonic() < self._not_before:
            raise OSError("the fork server failed a moment ago")
        ours, theirs = socket.socketpair()
        with theirs:
            number = theirs.fileno()
            try:
                self._process = await asyncio.create_subprocess_exec(
                    *self._command,
                    str(number),
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    pass_fds=(number,),
                    start_new_session=True,
                    cwd="/",
                    env=self._environment,
                )
            except BaseException:
                ours.close()
                raise
        self._channel = await asyncio.open_unix_connection(sock=ours)
        return self._channel

    async def _failed(self, what: str) -> OSError:
        self._not_before = time.monotonic() + AFTER_FAILURE_SECONDS
        log.warning("leaders are run anew for a while, for the fork server failed: %s", what)
        await self._end()
        return OSError(f"the fork server failed: {what}")

    async def _end(self) -> None:
        """What it has forked lives on."""
        channel, self._channel = self._channel, None
        process, self._process = self._process, None
        if channel is not None:
            channel[1].close()
            with contextlib.suppress(OSError):
                await channel[1].wait_closed()
        if process is not None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
