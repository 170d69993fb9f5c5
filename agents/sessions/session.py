"""One session of this host: its link to the leader, its progress, its time limits.

One task launches it (or takes an adopted link) and reads until the session has ended. The object stays until the
manager forgets it, so that the end is reported as long as anyone asks.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace

from agents.contracts import AskCredentials, Launcher, LeaderLink
from agents.credentials import no_credentials
from agents.sessions.desired import RunState
from agents.sessions.launches import Launches, Uncounted
from agents.sessions.progress import Progress, TimeLimit
from portcullis.errors import PortcullisError, Refused
from portcullis.logs import bound, ids
from portcullis.model.session import State
from portcullis.model.stream_figures import StreamFigures
from portcullis.protocol.orders import Order
from portcullis.protocol.reports import About, Report
from portcullis.protocol.worker_channel import (
    Dial,
    DialFailed,
    FromWorker,
    Start,
    Status,
    ToWorker,
    Unused,
    WorkerState,
)

log = logging.getLogger(__name__)

COPYING_FACTOR = 4
_MAXIMUM_HELD_DIALS = 8
"""As many as a worker takes at once."""


@dataclass(frozen=True, slots=True)
class TimeLimits:
    window_seconds: float = 30.0
    closed_seconds: float = 5.0
    """How long a session lives without a window after its application's main process has ended."""
    grace_seconds: float = 3.0
    """How long an application may take to end at log off."""


class Session:
    def __init__(
        self,
        session: str,
        tenant: str,
        launcher: Launcher,
        limits: TimeLimits,
        on_report: Callable[[Report], None],
        reference: str = "",
        launches: Launches | None = None,
        on_worker: Callable[[Session], None] = lambda _: None,
        credentials: AskCredentials = no_credentials,
    ) -> None:
        """`on_worker`: the session's worker listens now."""
        self._credentials = credentials
        self._shows_rdp = False
        self._makes_copy = False
        self._on_worker = on_worker
        self.id = session
        self.tenant = tenant
        self.reference = reference
        self.about: About | None = None
        """Unknown of a session that an older agent started."""
        self._figures: StreamFigures | None = None
        self._used_at: float | None = None
        """By the monotonic clock, as the worker told; None where it does not."""
        self.worker: int | None = None
        """Its process id, while it lives."""
        self.processes: Mapping[str, int] = {}
        """What its leader started, by name."""
        self._launches = launches or Uncounted()
        self._begun: float | None = None
        self.progress = Progress()
        self._launcher = launcher
        self._limits = limits
        self._on_report = on_report
        self._link: LeaderLink | None = None
        self._held_dials: list[Dial] | None = []
        """For clients that came before the worker's first state; it obeys nothing earlier. None from then on."""
        self._end: str | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._timed: TimeLimit | None = None
        self._reported: Report | None = None

    @property
    def run_state(self) -> RunState:
        if self.progress.ended:
            return "ended"
        return "ending" if self._end is not None or self.progress.code is not None else "running"

    @property
    def state(self) -> State:
        return self.progress.state

    @property
    def e(self) -> int:
        return self.progress.e

    def named(self) -> AbstractContextManager[None]:
        """What is logged inside says that it is about this session."""
        return bound(session=self.id, reference=self.reference or None)

    def report(self) -> Report:
        about = None if self.about is None else replace(self.about, e=self.progress.e)
        return replace(self.progress.report(self.id, self.tenant), about=about)

    async def launch(self, order: Order, start: Start) -> None:
        """Start the session and follow it to its end."""
        self._begun = time.monotonic()
        self.about = About.of(order)
        self._tell()
        try:
            link = await self._launched(order, start)
        except PortcullisError as exc:
            log.warning("session not started: %s", exc)
            self._advance(self.progress.failed(exc.code, exc.message))
        except Exception as exc:  # nobody else would tell the site
            self._give_up(exc)
        else:
            await self.follow(link)

    async def _launched(self, order: Order, start: Start) -> LeaderLink:
        if order.rdp is not None:
            self._shows_rdp = True
            return await self._launcher.launch(order, start, self._credentials)
        self._makes_copy = order.wine is not None
        if not order.command and order.wine is None and order.desktop is None:
            raise Refused("application_missing", "The order names no program.")
        return await self._launcher.launch(order, start)

    async def follow(self, link: LeaderLink) -> None:
        """Read what leader and worker say until the session has ended."""
        following: LeaderLink | None = link
        while following is not None:
            following = await self._follow(following)

    async def _follow(self, link: LeaderLink) -> LeaderLink | None:
        """Until the link has closed. Answers the one to go on with: only a leader's end is the session's."""
        self._link = link
        if self._end is not None:
            link.end(self._end, self._limits.grace_seconds)
        try:
            while (message := await link.receive()) is not None:
                self._hear(message)
            return await self._link_closed()
        except Exception as exc:  # nobody else would tell the site, nor end what still runs
            link.end("internal_error", 0)
            self._give_up(exc)
            return None
        finally:
            self._stop_timer()
            self._link = None
            await link.close()

    def adopt(self, status: Status) -> None:
        """What its leader kept of it."""
        self._shows_rdp = status.about.get("rdp") is True
        self._makes_copy = status.about.get("wine") is True
        self._note_worker(status)

    def adopt_ended(self, status: Status) -> None:
        self._advance(self.progress.after(status))

    def end(self, code: str, detail: str | None = None) -> None:
        """End it, as soon as it has a leader. More than once is as good as once."""
        if self.run_state == "running":
            self._end = code
            if self._link is not None:
                self._link.end(code, self._limits.grace_seconds, detail)

    def take_figures(self) -> StreamFigures | None:
        """What its stream was like, if the worker has said so since the last time."""
        figures, self._figures = self._figures, None
        return figures

    @property
    def unused_seconds(self) -> int:
        """For how long nobody has used it; 0 where that is not known."""
        return 0 if self._used_at is None else int(time.monotonic() - self._used_at)

    @property
    def knows_words(self) -> bool:
        """Whether its worker knows revocations of several sessions: it may be of an older release than this agent."""
        return self.progress.words > 0

    @property
    def takes_ca(self) -> bool:
        """Whether its worker takes another CA of the site while it runs: since there are words."""
        return self.progress.words > 0

    def send(self, message: ToWorker) -> None:
        if isinstance(message, Dial) and self._held_dials is not None:
            self._held_dials = [*self._held_dials, message][-_MAXIMUM_HELD_DIALS:]
        elif self._link is not None:
            self._link.send(message)

    def _hear(self, message: Status | FromWorker) -> None:
        if isinstance(message, DialFailed):
            log.warning("worker could not dial: %s", message.code)
        elif isinstance(message, StreamFigures):
            self._figures = message
        elif isinstance(message, Unused):
            self._used_at = time.monotonic() - message.seconds
        elif not isinstance(message, Status) or message.session:  # else: a leader before its launch
            self._note_worker(message)
            if isinstance(message, WorkerState):
                self._release_dials()
            self._advance(self.progress.after(message))

    def _release_dials(self) -> None:
        if self._held_dials is not None:
            self._on_worker(self)
        held, self._held_dials = self._held_dials or [], None
        for dial in held:
            self.send(dial)

    def _give_up(self, exc: Exception) -> None:
        log.error("session given up", exc_info=exc)
        self._advance(self.progress.failed("internal_error", f"{type(exc).__name__}: {exc}"))

    async def _link_closed(self) -> LeaderLink | None:
        if self.progress.ended:
            return None
        if (link := await self._launcher.reopen(self.id)) is not None:
            log.warning("the leader's link was closed, and is opened anew")
            return link
        if (status := await self._launcher.ended(self.id)) is not None:
            self._advance(self.progress.after(status))
            return None
        log.error("the session's leader was killed")
        await self._launcher.forget(self.id)
        self._advance(self.progress.failed("worker_failed", "the session's leader was killed"))
        return None

    def _advance(self, progress: Progress) -> None:
        if self.progress.ended:
            return
        self.progress = progress
        self._watch_time()
        self._tell()
        if progress.ended:
            self.worker = None
            with self.named():
                log.info("session ended", extra=ids(code=progress.code, detail=progress.detail))

    def _tell(self) -> None:
        report = self.report()
        if report != self._reported:
            before, self._reported = self._reported, report
            self._count(before, report)
            self._on_report(report)

    def _count(self, before: Report | None, now: Report) -> None:
        """An adopted session's launch was counted by the agent that saw it."""
        if self._begun is None or before is None:
            return
        if now.stage != before.stage:
            self._launches.reached(now.stage, time.monotonic() - self._begun)
        if now.state == "ended" and now.stage != "ready":
            self._launches.failed(now.code or "logged_off")

    def _note_worker(self, message: Status | FromWorker) -> None:
        if isinstance(message, Status):
            lives = "worker" in message.processes and "worker" not in message.exit_statuses
            self.worker = message.processes["worker"] if lives and not message.ended else None
            self.processes = {} if message.ended else message.processes

    def _watch_time(self) -> None:
        if (limit := self.progress.time_limit) == self._timed:
            return
        self._stop_timer()
        self._timed = limit
        if limit is not None:
            seconds = self._window_seconds if limit == "window" else self._limits.closed_seconds
            self._timer = asyncio.get_running_loop().call_later(seconds, self._expired, limit)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    @property
    def _window_seconds(self) -> float:
        """A first launch through Wine copies a template before anything can open."""
        return self._limits.window_seconds * (COPYING_FACTOR if self._makes_copy else 1)

    def _expired(self, limit: TimeLimit) -> None:
        if limit == "window":
            code = "rdp_timeout" if self._shows_rdp else "window_timeout"
            self.end(code, f"no window within {self._window_seconds:.0f} s")
        else:
            self.end("application_closed")
