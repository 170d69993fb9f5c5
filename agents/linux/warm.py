"""Sessions prepared ahead of need: leader, display and worker run, and no user is known yet.

`WarmPool` keeps as many as it is asked for, one being prepared at a time; each is watched by a task, and one that
breaks is removed and never handed out. One that was taken is the taker's, and is used once.
docs/decisions/0009-warm-sessions.md says why.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

from agents.linux.accounts import Account
from agents.linux.groups import Group
from agents.linux.leaders import LeaderConnection, end_one
from agents.linux.usage import parent_of, proportional_bytes
from portcullis.errors import PortcullisError, Unavailable
from portcullis.logs import ids
from portcullis.protocol.worker_channel import Status
from portcullis.tasks import cancel_and_wait, spawn

log = logging.getLogger(__name__)

PREPARE_SECONDS = 60.0
AFTER_FAILURE_SECONDS = 30.0
"""One that cannot be prepared would fail again at once: a full tmpfs, say."""


@dataclass
class WarmSession:
    id: str
    folder: Path
    worker: Account
    group: Group
    link: LeaderConnection
    memory_bytes: int = 0
    watch: asyncio.Task[None] | None = field(default=None, repr=False)


class WarmPool:
    """`begin` starts a leader with all that it needs to prepare; `release` is told of each that will not be used."""

    def __init__(
        self, begin: Callable[[], Awaitable[WarmSession]], release: Callable[[WarmSession], None]
    ) -> None:
        self._begin = begin
        self._release = release
        self._ready: dict[str, WarmSession] = {}
        self._preparing: asyncio.Task[None] | None = None
        self._not_before = 0.0

    def __len__(self) -> int:
        """How many could be handed out now."""
        return len(self._ready)

    @property
    def memory_bytes(self) -> int:
        """What they hold, in proportion where it is shared."""
        return sum(session.memory_bytes for session in self._ready.values())

    async def keep(self, count: int, may_begin: bool = True) -> None:
        """At most so many: those too many have gone at return. If it may, it begins what lacks, and does not wait."""
        if len(self._ready) >= count:
            await cancel_and_wait(self._preparing)
        while len(self._ready) > count and (session := await self.take()) is not None:
            log.info("a session prepared ahead is given up", extra=ids(warm=session.id))
            await self._end(session)
        is_preparing = self._preparing is not None and not self._preparing.done()
        lacks = len(self._ready) < count and not is_preparing
        if lacks and may_begin and time.monotonic() >= self._not_before:
            self._preparing = spawn(self._prepare(), name="warm-session")

    async def take(self) -> WarmSession | None:
        """One that was ready a moment ago; it is the caller's from now on."""
        if not self._ready:
            return None
        session = self._ready.pop(next(iter(self._ready)))
        await cancel_and_wait(session.watch)
        return session

    async def _prepare(self) -> None:
        try:
            session = await self._begin()
        except (PortcullisError, OSError) as exc:
            self._failed(exc)
            return
        try:
            async with asyncio.timeout(PREPARE_SECONDS):
                status = await self._until_warm(session.link)
        except (Unavailable, TimeoutError) as exc:
            self._failed(exc)
            await self._end(session)
        except BaseException:
            await self._end(session)
            raise
        else:
            self._is_ready(session, status)

    async def _until_warm(self, link: LeaderConnection) -> Status:
        while (message := await link.receive()) is not None:
            if isinstance(message, Status) and message.code is not None:
                raise Unavailable(message.code, message.detail)
            if isinstance(message, Status) and message.stage == "warm":
                return message
        raise Unavailable("worker_failed", "the leader has gone")

    def _is_ready(self, session: WarmSession, status: Status) -> None:
        pids = set(status.processes.values())
        leaders = set(map(parent_of, pids))
        session.memory_bytes = sum(map(proportional_bytes, pids | leaders))
        self._ready[session.id] = session
        session.watch = spawn(self._watch(session), name=f"warm-{session.id}")
        log.info("a session is prepared ahead", extra=ids(warm=session.id, memory=session.memory_bytes))

    async def _watch(self, session: WarmSession) -> None:
        """Whatever its leader says now is that it ends."""
        message = await session.link.receive()
        del self._ready[session.id]
        self._not_before = time.monotonic() + AFTER_FAILURE_SECONDS
        detail = message.detail if isinstance(message, Status) else "the leader has gone"
        log.warning("a session prepared ahead broke: %s", detail, extra=ids(warm=session.id))
        await self._end(session)

    def _failed(self, exc: Exception) -> None:
        self._not_before = time.monotonic() + AFTER_FAILURE_SECONDS
        log.warning("no session can be prepared ahead: %s", exc)

    async def _end(self, session: WarmSession) -> None:
        await session.link.close()  # its leader ends without its agent
        await end_one(session.folder, 0)
        self._release(session)
