"""Helpers as the service reaches them: starting one, letting it in at its pipe, knowing it again after a restart.

What the service notes of each lies in `<runtime>/sessions/<session>/session.json`, which its user cannot read: the name
of the pipe, whose helper it is and which process.
"""

from __future__ import annotations

import asyncio
import json
import logging
import secrets
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from agents.stream_link import StreamLink
from agents.windows import acl, pipe
from agents.windows.interactive import Place, Started
from portcullis.durable import replace_file
from portcullis.errors import Unavailable
from portcullis.ids import is_id
from portcullis.logs import ids
from portcullis.protocol.worker_channel import decode_line

log = logging.getLogger(__name__)

START_SECONDS = 30.0
"""A first start after an installation reads many files that a virus scanner looks at."""
NOTES = "session.json"
LINE_CHARACTERS = 8000


@dataclass(frozen=True, slots=True)
class Notes:
    pipe: str
    place: Place
    helper: Started
    is_attached: bool = False
    """To somebody's own desktop."""

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Notes:
        """Raises KeyError, TypeError, ValueError."""
        place, helper = data["place"], data["helper"]
        return cls(
            str(data["pipe"]),
            Place(int(place["windows_session"]), str(place["user"]), str(place["sid"])),
            Started(int(helper["pid"]), float(helper["created"])),
            data.get("is_attached") is True,
        )


class HelperConnection(StreamLink):
    """Over a pipe that this process serves."""

    def _passed_over(self, line: bytes) -> None:
        """What the session's processes print: they have no log of their own here."""
        told = decode_line(line)
        if told.get("type") == "log":
            text = str(told.get("text", ""))[:LINE_CHARACTERS]
            printable = "".join(each if each.isprintable() else " " for each in text)
            log.info("%s: %s", str(told.get("part", ""))[:32], printable, extra=ids(session=self._session))


def new_pipe_name() -> str:
    """That nobody can know beforehand, who might take it."""
    return pipe.PREFIX + secrets.token_hex(16)


def admits(found: pipe.Caller, notes: Notes) -> bool:
    """Whether who has come to the pipe is the helper that was started for it."""
    return (found.pid, found.windows_session) == (notes.helper.pid, notes.place.windows_session)


async def let_in(server: pipe.PipeServer, session: str, notes: Notes, owner: str) -> HelperConnection:
    """The helper, once it has come; anybody else is shown out. Raises OSError, TimeoutError."""
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            async with asyncio.timeout(max(0.0, deadline - time.monotonic())):
                found, streams = await server.accept()
        finally:
            server.close()
        if admits(found, notes):
            return HelperConnection(session, *streams)
        log.error("a stranger came to a helper's pipe: process %d", found.pid, extra=ids(session=session))
        streams[1].transport.abort()
        server = await _listen_again(notes, owner, deadline)


async def _listen_again(notes: Notes, owner: str, deadline: float) -> pipe.PipeServer:
    """The transport frees the name once it has closed. Raises OSError."""
    while True:
        try:
            return pipe.PipeServer(notes.pipe, acl.pipe(owner, notes.place.sid))
        except OSError:
            if time.monotonic() > deadline:
                raise
            await asyncio.sleep(0.02)


async def open_again(folder: Path, notes: Notes, owner: str) -> HelperConnection:
    """To a helper that has lost its connection and dials. Raises OSError, TimeoutError."""
    if not notes.helper.lives:
        raise ProcessLookupError("the helper has gone")
    server = await _listen_again(notes, owner, time.monotonic() + START_SECONDS)
    return await let_in(server, folder.name, notes, owner)


def write_notes(folder: Path, notes: Notes) -> None:
    replace_file(folder / NOTES, json.dumps(notes.to_json()))


def read_notes(folder: Path) -> Notes | None:
    """None where there are none, or they make no sense."""
    try:
        return Notes.from_json(json.loads((folder / NOTES).read_text()))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def session_folders(folders: Path) -> Sequence[Path]:
    if not folders.is_dir():
        return []
    return sorted(path for path in folders.iterdir() if is_id(path.name) and path.is_dir())


def make_folder(folder: Path) -> None:
    try:
        folder.mkdir()
    except OSError as exc:
        raise Unavailable("worker_failed", f"The session's folder cannot be made: {exc}") from exc


def remove_folder(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)


def end_process(helper: Started) -> None:
    """By its handle, checked under it: its number may be another process's by now. Its jobs end with it."""
    import pywintypes
    import win32api
    import win32con
    import win32process

    try:
        handle = win32api.OpenProcess(win32con.PROCESS_TERMINATE, False, helper.pid)
    except pywintypes.error:
        return
    try:
        if helper.lives:
            win32process.TerminateProcess(handle, 1)
    except pywintypes.error as exc:
        log.error("a helper cannot be ended: %s", exc)
    finally:
        handle.Close()
