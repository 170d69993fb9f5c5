"""How many sessions are prepared ahead of need, and when: never at the cost of those that are in use.

`plan` decides and is pure. `Warmth.run` is one task that asks it whenever a session changed, and now and then, since
memory becomes scarce without telling.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from agents.contracts import Launcher
from portcullis.model.session import State

RELEASE_BELOW_BYTES = 512 << 20
"""Memory that is left for sessions that run: below it, what is prepared ahead is given up."""
BEGIN_ABOVE_BYTES = 1024 << 20
"""Well above the former, so that preparing one (some 45 MB) does not bring about its release."""
QUIET_SECONDS = 2.0
"""After a launch its user attaches and looks at the first pictures: only then the next one is prepared."""
LOOK_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Situation:
    wanted: int
    """As many as the settings say."""
    free_slots: int
    is_launching: bool
    quiet_seconds: float
    """Since a session was last starting."""
    memory_available_bytes: int


@dataclass(frozen=True, slots=True)
class Plan:
    count: int
    may_begin: bool
    look_seconds: float
    """When to ask again, if nothing happens before."""


def plan(now: Situation) -> Plan:
    """One that is prepared holds no slot: on a host that is full it would only take memory from others."""
    count = max(0, min(now.wanted, now.free_slots))
    if now.memory_available_bytes < RELEASE_BELOW_BYTES:
        count = 0
    is_quiet = not now.is_launching and now.quiet_seconds >= QUIET_SECONDS
    has_room = now.memory_available_bytes >= BEGIN_ABOVE_BYTES
    return Plan(count, is_quiet and has_room, LOOK_SECONDS if is_quiet else QUIET_SECONDS)


class Warmth:
    def __init__(
        self,
        launcher: Launcher,
        wanted: int,
        slots: int,
        states: Callable[[], Iterable[State]],
        memory_available_bytes: Callable[[], int],
    ) -> None:
        self._launcher = launcher
        self._wanted = wanted
        self._slots = slots
        self._states = states
        self._memory_available_bytes = memory_available_bytes
        self._launched_at = -QUIET_SECONDS
        self._wake = asyncio.Event()

    def changed(self) -> None:
        """A session is in another state."""
        self._wake.set()

    async def run(self) -> None:
        """Until cancelled; then nothing is left that was prepared ahead."""
        try:
            while True:
                self._wake.clear()
                due = plan(self._situation())
                await self._launcher.keep_ready(due.count, due.may_begin)
                await self._changed_within(due.look_seconds)
        finally:
            await self._launcher.keep_ready(0)

    async def _changed_within(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._wake.wait()
        except TimeoutError:
            return

    def _situation(self) -> Situation:
        states = [state for state in self._states() if state != "ended"]
        if is_launching := "starting" in states:
            self._launched_at = time.monotonic()
        return Situation(
            wanted=self._wanted,
            free_slots=self._slots - len(states),
            is_launching=is_launching,
            quiet_seconds=time.monotonic() - self._launched_at,
            memory_available_bytes=self._memory_available_bytes(),
        )
