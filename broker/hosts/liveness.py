"""Sessions whose host does not take them on or cannot end them: it vanished, it was removed, or it does not act.

A host is live while its record under `site/live/host` lasts (12 s after its last heartbeat). Of a host that is gone,
what was ending is over at once, what it never accepted fails after 10 s (what waits in line there, so that it was never
told, is placed elsewhere), and the rest is given up after `lost_seconds`; on one that says it lives, a session fails
that was not accepted 60 s after it was told of it.

This is a job (`broker.jobs`) that one broker does: every deletion compares the job's fence, that the host is still
gone, and the session's revision. A host that comes back is told of what was ended meanwhile (`late_ends`).
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence, Set

from broker.grid.grid import GridError
from broker.grid.scopes import Condition, Stores
from broker.repositories.hosts import LEASE_SECONDS, Hosts, live_path
from broker.repositories.late_ends import LateEnds
from broker.repositories.sessions import Sessions, session_of
from broker.sessions.lifecycle import Lifecycle
from broker.snapshot import Snapshot
from portcullis.clock import Clock
from portcullis.errors import PortcullisError
from portcullis.logs import ids
from portcullis.model.session import Session

log = logging.getLogger(__name__)

PATIENCE_SECONDS = 10.0
"""Somebody waits for the launch, and the host was silent for 12 s already: an agent that restarts is back by then."""
ACCEPTANCE_SECONDS = 60.0
SWEEP_SECONDS = 2.0


class HostWatch:
    def __init__(
        self,
        stores: Stores,
        snapshot: Snapshot,
        sessions: Sessions,
        hosts: Hosts,
        lifecycle: Lifecycle,
        clock: Clock,
        lost_seconds: float,
        is_queued: Callable[[Session], bool],
        move: Callable[[Session, Sequence[Condition]], Awaitable[bool]],
    ) -> None:
        """`lost_seconds`: 0 for never. `is_queued`: its host has not been told of it yet. `move` has such a session
        placed elsewhere while all conditions hold, or answers False: nothing takes it.
        """
        self._site = stores.site
        self._sessions = sessions
        self._hosts = hosts
        self._lifecycle = lifecycle
        self._late_ends = LateEnds(stores, snapshot)
        self._clock = clock
        self._lost_seconds = lost_seconds
        self._is_queued = is_queued
        self._move = move
        self._missing_since: dict[str, float] = {}
        self._waiting_since: dict[str, float] = {}

    async def sweep(self, fence: Condition) -> None:
        """One look at all sessions that a host may have failed."""
        live = self._hosts.live_ids()
        missing = set(self._sessions.index.hosts()) - live
        since = self._ages(self._missing_since, missing)
        for host_id, seconds in since.items():
            sessions = self._concerned(host_id, seconds)
            queued = {session.id for session in sessions if self._is_queued(session)}
            # First those: with each of the others that is reaped, one would count as told.
            for session in sorted(sessions, key=lambda session: session.id not in queued):
                await self._judge(session, seconds, fence, session.id in queued)
        await self._end_ignored(live, fence)
        await self._forget_removed()

    def _concerned(self, host_id: str, missing_seconds: float) -> Sequence[Session]:
        """Those of a host that is gone for which anything may be due now. The records of the others stay unread: after
        a restart of the broker every host of a site is missing for a moment.
        """
        if self._lost_seconds and missing_seconds >= self._lost_seconds:
            return self._sessions.of_host(host_id)
        index = self._sessions.index
        ending = {facts.id for facts in index.facts_of_host(host_id) if facts.state == "ending"}
        concerned = ending.union(index.unaccepted(host_id))
        if not concerned:
            return []
        records = self._sessions.records_of_host(host_id)
        return [session_of(record) for record in records if record.path[1] in concerned]

    async def _judge(
        self, session: Session, missing_seconds: float, fence: Condition, is_queued: bool
    ) -> None:
        """A session of a host that is gone."""
        gone = [fence, self._site.absent(live_path(session.host_id))]
        if self._hosts.get(session.host_id) is None:
            gone.append(self._site.absent(("host", session.host_id)))
            detail = f"{session.host_name} was removed from the site"
        else:
            detail = f"{session.host_name} vanished {missing_seconds + LEASE_SECONDS:.0f} s ago"
        if session.state == "ending":
            await self._reap(session, f"{detail}; the session was ending", _is_ending, gone)
        elif _is_unaccepted(session) and missing_seconds >= PATIENCE_SECONDS:
            if not is_queued or not await self._is_moved(session, gone):
                await self._reap(session, f"{detail}, before it accepted the session", _is_unaccepted, gone)
        elif self._lost_seconds and missing_seconds >= self._lost_seconds:
            await self._reap(session, f"{detail}, and did not come back", lambda _: True, gone)

    async def _is_moved(self, session: Session, gone: list[Condition]) -> bool:
        """Whether it has another host now, or is to be looked at again."""
        try:
            return await self._move(session, gone)
        except (PortcullisError, GridError) as exc:
            log.warning("session not moved: %s", exc, extra=ids(session=session.id))
            return True

    async def _end_ignored(self, live: Set[str], fence: Condition) -> None:
        """What a host that says it lives has not accepted."""
        pending = map(session_of, self._sessions.index.pending())
        waiting = {s.id: s for s in pending if s.host_id in live and not self._is_queued(s)}
        for session_id, seconds in self._ages(self._waiting_since, waiting.keys()).items():
            if seconds >= ACCEPTANCE_SECONDS:
                session = waiting[session_id]
                detail = f"{session.host_name} is connected, but did not accept the session"
                await self._reap(session, detail, _is_unaccepted, [fence])

    async def _reap(
        self, session: Session, detail: str, still: Callable[[Session], bool], conditions: list[Condition]
    ) -> None:
        """Unless its host accepted it, or came back, at this very moment."""
        try:
            await self._lifecycle.reap(session, detail, still, conditions)
        except PortcullisError as exc:
            log.warning("session not ended: %s", exc, extra=ids(session=session.id))

    async def _forget_removed(self) -> None:
        """A host that was removed comes back as another one."""
        for host_id in self._late_ends.hosts():
            if self._hosts.get(host_id) is None:
                await self._late_ends.forget(host_id, sorted(self._late_ends.of_host(host_id)))

    def _ages(self, since: dict[str, float], seen: Set[str]) -> dict[str, float]:
        """For how long each look has found those of `seen`; `since` is brought up to date."""
        now = self._clock.monotonic()
        for gone in since.keys() - seen:
            del since[gone]
        return {one: now - since.setdefault(one, now) for one in sorted(seen)}


def _is_unaccepted(session: Session) -> bool:
    return session.state == "pending" and session.stage == "placed"


def _is_ending(session: Session) -> bool:
    return session.state == "ending"
