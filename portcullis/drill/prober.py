"""Asks all the time, as everybody at work does: reads and changes four times a second, launches one after
the other.

Each request goes on, gateway after gateway, until it is answered, so that its duration is how long the user waited. The
gateways take turns at being asked first, so that one that is gone is noticed.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from portcullis.drill.live_session import DISPLAY, until_ready
from portcullis.drill.person import Person
from portcullis.errors import PortcullisError
from portcullis.tasks import cancel_and_wait, spawn

READ_PAUSE_SECONDS = 0.25
LAUNCH_PAUSE_SECONDS = 1.0
PULSE_SECONDS = 0.1
NOTICEABLE_SECONDS = 0.25
GIVE_UP_SECONDS = 60.0
REFUSALS = frozenset({"grid_degraded", "broker_unreachable", "grid_unavailable", "unavailable"})
"""Codes that say clearly that nothing can be changed now."""


Kind = Literal["read", "launch", "change", "refusal", "pulse"]
"""A pulse tells how late the drill itself was, when it wanted to run."""


@dataclass(frozen=True, slots=True)
class Probe:
    kind: Kind
    started: float
    ended: float
    code: str = ""
    """Why it failed."""

    @property
    def seconds(self) -> float:
        return self.ended - self.started


@dataclass
class Prober:
    reader: Person
    launcher: Person
    changer: Person
    application: str
    probes: list[Probe] = field(default_factory=list)
    _tasks: list[asyncio.Task[None]] = field(default_factory=list)

    def start(self) -> None:
        self._tasks = [
            spawn(self._read(), name="drill-reader"),
            spawn(self._launch(), name="drill-launcher"),
            spawn(self._change(), name="drill-changer"),
            spawn(self._pulse(), name="drill-pulse"),
        ]

    async def stop(self) -> None:
        await cancel_and_wait(*self._tasks)

    def between(self, kind: str, start: float, end: float) -> list[Probe]:
        """Those that were under way then."""
        return [
            probe
            for probe in self.probes
            if probe.kind == kind and probe.ended >= start and probe.started <= end
        ]

    async def _pulse(self) -> None:
        while True:
            due = time.monotonic() + PULSE_SECONDS
            await asyncio.sleep(PULSE_SECONDS)
            now = time.monotonic()
            if now - due > NOTICEABLE_SECONDS:
                self.probes.append(Probe("pulse", due, now))

    async def _read(self) -> None:
        while True:
            started = time.monotonic()
            code = ""
            try:
                answer = await self.reader.answered("GET", "/api/v1/catalogue", seconds=GIVE_UP_SECONDS)
                code = answer.code
            except PortcullisError as exc:
                code = exc.code
            self.probes.append(Probe("read", started, time.monotonic(), code))
            self.reader.turn()
            await asyncio.sleep(READ_PAUSE_SECONDS)

    async def _change(self) -> None:
        """One that has no effect: it ends a session that never was. A clear refusal for the time being is noted."""
        while True:
            started = time.monotonic()
            path = f"/api/v1/sessions/{secrets.token_hex(8)}"
            try:
                answer = await self.changer.answered("DELETE", path, None, GIVE_UP_SECONDS, REFUSALS)
                code = answer.code
            except PortcullisError as exc:
                code = exc.code
            kind: Kind = "refusal" if code in REFUSALS else "change"
            self.probes.append(Probe(kind, started, time.monotonic(), code))
            self.changer.turn()
            await asyncio.sleep(READ_PAUSE_SECONDS)

    async def _launch(self) -> None:
        while True:
            started = time.monotonic()
            try:
                session, code = await self._launch_once()
            except PortcullisError as exc:
                session, code = "", exc.code
            self.probes.append(Probe("launch", started, time.monotonic(), code))
            if session:
                await self._log_off(session)
            self.launcher.turn()
            await asyncio.sleep(LAUNCH_PAUSE_SECONDS)

    async def _launch_once(self) -> tuple[str, str]:
        """The session, once it is ready, and the code if it was refused."""
        body = {"application": self.application, "display": DISPLAY}
        answer = await self.launcher.answered("POST", "/api/v1/sessions", body, GIVE_UP_SECONDS)
        if answer.status not in (200, 201):
            return "", answer.code
        session = str(answer.body["session"]["id"])
        await until_ready(self.launcher, session)
        return session, ""

    async def _log_off(self, session: str) -> None:
        try:
            await self.launcher.answered("DELETE", f"/api/v1/sessions/{session}", seconds=GIVE_UP_SECONDS)
            while True:
                answer = await self.launcher.answered(
                    "GET", f"/api/v1/sessions/{session}", seconds=GIVE_UP_SECONDS
                )
                if answer.status != 200:
                    return
                await asyncio.sleep(0.2)
        except PortcullisError:
            return  # the next launch finds it again, or not


def failures(probes: Iterable[Probe]) -> list[str]:
    return [probe.code for probe in probes if probe.code]
