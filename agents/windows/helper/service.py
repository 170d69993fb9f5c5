"""The helper's connection to the service: dialled again whenever it breaks, since the service may be restarted."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable

from agents.windows.pipe import Streams

log = logging.getLogger(__name__)

FIRST_WAIT_SECONDS, LONGEST_WAIT_SECONDS = 0.05, 1.0
MAXIMUM_UNSENT_BYTES = 4 << 20
"""A service that does not read is not waited for: it is dialled anew."""


class ServiceSide:
    """`greeting` tells what a service that was dialled is told first, `on_line` gets what it says."""

    def __init__(
        self,
        dial: Callable[[], Awaitable[Streams]],
        greeting: Callable[[], list[bytes]],
        on_line: Callable[[bytes], None],
    ) -> None:
        self._dial = dial
        self._greeting = greeting
        self._on_line = on_line
        self._writer: asyncio.StreamWriter | None = None
        self._stands = asyncio.Event()

    async def run(self) -> None:
        """Until cancelled."""
        wait = FIRST_WAIT_SECONDS
        while True:
            try:
                reader, writer = await self._dial()
            except OSError as exc:
                log.debug("the service does not listen: %s", exc)
                await asyncio.sleep(wait)
                wait = min(2 * wait, LONGEST_WAIT_SECONDS)
                continue
            wait = FIRST_WAIT_SECONDS
            await self._serve(reader, writer)
            await asyncio.sleep(wait)

    def send(self, line: bytes) -> None:
        if (writer := self._writer) is None:
            return
        if writer.transport.get_write_buffer_size() > MAXIMUM_UNSENT_BYTES:
            log.warning("the service does not read: it is dialled anew")
            writer.transport.abort()
            return
        writer.write(line + b"\n")

    async def told(self) -> None:
        """Waits until a service listens, and then until everything that it was sent is on its way."""
        await self._stands.wait()
        if (writer := self._writer) is not None:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writer = writer
        for line in self._greeting():
            self.send(line)
        self._stands.set()
        try:
            while (line := await reader.readline()).endswith(b"\n"):
                self._on_line(line[:-1])
        except (OSError, ValueError) as exc:
            log.info("the service's connection broke: %s", exc)
        finally:
            self._stands.clear()
            self._writer = None
            writer.close()
