"""What happens to a session after its launch: its host's reports, logging off, its end.

Reports move the record through the table of `portcullis.model.session`. The end deletes session, slot and `own` in one
transaction; a session that did not start, or broke, leaves a trace under its reference. One whose host is gone stays:
only its host's word, or the end of the host itself, ends it.
"""

from __future__ import annotations

import logging
import signal
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Protocol

from broker.grid.scopes import Condition
from broker.launch.outcomes import Outcomes, Uncounted
from broker.launch.traces import Traces
from broker.repositories.hosts import Hosts
from broker.repositories.logins import LoginRecords
from broker.repositories.sessions import Sessions
from broker.snapshot import Change, Snapshot
from portcullis.clock import Clock, SystemClock
from portcullis.errors import CODES, Refused
from portcullis.logs import ids
from portcullis.model.session import STAGES, TRANSITIONS, Session, Stage
from portcullis.model.user import Login
from portcullis.protocol.channel import Cut
from portcullis.protocol.reports import Report

log = logging.getLogger(__name__)

ENDS_BY_CHOICE = frozenset({"application_closed", "logged_off"})
"""Of a session that ran: nobody asks why."""
_ENDED_BY_THE_HOST = frozenset({-signal.SIGTERM, -signal.SIGKILL})


class Hearers(Protocol):
    """The hosts whose control channels this broker holds."""

    def send(self, host_id: str, message: Cut) -> None:
        """A host without a channel here hears it elsewhere, or is told when it comes back (`cuts_due`)."""
        ...


class Lifecycle:
    def __init__(
        self,
        snapshot: Snapshot,
        sessions: Sessions,
        logins: LoginRecords,
        hosts: Hosts,
        traces: Traces,
        hearers: Hearers,
        outcomes: Outcomes | None = None,
        ends: Callable[[Session, str, str, bool], None] = lambda *_: None,
        clock: Clock | None = None,
        moves: Callable[[Session, Stage], None] = lambda *_: None,
    ) -> None:
        """`ends` is told of each end: the session as it was, code, detail, and whether it failed. `moves`: of each new
        stage, with the one before."""
        self._moves = moves
        self._snapshot = snapshot
        self._unsubscribe: Callable[[], None] = lambda: None
        self._sessions = sessions
        self._logins = logins
        self._hosts = hosts
        self._traces = traces
        self._hearers = hearers
        self._outcomes = outcomes or Uncounted()
        self._ends = ends
        self._clock = clock or SystemClock()

    def start(self) -> None:
        """Logins that end elsewhere, by another broker or by their time, are cut as well."""
        self._unsubscribe = self._snapshot.subscribe(self._changed)

    def stop(self) -> None:
        self._unsubscribe()

    async def log_off(
        self, tenant_id: str, session_id: str, code: str = "logged_off", by: str | None = None
    ) -> None:
        """Mark the session as ending; its host ends it. `by`: the id of the user who asked, for the log.

        Raises Refused("session_unknown"), Unavailable.
        """
        was_ending = False

        def to_ending(session: Session) -> Session | None:
            nonlocal was_ending
            was_ending = session.state == "ending"
            return None if was_ending else replace(session.moved_to("ending"), end_code=code)

        session = await self._sessions.change(tenant_id, session_id, to_ending)
        if session is None:
            raise Refused("session_unknown")
        if not was_ending:
            log.info("session ending", extra=_ids_of(session, code=code, by=by))
        if self._hosts.get(session.host_id) is None:
            await self.end(tenant_id, session_id, code, "its host was removed from the site")

    def cut(self, login: Login) -> None:
        """Tell the hosts whose channel is here, for those that know no revocations."""
        sessions = self._sessions.of_user(login.tenant_id, login.user_id)
        for host_id in sorted({session.host_id for session in sessions}):
            self._hearers.send(host_id, Cut(login.tenant_id, login.hash, "signed_out"))

    def cuts_due(self, host_id: str) -> list[Cut]:
        """For a host that was away: the logins that attached last to its sessions and are over by now.

        A worker refuses every earlier login for its epoch. By the records alone, so that no broker has to remember.
        """
        return [
            Cut(session.tenant_id, session.login, "signed_out")
            for session in self._sessions.of_host(host_id)
            if session.login and self._logins.get(session.tenant_id, session.login) is None
        ]

    async def reported(self, host_id: str, report: Report) -> bool:
        """Take over what the host says. False: it is about a session that this host has no record of (an orphan).

        Raises ProtocolError for a change that the table does not hold, Unavailable.
        """
        session = self._sessions.get(report.tenant, report.session)
        if session is None or session.host_id != host_id:
            return False
        if report.state == "ended":
            await self._ended(session, report)
            return True
        now = self._clock.now()
        changed = await self._sessions.change(report.tenant, report.session, lambda s: _moved(s, report, now))
        if changed is not None and (changed.state, changed.stage) != (session.state, session.stage):
            log.info("session %s", changed.state, extra=_ids_of(changed, stage=changed.stage))
        if changed is not None and changed.stage != session.stage:
            self._outcomes.reached(changed)
            self._moves(changed, session.stage)
        return True

    async def end(
        self,
        tenant_id: str,
        session_id: str,
        code: str,
        detail: str,
        still: Callable[[Session], bool] = lambda _: True,
    ) -> None:
        """Delete the session, if it is `still` to be; explain it under its reference unless somebody wanted it."""
        session = self._sessions.get(tenant_id, session_id)
        if session is None:
            return
        failed = session.state != "ending" and (session.stage != "ready" or code not in ENDS_BY_CHOICE)
        if failed:
            await self._traces.failed(session, code, CODES[code], f"{detail} [{code}]")
        if await self._sessions.remove(tenant_id, session_id, still) is not None:
            self._tell_end(session, code, detail, failed)

    async def reap(
        self,
        session: Session,
        detail: str,
        still: Callable[[Session], bool],
        conditions: Sequence[Condition],
        code: str = "host_lost",
    ) -> None:
        """Delete a session that its host cannot end, while all of `conditions` hold. Should the host still have it,
        it is told to end it when it comes back. Raises Unavailable, GridError.
        """
        code = session.end_code or code
        failed = session.state != "ending"
        if failed:
            await self._traces.failed(session, code, CODES[code], f"{detail} [{code}]")
        if await self._sessions.reap(session, code, still, conditions):
            self._tell_end(session, code, detail, failed)

    def _tell_end(self, session: Session, code: str, detail: str, failed: bool) -> None:
        self._outcomes.ended(session, code)
        self._ends(session, code, detail, failed)
        level = logging.WARNING if failed else logging.INFO
        log.log(level, "session ended: %s", detail, extra=_ids_of(session, code=code))

    def _changed(self, change: Change) -> None:
        if change.path[0] == "login" and change.record is None and change.previous is not None:
            self.cut(Login.from_json(change.previous.value))

    async def _ended(self, session: Session, report: Report) -> None:
        code = session.end_code or report.code
        if code is None:
            code = "application_closed" if session.stage == "ready" else "application_exited"
        detail = (report.detail or CODES.get(code, code)) + how_it_exited(code, report.exit_status)
        await self.end(session.tenant_id, session.id, code, detail)


def how_it_exited(code: str, status: int | None) -> str:
    """What the end of the application adds to why its session ended: nothing where the host ended it for that.

    `status`: negative is the number of a signal.
    """
    if status is None or (code != "application_exited" and status in _ENDED_BY_THE_HOST):
        return ""
    try:
        return f" (ended by {signal.Signals(-status).name})"
    except ValueError:
        return f" (exit status {status})"


def _moved(session: Session, report: Report, now: float) -> Session | None:
    """The session after the report, None if that changes nothing.

    A host that was not heard for a while reports where it is now: the way there leads through `ready`.
    """
    if session.state == "ending":
        return None
    stage = _later(session.stage, report.stage)
    if session.state == report.state and session.stage == stage:
        return None
    since = session.state_since if session.state == report.state else now
    if report.state != session.state and report.state not in TRANSITIONS[session.state]:
        session = session.moved_to("ready")
    return replace(session.moved_to(report.state, stage), state_since=since)


def _later(one: Stage, other: Stage) -> Stage:
    return max(one, other, key=STAGES.index)


def _ids_of(session: Session, **more: object) -> dict[str, object]:
    return ids(
        tenant=session.tenant_id,
        user=session.user_id,
        host=session.host_id,
        session=session.id,
        reference=session.reference,
        **more,
    )
