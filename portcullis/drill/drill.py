"""One drill: people at work, each fault in its turn, and what it cost them.

After every run typing pauses until all that was typed is acknowledged, and what the applications were given is read on
their hosts: that, and not what the clients believe, counts as lost or doubled.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import secrets
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from random import Random  # noqa: TID251  # see faults.py

from portcullis.drill import host_side
from portcullis.drill.faults import Fault, Struck
from portcullis.drill.figures import Row, Toll
from portcullis.drill.host_side import Application
from portcullis.drill.live_session import LiveSession
from portcullis.drill.people import LAUNCHING, TYPING, Administrator, People
from portcullis.drill.prober import Probe, Prober, failures
from portcullis.drill.scene import Scene
from portcullis.drill.waiting import POLL_SECONDS, until
from portcullis.errors import PortcullisError, Unavailable

STEADY_SECONDS = 60.0
FLUSH_SECONDS = 30.0
ARRIVAL_SECONDS = 5.0
TELLING_SECONDS = 30.0
WARM_UP_SECONDS = 1.5
BEFORE_SECONDS = 1.0
NEVER = 999.0
"""A sample of what did not happen within the drill's patience."""


@dataclass(frozen=True, slots=True)
class Run:
    """One strike, measured."""

    names: tuple[str, ...]
    samples: dict[str, list[float]]
    toll: Toll
    stalled: float
    """How long the drill itself was kept from running, at most: its figures are no better than that."""


@dataclass(frozen=True, slots=True)
class Times:
    """Monotonic. `undone`: when what was broken was put back."""

    struck: float
    undone: float
    settled: float
    back: float


@dataclass
class Drill:
    scene: Scene
    administrator: Administrator
    seed: int
    size: int
    say: Callable[[str], None]
    sessions: list[LiveSession] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._chance = Random(self.seed)  # noqa: S311  # see faults.py
        prefix = f"drill-{secrets.token_hex(3)}"
        self._people = People(self.administrator, self.scene.lab.urls, prefix)
        self._applications: dict[str, str] = {}
        self._found: dict[str, Application] = {}
        self._prober: Prober | None = None
        self._under_way: Fault | None = None

    def application_of(self, session: LiveSession) -> Application:
        return self._found[session.mark]

    async def start(self) -> None:
        self._applications = await self._people.publish()
        for _ in range(self.size):
            self.sessions.append(await self._new_session())
        await self._start_prober()

    async def stop(self) -> None:
        """Also after a start that failed: everything is put back, and the drill's people are gone."""
        self.scene.restore()
        if self._under_way is not None and self._under_way.settles is not None:
            try:
                await self._under_way.settles(self)
            except PortcullisError as exc:
                self.say(f"{self._under_way.title} was not taken back: {exc}")
        if self._prober is not None:
            await self._prober.stop()
        for session in self.sessions:
            await session.stop()
        await self._people.close()

    async def run(self, fault: Fault) -> Run:
        await self._until_steady()
        await asyncio.sleep(WARM_UP_SECONDS + self._chance.random())
        started = (
            time.monotonic()
        )  # before the strike: what is asked of the API takes effect while it is asked
        self._under_way = fault
        struck = await fault.strike(self, self._chance)
        await asyncio.sleep(fault.seconds)
        undone = time.monotonic()
        await asyncio.to_thread(self.scene.restore)
        if fault.settles is not None:
            await self._until_moved(struck)
            await fault.settles(self)
        self._under_way = None
        parts = [name for name in struck.names if name in self.scene.lab.services]
        back = await self.scene.until_ready(*parts) if parts else undone
        times = Times(struck.at or started, undone, await self._until_settled(struck), back)
        samples = {
            promise.measure: await self._measure(promise.measure, times, struck, fault)
            for promise in fault.promises
        }
        toll = await self._toll(struck, times)
        await self._replace([*struck.ends, *(each for each in self.sessions if each.ended)])
        stalled = max((p.seconds for p in self._probes("pulse", times)), default=0.0)
        return Run(struck.names, samples, toll, stalled)

    async def _new_session(self) -> LiveSession:
        person = await self._people.somebody()
        session = LiveSession(person, self._applications[TYPING], secrets.token_hex(4))
        await session.start()
        await until(lambda: host_side.find(self.scene.homes, session.mark), STEADY_SECONDS)
        found = host_side.find(self.scene.homes, session.mark)
        if found is None:
            raise Unavailable("unavailable", f"the application of {person.name} was given no key")
        found.take()
        self._found[session.mark] = found
        session.typed.clear()
        session.go_on()
        return session

    async def _start_prober(self) -> None:
        reader, launcher, changer = [await self._people.somebody() for _ in range(3)]
        self._prober = Prober(reader, launcher, changer, self._applications[LAUNCHING])
        self._prober.start()

    async def _until_steady(self) -> None:
        """Everything is in service, and every key arrives."""
        await self.scene.until_ready()
        await self._until_typing(self.sessions)

    async def _until_settled(self, struck: Struck) -> float:
        await self._until_typing([each for each in self.sessions if each not in struck.ends])
        return time.monotonic()

    async def _until_typing(self, sessions: Sequence[LiveSession]) -> None:
        """Keys that are typed from now on are applied. Those that never are show in the samples."""
        asked = time.monotonic()
        await until(lambda: all(each.ended or types_since(each, asked) for each in sessions), STEADY_SECONDS)

    async def _until_moved(self, struck: Struck) -> None:
        """Streams have left a part that drains."""
        urls = {self.scene.url_of(name) for name in struck.names if name in self.scene.lab.gateways}
        await until(lambda: all(each.gateway not in urls for each in struck.affected), STEADY_SECONDS)

    async def _measure(self, measure: str, times: Times, struck: Struck, fault: Fault) -> list[float]:
        assert self._prober is not None
        start, end = times.struck, times.settled
        match measure:
            case "typing":
                concerned = struck.affected or tuple(self.sessions)
                return [longest_wait(each, start - BEFORE_SECONDS, end) for each in concerned]
            case "resuming":
                return [resumed_after(each, times.undone) for each in struck.affected]
            case "reading":
                return [max((p.seconds for p in self._prober.between("read", start, end)), default=NEVER)]
            case "launching":
                await self._until_launched(start)
                return [p.seconds for p in self._prober.between("launch", start, time.monotonic())]
            case "refusing":
                refusals = self._prober.between("refusal", start, times.undone)
                return [p.seconds for p in refusals if p.started >= start] or [NEVER]
            case "degrading":
                refusals = self._prober.between("refusal", start, times.undone)
                first = min(refusals, key=lambda p: p.ended, default=None)
                return [NEVER if first is None else first.ended - max(first.started, start)]
            case "leaving":
                await self._until_changed(times.undone)
                late = self._prober.between("refusal", times.undone, time.monotonic())
                return [max((p.ended - times.undone for p in late), default=0.0)]
            case "back":
                return [times.back - (times.undone if fault.seconds else start)]
            case "telling":
                return [await self._told_after(each, start) for each in struck.ends]
            case "cutting":
                return [await lost_after(each, start) for each in struck.ends]
            case "moving":
                return [moved_after(each, start) for each in struck.affected]
        raise ValueError(measure)

    def _probes(self, kind: str, times: Times) -> list[Probe]:
        assert self._prober is not None
        return self._prober.between(kind, times.struck, times.settled)

    async def _until_launched(self, since: float) -> None:
        """A launch has ended that was under way then."""
        prober = self._prober
        assert prober is not None
        await until(lambda: prober.between("launch", since, math.inf), STEADY_SECONDS)

    async def _until_changed(self, since: float) -> None:
        """A change that was asked for then has been made."""
        prober = self._prober
        assert prober is not None
        await until(
            lambda: any(p.started >= since for p in prober.between("change", since, math.inf)), STEADY_SECONDS
        )

    async def _told_after(self, session: LiveSession, since: float) -> float:
        """The API says that the session is over."""
        deadline = time.monotonic() + TELLING_SECONDS
        while time.monotonic() < deadline:
            path = f"/api/v1/sessions/{session.session}"
            with contextlib.suppress(PortcullisError):
                answer = await session.person.answered("GET", path)
                if answer.status == 404 or answer.body.get("state") == "ended":
                    return time.monotonic() - since
            await asyncio.sleep(POLL_SECONDS)
        return NEVER

    async def _toll(self, struck: Struck, times: Times) -> Toll:
        assert self._prober is not None
        toll = Toll(failed=failures(self._prober.between("launch", times.struck, times.settled)))
        living = [each for each in self.sessions if each not in struck.ends]
        for session in living:
            if session not in struck.affected:
                toll.broken += sum(times.struck <= at <= times.settled for at, _ in session.losses)
            elif session.ended is not None:
                toll.broken += 1
        if struck.survives:
            toll.kept += sum(self.application_of(each).lives for each in struck.ends)
            toll.kept_of += len(struck.ends)
        await asyncio.gather(*(session.pause(FLUSH_SECONDS) for session in living))
        for session in living:
            application = self.application_of(session)
            difference = await arrived(session, application)
            toll.lost += difference.lost
            toll.doubled += difference.doubled
            toll.kept += application.lives
            toll.kept_of += 1
            session.typed.clear()
            session.losses.clear()
            session.go_on()
        return toll

    async def _replace(self, ended: Sequence[LiveSession]) -> None:
        """Others take the places of those whose sessions are over."""
        for session in {id(each): each for each in ended}.values():
            await session.stop()
            await session.log_off()
            self.sessions.remove(session)
            self.sessions.append(await self._new_session())
        if ended and len(ended) >= self.size and self._prober is not None:  # their logins are void, too
            await self._prober.stop()
            await self._start_prober()


def types_since(session: LiveSession, since: float) -> bool:
    return any(each.at >= since and each.applied_at is not None for each in reversed(session.typed[-50:]))


def longest_wait(session: LiveSession, start: float, end: float) -> float:
    return max((each.waited(end) for each in session.typed if start <= each.at <= end), default=NEVER)


def resumed_after(session: LiveSession, undone: float) -> float:
    """Until the first key is applied from then on."""
    applied = (each.applied_at for each in session.typed if each.applied_at and each.applied_at >= undone)
    return max(0.0, min(applied, default=undone + NEVER) - undone)


def moved_after(session: LiveSession, since: float) -> float:
    return max((at - since for at, _ in session.attached if at >= since), default=NEVER)


async def lost_after(session: LiveSession, since: float, patience: float = TELLING_SECONDS) -> float:
    """Until its stream was cut for good."""
    if not await until(lambda: session.ended, patience):
        return NEVER
    return min((at - since for at, _ in session.losses if at >= since), default=NEVER)


async def arrived(session: LiveSession, application: Application) -> host_side.Difference:
    """What the application was given, once it is all there or has had its time."""
    await until(lambda: len(application.news()) >= len(session.text), ARRIVAL_SECONDS)
    return host_side.compare(session.text, application.take())


def rows_of(fault: Fault, runs: Sequence[Run]) -> list[Row]:
    toll = Toll()
    samples: dict[str, list[float]] = defaultdict(list)
    for run in runs:
        toll.lost += run.toll.lost
        toll.doubled += run.toll.doubled
        toll.kept += run.toll.kept
        toll.kept_of += run.toll.kept_of
        toll.broken += run.toll.broken
        toll.failed += run.toll.failed
        for measure, values in run.samples.items():
            samples[measure] += values
    return [
        Row(fault.name, fault.title, fault.target, promise, len(runs), tuple(samples[promise.measure]), toll)
        for promise in fault.promises
    ]
