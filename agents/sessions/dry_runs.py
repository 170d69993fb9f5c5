"""Answers to the broker's dry runs (docs/protocol.md 4): what this machine says, and what the agent itself knows.

Nothing is changed by it, and sessions come first: few are answered at a time, each look has a bound, and what is not
known in time is said to be skipped. The looks run in threads; none of them outlives its bound by much.
"""

from __future__ import annotations

import asyncio
import logging
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from portcullis.protocol.checks import ANSWER_SECONDS, Check, Checked, CheckResult

log = logging.getLogger(__name__)

AT_ONCE = 4
LOOK_SECONDS = 0.75 * ANSWER_SECONDS
"""The rest is for the way."""

Looks = Callable[[Check], Mapping[str, Callable[[], CheckResult]]]


@dataclass(frozen=True, slots=True)
class Knowledge:
    """What the agent knows without a look at its machine."""

    slots: int
    running: Callable[[], int]
    memory_available_bytes: Callable[[], int]
    links: Callable[[], tuple[int, int]]
    """To gateways: how many stand, and how many should."""
    takes_place: Callable[[Check], bool] = lambda check: True
    """Whether a session of it would take one of the places."""


class DryRuns:
    def __init__(self, looks: Looks, knowledge: Knowledge) -> None:
        self._looks = looks
        self._knowledge = knowledge
        self._under_way = 0

    async def answer(self, check: Check) -> Checked:
        if self._under_way >= AT_ONCE:
            busy = CheckResult("account", "skipped", f"the host makes {AT_ONCE} dry runs already")
            return Checked(check.id, (busy,))
        self._under_way += 1
        try:
            looked = [_bounded(what, look) for what, look in self._looks(check).items()]
            results = await asyncio.gather(*looked)
        finally:
            self._under_way -= 1
        room = [self._room()] if self._knowledge.takes_place(check) else []
        return Checked(check.id, (*results, *room, self._gateways()))

    def _room(self) -> CheckResult:
        free = self._knowledge.slots - self._knowledge.running()
        memory = f"{self._knowledge.memory_available_bytes() >> 20} MiB of memory"
        detail = f"{max(0, free)} of {self._knowledge.slots} places and {memory} are free"
        if free <= 0:
            return CheckResult("room", "failed", detail, "host_full")
        return CheckResult("room", "passed", detail)

    def _gateways(self) -> CheckResult:
        up, wanted = self._knowledge.links()
        detail = f"{up} of {wanted} links to gateways stand"
        if not up:
            return CheckResult("gateways", "failed", detail, "host_unreachable")
        return CheckResult("gateways", "passed" if up >= wanted else "info", detail)


async def _bounded(what: str, look: Callable[[], CheckResult]) -> CheckResult:
    try:
        async with asyncio.timeout(LOOK_SECONDS):
            return await asyncio.to_thread(look)
    except (TimeoutError, subprocess.TimeoutExpired):
        return CheckResult(what, "skipped", f"it took longer than {LOOK_SECONDS * 1000:.0f} ms")
    except (OSError, ValueError, subprocess.SubprocessError) as exc:
        log.warning("a dry run could not look at the %s: %r", what, exc)
        return CheckResult(what, "skipped", f"it could not be looked at: {exc}")
