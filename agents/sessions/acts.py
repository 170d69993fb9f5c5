"""What help desk does with a session of this host (docs/protocol.md 4), done and answered."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence

from agents.sessions.session import Session
from portcullis.logs import ids
from portcullis.protocol.acts import Act, Acted, Process
from portcullis.protocol.worker_channel import Fence, Tell

log = logging.getLogger(__name__)

DISCONNECTED = "session_disconnected"

Find = Callable[[str, str], Session | None]
"""Session id, tenant id."""
ProcessesOf = Callable[[Mapping[str, int]], Sequence[Process]]
"""By the process ids that a leader knows; blocks for a moment."""


class SessionActs:
    def __init__(self, find: Find, processes_of: ProcessesOf) -> None:
        self._find = find
        self._processes_of = processes_of

    async def answer(self, act: Act) -> Acted:
        session = self._find(act.session, act.tenant)
        if session is None or session.run_state != "running":
            return Acted(act.id, "unknown")
        log.info("act on a session: %s", act.kind, extra=ids(session=act.session))
        match act.kind:
            case "disconnect":
                session.send(Fence(DISCONNECTED))
            case "tell":
                session.send(Tell(act.text))
            case "processes":
                return await self._list(act, session)
        return Acted(act.id, "done")

    async def _list(self, act: Act, session: Session) -> Acted:
        try:
            found = await asyncio.to_thread(self._processes_of, dict(session.processes))
        except OSError as exc:
            log.warning("processes cannot be listed: %s", exc, extra=ids(session=act.session))
            return Acted(act.id, "failed")
        return Acted(act.id, "done", tuple(found))
