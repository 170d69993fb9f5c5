"""Sessions whose host cannot end them: one that vanished before it took a session on, one that was removed.

A host is live while its record under `site/live/host` lasts (15 s after its last heartbeat). A session that it had
accepted waits for its return for ever; one that it never accepted fails after 30 s, and so that no broker is needed
for that in particular, every broker looks. Ending compares revisions: it happens once.
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

PATIENCE_SECONDS = 30.0
SWEEP_SECONDS = 5.0


class HostWatch:
    def __init__(self, sessions: Sessions, hosts: Hosts, lifecycle: Lifecycle, clock: Clock) -> None:
        self._sessions = sessions
        self._hosts = hosts
        self._lifecycle = lifecycle
        self._clock = clock
        self._missing_since: dict[str, float] = {}
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
        """One look at all sessions whose hosts are not live."""
        lost = self._lost_hosts()
        for session in self._sessions.on_hosts_other_than(self._hosts.live_ids()):
            detail = self._ending(session, lost)
            if detail is None:
                continue
            try:
                await self._lifecycle.end(session.tenant_id, session.id, "host_lost", detail)
            except PortcullisError as exc:
                log.warning("session not ended: %s", exc, extra=ids(session=session.id))

    def _ending(self, session: Session, lost: set[str]) -> str | None:
        """Why the session is to be ended, None if it is not."""
        unaccepted = session.state == "pending" and session.stage == "placed"
        if self._hosts.get(session.host_id) is None:
            removed = session.state == "ending" or unaccepted
            return f"{session.host_name} was removed from the site" if removed else None
        if unaccepted and session.host_id in lost:
            return f"{session.host_name} vanished before it accepted the session"
        return None

    def _lost_hosts(self) -> set[str]:
        """Those that this broker has seen missing for longer than PATIENCE_SECONDS."""
        now = self._clock.monotonic()
        live = self._hosts.live_ids()
        missing = {host.id for host in self._hosts.list()} - live
        self._missing_since = {host: self._missing_since.get(host, now) for host in missing}
        return {host for host, since in self._missing_since.items() if now - since >= PATIENCE_SECONDS}
