"""Policies and groups that change while people are connected: their connections follow within two seconds.

Each session that somebody has attached to says where from and with which clipboard. When a policy, a group or a user's
groups change, when hours end, and when somebody attaches, it is compared with what counts now. Who may not be connected
any more is cut off, and told why when the page asks for a new ticket; whose clipboard is another is cut off as well,
and is back a moment later with the right grant. Applications go on.

That somebody is kept away is told by every broker, like every revocation that follows from records. That a connection
is to be made anew is told by one alone, which holds the host's channel: a second word would cut the new connection.

Many sessions are walked a few at a time, so that nobody waits for it. One task runs from `start` to `stop`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence

from broker.grid.scopes import Record
from broker.policy.conditions import is_open, place_denial, time_denial
from broker.repositories.session_index import SessionIndex
from broker.repositories.sessions import session_of
from broker.revocation.office import Revocations
from broker.sessions.standing import Standing
from broker.snapshot import Change, Snapshot
from portcullis.clock import Clock
from portcullis.errors import Unavailable
from portcullis.logs import ids
from portcullis.model.policy import FIELDS, Policy
from portcullis.model.session import Session
from portcullis.model.user import User
from portcullis.tasks import cancel_and_wait, spawn

log = logging.getLogger(__name__)

KEPT_AWAY = "not_entitled"
ANEW = "grant_refused"
"""With both the page asks for a new ticket. Machines of before know them."""
AT_ONCE = 200
LOOK_SECONDS = 1.0


class LiveRules:
    """`sessions` is told of a change before this one is."""

    def __init__(
        self,
        snapshot: Snapshot,
        sessions: SessionIndex,
        office: Revocations,
        clock: Clock,
        broker_id: str,
    ) -> None:
        self._snapshot = snapshot
        self._sessions = sessions
        self._office = office
        self._clock = clock
        self._broker_id = broker_id
        self._standing = Standing(snapshot, clock)
        self._due: dict[str, None] = {}
        """Tenants whose sessions are all to be looked at."""
        self._wake = asyncio.Event()
        self._hours: dict[str, list[tuple[list[dict[str, object]], str]]] = {}
        self._open: dict[str, list[bool]] = {}
        self._unsubscribe: Callable[[], None] = lambda: None
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Hours may have ended while no broker lived."""
        for tenant in self._snapshot.tenants():
            self._learn_hours(tenant.path[1])
            if self._hours[tenant.path[1]]:
                self._due[tenant.path[1]] = None
        self._wake.set()
        self._unsubscribe = self._snapshot.subscribe(self._changed)
        self._task = spawn(self._run(), name="live-rules")

    async def stop(self) -> None:
        self._unsubscribe()
        await cancel_and_wait(self._task)

    def withdraw(self, session: Session) -> None:
        """Whoever is connected to it may not be any more."""
        self._tell([(session, KEPT_AWAY)])

    def _changed(self, change: Change) -> None:
        match change.path[0]:
            case "policy":
                self._hours.pop(change.scope, None)
                if change.path[1] == "user":
                    self._look(self._sessions.of_user(change.scope, change.path[2]))
                else:
                    self._look_at_all(change.scope)
            case "group":
                self._look_at_all(change.scope)
            case "user" if change.previous is not None and change.record is not None:
                if change.record.value.get("groups") != change.previous.value.get("groups"):
                    self._look(self._sessions.of_user(change.scope, change.path[1]))
            case "session" if change.record is not None and change.previous is not None:
                if change.record.value.get("e") != change.previous.value.get("e"):
                    self._look([change.record])

    def _look_at_all(self, tenant_id: str) -> None:
        self._due[tenant_id] = None
        self._wake.set()

    async def _run(self) -> None:
        while True:
            try:
                async with asyncio.timeout(LOOK_SECONDS):
                    await self._wake.wait()
            except TimeoutError:
                self._look_at_clock()
            self._wake.clear()
            while self._due:
                tenant_id = next(iter(self._due))
                del self._due[tenant_id]
                records = self._snapshot.list(tenant_id, "session")
                for start in range(0, len(records), AT_ONCE):
                    self._look(records[start : start + AT_ONCE])
                    await asyncio.sleep(0)

    def _look_at_clock(self) -> None:
        """Some hours have ended: whom that concerns is found by looking at everybody."""
        for tenant in self._snapshot.tenants():
            tenant_id = tenant.path[1]
            if tenant_id not in self._hours:
                self._learn_hours(tenant_id)
                before = [True] * len(self._hours[tenant_id])  # they may have ended since the policy changed
            else:
                before = self._open[tenant_id]
            now = self._open[tenant_id] = self._opened(tenant_id)
            if any(was and not is_now for was, is_now in zip(before, now, strict=True)):
                self._look_at_all(tenant_id)

    def _learn_hours(self, tenant_id: str) -> None:
        """All that could count for somebody: hours of one level may meet the time zone of another."""
        policies = [Policy.from_json(record.value) for record in self._snapshot.list(tenant_id, "policy")]
        zones = {FIELDS["time_zone"].default}
        zones |= {policy.values["time_zone"] for policy in policies if "time_zone" in policy.values}
        hours = [policy.values["hours"] for policy in policies if policy.values.get("hours")]
        self._hours[tenant_id] = [(each, zone) for each in hours for zone in sorted(zones)]
        self._open[tenant_id] = self._opened(tenant_id)

    def _opened(self, tenant_id: str) -> list[bool]:
        now = self._clock.now()
        return [is_open(hours, zone, now) for hours, zone in self._hours[tenant_id]]

    def _look(self, records: Iterable[Record]) -> None:
        found: list[tuple[Session, str]] = []
        for record in records:
            if record.value.get("e", 0) > 0:  # else nobody ever had a grant
                session = session_of(record)
                code = self._verdict(session)
                if code is not None:
                    found.append((session, code))
        if found:
            self._tell(found)

    def _verdict(self, session: Session) -> str | None:
        """What is not known is not held against anybody here: a machine of before admitted them."""
        record = self._snapshot.get(session.tenant_id, ("user", session.user_id))
        if record is None:
            return None  # that is told by itself
        user = User.from_json(record.value)
        if not self._standing.is_entitled(user, session):
            return KEPT_AWAY
        values = self._standing.values(user, session)
        if time_denial(values, self._clock.now()) is not None:
            return KEPT_AWAY
        if session.client_address and place_denial(values, session.client_address) is not None:
            return KEPT_AWAY
        if session.clipboard and session.clipboard != values["clipboard"].value:
            return ANEW if self._is_mine(session) else None
        return None

    def _is_mine(self, session: Session) -> bool:
        """Whether this broker holds the channel of the session's host, or nobody does."""
        live = self._snapshot.get("site", ("live", "host", session.host_id))
        return live is None or live.value.get("broker_id") == self._broker_id

    def _tell(self, found: Sequence[tuple[Session, str]]) -> None:
        for session, code in found:
            log.info(
                "a rule cuts a connection", extra=ids(session=session.id, user=session.user_id, code=code)
            )
        try:
            self._office.tell(
                [
                    self._office.sign("user", s.tenant_id, s.user_id, code=code, session=s.id)
                    for s, code in found
                ]
            )
        except Unavailable as exc:
            log.error("connections cannot be cut: %s", exc)
