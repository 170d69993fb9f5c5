"""The journal of what was revoked (`<state>/revocations.jsonl`), which a restore replays (docs/backup.md).

Every broker appends what its watch shows, so that no single disk has to survive; what is done while the grid takes
nothing is appended before it is answered. Lines are flushed to the disk, several at once where they come quickly.
A file that has grown is cut to what a restore may still need (`keeping`), whole or not at all.
`lines_of` is pure; `broker.backup.journal` reads.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from broker.backup.journal import credential_digest
from broker.grid.keys import SITE
from broker.repositories.recovery_codes import USED as USED_CODE
from broker.revocation.keeping import keep
from broker.snapshot import Change, Snapshot
from portcullis.clock import Clock
from portcullis.durable import replace_file
from portcullis.tasks import cancel_and_wait, spawn

log = logging.getLogger(__name__)

NAME = "revocations.jsonl"
RETRY_SECONDS = 5.0
CUT_BYTES = 8 * 1024 * 1024
"""A journal that is larger is cut; again when it is twice as large as what was left."""
_BLOCK_BYTES = 4096

Line = dict[str, Any]


class RevocationJournal:
    def __init__(self, path: Path, snapshot: Snapshot, clock: Clock) -> None:
        self._path = path
        self._snapshot = snapshot
        self._clock = clock
        self._waiting: list[Line] = []
        self._cut_at = CUT_BYTES
        self._wake = asyncio.Event()
        self._writing = asyncio.Lock()
        self._unsubscribe: Callable[[], None] = lambda: None
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._unsubscribe = self._snapshot.subscribe(self._changed)
        self._task = spawn(self._run(), name="revocation journal")

    async def stop(self) -> None:
        self._unsubscribe()
        await cancel_and_wait(self._task)
        if self._waiting:
            await self._flush()

    async def append(self, kind: str, tenant: str, id: str, **more: str) -> None:
        """On the disk when it returns. Raises OSError."""
        self._note({"kind": kind, "tenant": tenant, "id": id, **more})
        await self._flush()

    def _changed(self, change: Change) -> None:
        for line in lines_of(change):
            self._note(line)
            self._wake.set()

    def _note(self, line: Line) -> None:
        meta = self._snapshot.get(SITE, ("meta",))
        epoch = 1 if meta is None else int(meta.value["epoch"])
        self._waiting.append({"time": self._clock.now(), "epoch": epoch, **line})

    async def _run(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            try:
                await self._flush()
            except OSError as exc:
                log.error("the journal of revocations is not written: %s", exc)
                await asyncio.sleep(RETRY_SECONDS)
                self._wake.set()

    async def _flush(self) -> None:
        async with self._writing:
            lines = list(self._waiting)
            size = await asyncio.to_thread(_append, self._path, lines)
            del self._waiting[: len(lines)]
            if size > self._cut_at:
                await self._cut()

    async def _cut(self) -> None:
        """What is appended stands in the file already: a failure costs room alone."""
        try:
            left = await asyncio.to_thread(_keep_needed, self._path, self._clock.now())
        except (OSError, ValueError) as exc:
            log.error("the journal of revocations is not cut: %s: %s", self._path, exc)
            left = self._cut_at
        self._cut_at = max(CUT_BYTES, 2 * left)


def _keep_needed(path: Path, now: float) -> int:
    """The bytes that are left. Raises OSError, ValueError."""
    kept = keep(path.read_bytes(), now)
    replace_file(path, kept.decode())
    return len(kept)


def _append(path: Path, lines: list[Line]) -> int:
    """How long the file is then. Raises OSError."""
    text = "".join(json.dumps(line, separators=(",", ":")) + "\n" for line in lines)
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    try:
        end = _end_of_lines(fd)
        os.ftruncate(
            fd, end
        )  # a line that broke off is nobody's beginning: a restore would refuse the journal
        whole = text.encode()
        if os.write(fd, whole) != len(whole):
            os.ftruncate(fd, end)
            raise OSError("the disk is full")
        os.fsync(fd)
        return end + len(whole)
    finally:
        os.close(fd)


def _end_of_lines(fd: int) -> int:
    """Behind the last whole line."""
    end = os.fstat(fd).st_size
    while end:
        start = max(0, end - _BLOCK_BYTES)
        found = os.pread(fd, end - start, start).rfind(b"\n")
        if found >= 0:
            return start + found + 1
        end = start
    return 0


def lines_of(change: Change) -> list[Line]:
    """What of it must not come back."""
    if change.path[0] == USED_CODE and change.record is not None:
        return [{"kind": "recovery_code_used", "tenant": change.scope, "id": change.path[1]}]
    if change.previous is None:
        return []
    now = None if change.record is None else change.record.value
    before, path = change.previous.value, change.path
    match path[0]:
        case "user":
            return [{"tenant": change.scope, "id": path[1], **line} for line in _user_lines(before, now)]
        case "token" if now is None:
            return [{"kind": "token_revoked", "tenant": change.scope, "id": path[1]}]
        case "host" | "gateway" if change.scope == SITE and not before.get("revoked"):
            gone = now is None or bool(now.get("revoked"))
            return [{"kind": "machine_revoked", "tenant": SITE, "id": path[1]}] if gone else []
        case "key" if change.scope == SITE and path[1] == "grant" and now is None:
            return [{"kind": "key_retired", "tenant": SITE, "id": path[2]}]
        case "key" if change.scope == SITE and path[1] == "tenant" and now is None:
            return [{"kind": "tenant_deleted", "tenant": SITE, "id": path[2]}]
        case "meta" if now is not None and now["epoch"] > before["epoch"]:
            return [{"kind": "everything", "tenant": SITE, "id": ""}]
    return []


def _user_lines(before: dict[str, Any], now: dict[str, Any] | None) -> list[Line]:
    lines: list[Line] = []
    digest = credential_digest(before)
    if digest and (now is None or credential_digest(now) != digest):
        lines.append({"kind": "credentials_voided", "credential": digest})
    if now is None:
        lines.append({"kind": "user_deleted"})
    elif bool(now.get("disabled")) != bool(before.get("disabled")):
        lines.append({"kind": "user_disabled" if now.get("disabled") else "user_enabled"})
    return lines
