"""Sessions that nobody uses, or that nobody is connected to, for longer than a policy allows: they are logged off.

Each broker looks after the hosts whose channels it holds: their agents say how long ago there was input, and the record
says since when a session is without a connection. A session whose worker does not say is never idle. Who looks at an
idle session is told a minute before. One task runs from `start` to `stop`, and looks again at once when a policy
changes. It goes over facts, not records, a few at a time: a site has 100,000 sessions.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence

from broker.grid.grid import GridError
from broker.policy.alike import Alike
from broker.policy.conditions import Values
from broker.repositories.people_index import PeopleIndex
from broker.repositories.session_facts import SessionFacts
from broker.repositories.sessions import Sessions
from broker.sessions.lifecycle import Lifecycle
from broker.snapshot import Change, Snapshot
from portcullis.clock import Clock
from portcullis.errors import Refused, Unavailable
from portcullis.logs import ids
from portcullis.model.policy import Policy
from portcullis.model.session import READY_STATES, Session
from portcullis.tasks import cancel_and_wait, spawn

log = logging.getLogger(__name__)

LOOK_SECONDS = 10.0
AT_ONCE = 2000
ENDED_AT_ONCE = 16
IDLE_LIMIT = "idle_limit"
DISCONNECTED_LIMIT = "disconnected_limit"
FORGOTTEN_SECONDS = 120.0
"""What an agent said of a session that it speaks of no more."""
WARNING_SECONDS = 60.0
WARNING = (
    "Nobody has used this application for a while. It is logged off in a minute unless you type or click."
)

SAME_SECONDS = 10.0
"""Agents speak in whole seconds, a moment late: so much may two words about the same input differ."""

Tell = Callable[[Session, str], Awaitable[object]]
"""Show a text in the page of the session."""


async def _tell_nobody(session: Session, text: str) -> None: ...


class SessionLimits:
    def __init__(
        self,
        snapshot: Snapshot,
        sessions: Sessions,
        lifecycle: Lifecycle,
        clock: Clock,
        hosts: Callable[[], Iterable[str]],
        tell: Tell = _tell_nobody,
    ) -> None:
        """`hosts`: ids of those whose channels are here."""
        self._tell = tell
        self._warned: dict[str, float] = {}
        """When there had been input last, of sessions whose users were told."""
        self._telling: set[asyncio.Task[object]] = set()
        self._snapshot = snapshot
        self._sessions = sessions
        self._lifecycle = lifecycle
        self._clock = clock
        self._hosts = hosts
        self._people = snapshot.index(PeopleIndex)
        self._alike: dict[str, Alike] = {}
        self._used: dict[str, tuple[float, float]] = {}
        """When there was input last, and when that was heard, by the monotonic clock."""
        self._alone: dict[str, float] = {}
        """Since when sessions are seen without a connection of which no record says it."""
        self._is_limited: dict[str, bool] = {}
        self._wake = asyncio.Event()
        self._unsubscribe: Callable[[], None] = lambda: None
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._unsubscribe = self._snapshot.subscribe(self._changed)
        self._task = spawn(self._run(), name="session-limits")

    async def stop(self) -> None:
        self._unsubscribe()
        await cancel_and_wait(self._task, *self._telling)

    def hear(self, idle: Mapping[str, int]) -> None:
        """A host, whose channel is here, says for how many seconds nobody has used these sessions."""
        now = self._clock.monotonic()
        for session_id, seconds in idle.items():
            self._used[session_id] = (now - seconds, now)

    async def look(self) -> None:
        """Log off what is overdue now."""
        self._alike.clear()
        if any(map(self._limits_anybody, self._tenants())):
            await self._end(await self._found())
        self._forget()

    async def _found(self) -> list[SessionFacts]:
        found: list[SessionFacts] = []
        looked = 0
        for host_id in list(self._hosts()):
            sessions = self._sessions.index.facts_of_host(host_id)
            found += [session for session in sessions if self._code(session) is not None]
            looked += len(sessions)
            if looked >= AT_ONCE:
                looked = 0
                await asyncio.sleep(0)
        return found

    async def _end(self, found: Sequence[SessionFacts]) -> None:
        """Some at a time: each is a transaction. Who is back by then stays."""
        ahead = iter(found)

        async def one_after_the_other() -> None:
            for session in ahead:
                now = self._sessions.index.facts(session.tenant_id).get(session.id)
                code = None if now is None else self._code(now)
                if code is not None:
                    await self._log_off(session, code)

        async with asyncio.TaskGroup() as group:
            for _ in range(min(ENDED_AT_ONCE, len(found))):
                group.create_task(one_after_the_other())

    async def _log_off(self, session: SessionFacts, code: str) -> None:
        try:
            await self._lifecycle.log_off(session.tenant_id, session.id, code, by="policy")
        except (Refused, Unavailable, GridError) as exc:
            log.info("a session is logged off later: %s", exc, extra=ids(session=session.id, code=code))

    def _changed(self, change: Change) -> None:
        if change.path[0] in ("policy", "group", "user", "application"):
            self._alike.pop(change.scope, None)
        if change.path[0] == "policy":
            self._is_limited.pop(change.scope, None)
            self._wake.set()

    async def _run(self) -> None:
        while True:
            try:
                async with asyncio.timeout(LOOK_SECONDS):
                    await self._wake.wait()
            except TimeoutError:
                pass  # time has passed, which is news enough
            self._wake.clear()
            await self.look()

    def _code(self, session: SessionFacts) -> str | None:
        """Why it is overdue."""
        if session.state not in READY_STATES or not self._limits_anybody(session.tenant_id):
            return None
        person = self._people.get(session.tenant_id, session.user_id)
        if person is None:
            return None  # its sessions are being ended
        alike = self._alike.get(session.tenant_id)
        if alike is None:
            alike = self._alike[session.tenant_id] = Alike(self._snapshot, session.tenant_id)
        return self._overdue(session, alike.values(person, session.application_id))

    def _overdue(self, session: SessionFacts, values: Values) -> str | None:
        idle, alone = values["idle_minutes"].value, values["disconnected_minutes"].value
        if idle:
            unused = self._idle_seconds(session)
            if unused >= idle * 60:
                return IDLE_LIMIT
            if unused >= idle * 60 - WARNING_SECONDS:
                self._warn(session)
        if alone and self._alone_seconds(session) >= alone * 60:
            return DISCONNECTED_LIMIT
        return None

    def _warn(self, session: SessionFacts) -> None:
        """Once, until it is used again."""
        used = self._used.get(session.id)
        if session.state != "active" or used is None:
            return
        if used[0] - self._warned.get(session.id, -math.inf) < SAME_SECONDS:
            return
        self._warned[session.id] = used[0]
        task = spawn(self._tell_of(session), name="idle-warning")
        self._telling.add(task)
        task.add_done_callback(self._telling.discard)

    async def _tell_of(self, facts: SessionFacts) -> None:
        session = self._sessions.get(facts.tenant_id, facts.id)
        if session is not None:
            await self._tell(session, WARNING)

    def _idle_seconds(self, session: SessionFacts) -> float:
        used = self._used.get(session.id)
        return 0.0 if used is None else self._clock.monotonic() - used[0]

    def _alone_seconds(self, session: SessionFacts) -> float:
        """By the wall clock where the record says since when, so that a broker that starts goes on counting."""
        if session.state == "active":
            self._alone.pop(session.id, None)
            return 0.0
        if session.state_since:
            return self._clock.now() - session.state_since
        now = self._clock.monotonic()
        return now - self._alone.setdefault(session.id, now)

    def _limits_anybody(self, tenant_id: str) -> bool:
        known = self._is_limited.get(tenant_id)
        if known is None:
            policies = [Policy.from_json(record.value) for record in self._snapshot.list(tenant_id, "policy")]
            known = self._is_limited[tenant_id] = any(
                policy.values.get("idle_minutes") or policy.values.get("disconnected_minutes")
                for policy in policies
            )
        return known

    def _forget(self) -> None:
        oldest = self._clock.monotonic() - FORGOTTEN_SECONDS
        self._used = {name: used for name, used in self._used.items() if used[1] >= oldest}
        self._warned = {name: used for name, used in self._warned.items() if name in self._used}
        hosts = set(self._hosts()) if self._alone else set()
        there = (
            session_id
            for tenant_id in self._tenants()
            for session_id in self._alone.keys() & self._sessions.index.facts(tenant_id).keys()
            if self._sessions.index.facts(tenant_id)[session_id].host_id in hosts
        )
        self._alone = {session_id: self._alone[session_id] for session_id in there}

    def _tenants(self) -> list[str]:
        return [tenant.path[1] for tenant in self._snapshot.tenants()]
