"""Sessions whose host does not take them on or cannot end them: it vanished, it was removed, or it does not act.

A host is live while its record under `site/live/host` lasts (15 s after its last heartbeat). A session that it had
accepted waits for its return for ever. One that it never accepted fails 10 s after the host vanished, and 60 s after
it was placed on one that says it lives. So that no broker is needed for that in particular, every broker looks, by
what it has seen itself: brokers' clocks may differ. Ending compares revisions: it happens once.
"""

from __future__ import annotations

import asyncio
import logging

from broker.repositories.hosts import Hosts
from broker.repositories.sessions import Sessions
from broker.sessions.lifecycle import Lifecycle
from portcullis.clock import Clock
from portcullis.errors import PortcullisError
from portcullis.logs import ids
from portcullis.model.session import Session
from portcullis.tasks import cancel_and_wait, spawn

log = logging.getLogger(__name__)

PATIENCE_SECONDS = 10.0
"""Somebody waits for the launch, and the host was silent for 15 s already: an agent that restarts is back by then."""
ACCEPTANCE_SECONDS = 60.0
SWEEP_SECONDS = 5.0


class HostWatch:
    def __init__(self, sessions: Sessions, hosts: Hosts, lifecycle: Lifecycle, clock: Clock) -> None:
        self._sessions = sessions
        self._hosts = hosts
        self._lifecycle = lifecycle
        self._clock = clock
        self._missing_since: dict[str, float] = {}
        self._waiting_since: dict[str, float] = {}
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = spawn(self._run(), name="host-watch")

    async def stop(self) -> None:
        await cancel_and_wait(self._task)

    async def _run(self) -> None:
        while True:
            await self.sweep()
            await asyncio.sleep(SWEEP_SECONDS)

    async def sweep(self) -> None:
        """One look at all sessions that a host may have failed."""
        live = self._hosts.live_ids()
        sessions = self._sessions.unsettled(live)
        missing = {host.id for host in self._hosts.list()} - live
        lost = self._longer_than(PATIENCE_SECONDS, self._missing_since, missing)
        waiting = {session.id for session in sessions if _is_unaccepted(session)}
        ignored = self._longer_than(ACCEPTANCE_SECONDS, self._waiting_since, waiting)
        for session in sessions:
            detail = self._ending(session, lost, ignored)
            if detail is not None:
                await self._end(session, detail)

    def _ending(self, session: Session, lost: set[str], ignored: set[str]) -> str | None:
        """Why the session is to be ended, None if it is not."""
        if self._hosts.get(session.host_id) is None:
            removed = session.state == "ending" or _is_unaccepted(session)
            return f"{session.host_name} was removed from the site" if removed else None
        if _is_unaccepted(session) and session.host_id in lost:
            return f"{session.host_name} vanished before it accepted the session"
        if session.id in ignored:
            return f"{session.host_name} is connected, but did not accept the session"
        return None

    async def _end(self, session: Session, detail: str) -> None:
        """Unless its host accepted it at this very moment."""

        def still(now: Session) -> bool:
            return now.state == "ending" or _is_unaccepted(now)

        try:
            await self._lifecycle.end(session.tenant_id, session.id, "host_lost", detail, still)
        except PortcullisError as exc:
            log.warning("session not ended: %s", exc, extra=ids(session=session.id))

    def _longer_than(self, seconds: float, since: dict[str, float], seen: set[str]) -> set[str]:
        """Those of `seen` that each look found for so long; `since` is brought up to date."""
        now = self._clock.monotonic()
        for gone in since.keys() - seen:
            del since[gone]
        return {one for one in seen if now - since.setdefault(one, now) >= seconds}


def _is_unaccepted(session: Session) -> bool:
    return session.state == "pending" and session.stage == "placed"
