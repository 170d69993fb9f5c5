"""A leader's lines over a stream (docs/protocol.md 5): what a Unix socket and a named pipe have in common.

It is a `LeaderLink`; how one is opened, and what else a leader of that system is told, is its subclass's.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Mapping
from typing import Any

from portcullis.errors import ProtocolError
from portcullis.logs import ids
from portcullis.protocol.worker_channel import (
    FromWorker,
    Status,
    ToWorker,
    decode_from_leader,
    encode,
    encode_line,
)

log = logging.getLogger(__name__)


class StreamLink:
    def __init__(self, session: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._session = session
        self._reader = reader
        self._writer = writer

    @property
    def session(self) -> str:
        return self._session

    async def receive(self) -> Status | FromWorker | None:
        while (line := await self._read_line()) is not None:
            try:
                message = decode_from_leader(line)
                if message is not None:
                    return message
                self._passed_over(line)
            except ProtocolError as exc:
                log.warning("line dropped: %s", exc.message, extra=ids(session=self._session))
        return None

    def send(self, message: ToWorker) -> None:
        self._write(encode(message))

    def launch(self, launch: Mapping[str, Any]) -> None:
        """A leader that was prepared ahead leads this session from now on."""
        self._session = str(launch["session"])
        self._tell("launch", launch)

    def end(self, code: str, grace_seconds: float, detail: str | None = None) -> None:
        self._tell("end", {"code": code, "grace_seconds": grace_seconds, "detail": detail})

    async def close(self) -> None:
        self._writer.close()
        with contextlib.suppress(OSError):
            await self._writer.wait_closed()

    def _passed_over(self, line: bytes) -> None:
        """No message of those that every leader sends. Raises ProtocolError."""

    def _tell(self, kind: str, told: Mapping[str, Any]) -> None:
        """The leader itself."""
        self._write(encode_line({"type": kind, **told}))

    async def _read_line(self) -> bytes | None:
        try:
            line = await self._reader.readline()
        except (OSError, ValueError) as exc:
            log.info("leader's connection broke: %s", exc, extra=ids(session=self._session))
            return None
        return line if line.endswith(b"\n") else None

    def _write(self, line: bytes) -> None:
        if not self._writer.is_closing():
            self._writer.write(line)
