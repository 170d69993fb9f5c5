"""All sessions of this host: brings what runs in line with what the site desires, level-triggered and idempotent.

One task a session (`session.py`); the decision is pure (`desired.py`). Reports go to a callback as they change; what is
known now is always to be had from `reports`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from agents.contracts import Adopted, AskCredentials, Launcher
from agents.credentials import no_credentials
from agents.sessions import desired
from agents.sessions.launches import Launches, Uncounted
from agents.sessions.session import Session, TimeLimits
from portcullis.errors import ProtocolError
from portcullis.logs import ids
from portcullis.model.session import State
from portcullis.model.stream_figures import StreamFigures
from portcullis.protocol.channel import Cut
from portcullis.protocol.orders import Desired, Order
from portcullis.protocol.reports import About, Report, parse_about
from portcullis.protocol.worker_channel import Cut as CutLogin
from portcullis.protocol.worker_channel import GrantKeys, Start, Status
from portcullis.tasks import cancel_and_wait, spawn

log = logging.getLogger(__name__)

CLOCK_SECONDS = 1.0
WORTH_TELLING_SECONDS = 30


@dataclass(frozen=True, slots=True)
class SiteFacts:
    """What every worker is told of the site."""

    host: str
    site: str
    ca: str
    grant_keys: Mapping[str, str]
    clock: float = 0.0
    """`portcullis.clock.SiteClock.base`."""
    video: str = ""
    """How the host lets regions that move be encoded."""

    def start_of(self, order: Order) -> Start:
        return Start(
            session=order.session,
            tenant=order.tenant,
            host=self.host,
            site=self.site,
            width=order.display.width,
            height=order.display.height,
            ca=self.ca,
            grant_keys=self.grant_keys,
            clock=self.clock,
            layout=order.display.layout,
            locale=order.display.locale,
            device_pixel_ratio=order.display.device_pixel_ratio,
            reference=order.reference,
            video=self.video,
            reads_keys_late=order.wine is not None,
        )


class Manager:
    def __init__(
        self,
        launcher: Launcher,
        facts: SiteFacts,
        on_report: Callable[[Report], None],
        limits: TimeLimits | None = None,
        launches: Launches | None = None,
        on_worker: Callable[[Session], None] = lambda _: None,
        credentials: AskCredentials = no_credentials,
    ) -> None:
        self._credentials = credentials
        self._on_worker = on_worker
        self.facts = facts
        self._launcher = launcher
        self._on_report = on_report
        self._limits = limits or TimeLimits()
        self._launches = launches or Uncounted()
        self._sessions: dict[str, Session] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}

    async def start(self) -> None:
        """Adopt the sessions that run on this host."""
        for adopted in await self._launcher.adopt():
            self._adopt(adopted)
        self._tell_facts()

    async def stop(self) -> None:
        """Let go of the sessions; they go on."""
        await cancel_and_wait(*self._tasks.values())

    def reports(self) -> tuple[Report, ...]:
        return tuple(session.report() for session in self._sessions.values())

    def take_figures(self) -> dict[str, StreamFigures]:
        """Of each stream whose worker has told since the last time."""
        told = {session.id: session.take_figures() for session in self._sessions.values()}
        return {session: figures for session, figures in told.items() if figures is not None}

    def unused(self) -> dict[str, int]:
        """Seconds for which nobody has used a session, where it is worth telling."""
        told = {session.id: session.unused_seconds for session in self._sessions.values()}
        return {session: seconds for session, seconds in told.items() if seconds >= WORTH_TELLING_SECONDS}

    def states(self) -> Iterable[State]:
        return (session.state for session in self._sessions.values())

    def sessions(self) -> tuple[Session, ...]:
        return tuple(self._sessions.values())

    def workers(self) -> list[int]:
        """Process ids of the workers that live."""
        pids = (session.worker for session in self._sessions.values())
        return [pid for pid in pids if pid is not None]

    def find(self, session: str, tenant: str) -> Session | None:
        found = self._sessions.get(session)
        return found if found is not None and found.tenant == tenant else None

    async def apply(self, wanted: Desired) -> None:
        runs = {name: session.run_state for name, session in self._sessions.items()}
        for action in desired.actions(wanted.sessions, runs):
            match action:
                case desired.Start(order):
                    self._start(order)
                case desired.End(name):
                    log.info("session ends", extra=ids(session=name))
                    self._sessions[name].end("logged_off")
                case desired.ReportGone(order, code):
                    self._report_gone(order, code)
                case desired.Forget(name):
                    await self._forget(name)

    def cut(self, message: Cut) -> None:
        for session in self._sessions.values():
            if session.tenant == message.tenant:
                session.send(CutLogin(message.login, message.code))

    def set_grant_keys(self, grant_keys: Mapping[str, str]) -> None:
        if dict(grant_keys) != dict(self.facts.grant_keys):
            self.facts = replace(self.facts, grant_keys=dict(grant_keys))
            self._tell_facts()

    def set_clock(self, base: float) -> None:
        """A new channel tells the time anew; what differs by less than a second is the way that it took."""
        if abs(base - self.facts.clock) > CLOCK_SECONDS:
            self.facts = replace(self.facts, clock=base)
            self._tell_facts()

    def set_ca(self, ca: str) -> None:
        if ca != self.facts.ca:
            self.facts = replace(self.facts, ca=ca)
            self._tell_facts()

    def _tell_facts(self) -> None:
        for session in self._sessions.values():
            session.send(GrantKeys(self.facts.grant_keys, self.facts.clock, self.facts.ca))

    def _start(self, order: Order) -> None:
        session = self._new(order.session, order.tenant, order.reference)
        with session.named():
            log.info("session starts", extra=ids(application=order.application_name))
        self._run(session, session.launch(order, self.facts.start_of(order)))

    def _adopt(self, adopted: Adopted) -> None:
        status = adopted.status
        tenant, reference = (str(status.about.get(name, "")) for name in ("tenant", "reference"))
        session = self._new(status.session, tenant, reference)
        session.about = _about(status)
        session.adopt(status)
        with session.named():
            log.info("session adopted", extra=ids(stage=status.stage))
        self._launches.adopted()
        if adopted.link is None:
            session.adopt_ended(status)
        else:
            session.progress = session.progress.after(status)
            self._run(session, session.follow(adopted.link))

    def _report_gone(self, order: Order, code: str) -> None:
        session = self._new(order.session, order.tenant, order.reference)
        with session.named():
            log.warning("session does not run here", extra=ids(state=order.state))
        session.progress = session.progress.failed(code, None)
        self._on_report(session.report())

    async def _forget(self, name: str) -> None:
        await cancel_and_wait(self._tasks.pop(name, None))
        del self._sessions[name]
        await self._launcher.forget(name)

    def _new(self, session: str, tenant: str, reference: str) -> Session:
        made = Session(
            session,
            tenant,
            self._launcher,
            self._limits,
            self._on_report,
            reference,
            self._launches,
            self._on_worker,
            self._credentials,
        )
        self._sessions[session] = made
        return made

    def _run(self, session: Session, work: Any) -> None:
        with session.named():
            self._tasks[session.id] = spawn(work, name=f"session-{session.id}")


def _about(status: Status) -> About | None:
    """As it was given to the leader; an older agent gave less."""
    try:
        return parse_about(status.about.get("order"))
    except ProtocolError:
        return None
