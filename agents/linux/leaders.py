"""Leaders as the agent reaches them: starting one, its socket, and what to do with one that was killed.

Each has a folder, named by its session, or by an id of its own as long as it is only prepared for one (warm.py).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import shutil
import signal
import stat
import subprocess
import sys
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from agents.linux import scopes
from agents.linux.forking import Forking
from agents.linux.groups import Group
from agents.linux.stale_keymaps import remove_stale_keymaps
from agents.stream_link import StreamLink
from portcullis.errors import PortcullisError, Unavailable
from portcullis.ids import is_id
from portcullis.logs import ids
from portcullis.protocol.worker_channel import (
    MAXIMUM_LINE_BYTES,
    FromWorker,
    Status,
    decode_from_leader,
)

log = logging.getLogger(__name__)

LEADER = Path(__file__).parent / "leader" / "__main__.py"
START_SECONDS = 10.0
ENTER_SECONDS = 5.0
SWEEP_SECONDS = 30.0


class LeaderConnection(StreamLink):
    """Over the leader's Unix socket."""

    def __init__(self, session: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        super().__init__(session, reader, writer)
        self._unread: deque[Status | FromWorker] = deque()

    @classmethod
    async def open(cls, folder: Path) -> LeaderConnection:
        """Raises OSError when no leader listens."""
        reader, writer = await asyncio.open_unix_connection(
            str(folder / "leader.sock"), limit=2 * MAXIMUM_LINE_BYTES
        )
        return cls(folder.name, reader, writer)

    async def receive(self) -> Status | FromWorker | None:
        if self._unread:
            return self._unread.popleft()
        return await super().receive()

    def unread(self, messages: Iterable[Status | FromWorker]) -> None:
        """They are received again, first."""
        self._unread.extend(messages)

    def warm(self, warm: Mapping[str, Any]) -> None:
        self._tell("warm", warm)


async def start_leader(
    folder: Path, mode: int, group: Group, forking: Forking | None = None
) -> LeaderConnection:
    """In a new folder. `mode` is that of folders which accounts of sessions pass through. Raises Unavailable."""
    remove_stale_keymaps()
    try:
        make_passable(folder.parent, mode)
        folder.mkdir()
        folder.chmod(mode)
        if forking is None or not await _begin_forked(folder, group, forking):
            async with asyncio.timeout(START_SECONDS):
                await _run((*group.prefix, sys.executable, "-I", "-S", str(LEADER), str(folder)))
        return await LeaderConnection.open(folder)
    except (OSError, TimeoutError) as exc:
        raise Unavailable("worker_failed", f"The session's leader did not start: {exc!r}") from exc


async def _begin_forked(folder: Path, group: Group, forking: Forking) -> bool:
    try:
        leader = await forking.begin(folder)
        # It may end, and its number become another's, while it is put into its group.
        held = os.pidfd_open(leader)
    except OSError as exc:
        log.warning("a leader is run anew, for none could be forked: %s", exc, extra=ids(session=folder.name))
        (folder / "leader.sock").unlink(missing_ok=True)
        return False
    try:
        async with asyncio.timeout(ENTER_SECONDS):
            await _enter(group, leader, folder.name)
    except (OSError, TimeoutError) as exc:
        await forking.does_not_do(f"a leader cannot be put into its group: {exc!r}")
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(held, signal.SIGKILL)
        (folder / "leader.sock").unlink(missing_ok=True)
        return False
    finally:
        os.close(held)
    return True


async def _enter(group: Group, leader: int, session: str) -> None:
    """Where a group is a unit of systemd's. Raises OSError."""
    if group.enter:
        await _run((*group.enter, str(leader), scopes.NO_MORE))
        await scopes.until_in_scope(leader, session)


def make_passable(folder: Path, mode: int) -> None:
    """A folder that the accounts of sessions may pass through, whatever the umask is. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    if folder.lstat().st_uid != os.geteuid() or not stat.S_ISDIR(folder.lstat().st_mode):
        raise PermissionError(f"{folder} is not a folder of this account")
    folder.chmod(mode)


async def end_one(folder: Path, grace_seconds: float) -> None:
    with contextlib.suppress(OSError):
        await end_and_wait(await LeaderConnection.open(folder), grace_seconds)
    if (folder / "session.json").exists():
        await sweep(folder)
    else:
        shutil.rmtree(folder, ignore_errors=True)


async def end_and_wait(link: LeaderConnection, grace_seconds: float) -> None:
    """Until the leader has closed the connection: it does so when nothing of the session is left."""
    link.end("logged_off", grace_seconds)
    try:
        async with asyncio.timeout(grace_seconds + SWEEP_SECONDS):
            while await link.receive() is not None:
                pass
    except TimeoutError:
        log.error("a leader does not end its session", extra=ids(session=link.session))
    finally:
        await link.close()


async def sweep(folder: Path) -> None:
    """One session that cannot be removed (a process that the kernel holds, say) must not keep an agent from others."""
    try:
        async with asyncio.timeout(SWEEP_SECONDS):
            await _run((sys.executable, "-I", "-S", str(LEADER), "--sweep", str(folder)))
    except (OSError, TimeoutError) as exc:
        log.error("session cannot be removed: %r", exc, extra=ids(session=folder.name))


async def _run(command: Sequence[str]) -> None:
    """Raises OSError when it fails."""
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
        cwd="/",
    )
    try:
        _, errors = await process.communicate()
    except BaseException:
        process.kill()
        raise
    if process.returncode != 0:
        raise OSError(
            f"{command[0]} ended with {process.returncode}: {errors.decode(errors='replace')[-500:]}"
        )


def session_folders(folders: Path) -> list[Path]:
    if not folders.is_dir():
        return []
    return sorted(path for path in folders.iterdir() if is_id(path.name) and path.is_dir())


def read_ended(folder: Path) -> Status | None:
    try:
        message = decode_from_leader((folder / "ended.json").read_bytes())
    except (OSError, PortcullisError):
        return None
    return message if isinstance(message, Status) else None
