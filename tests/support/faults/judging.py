"""One run of a cluster under faults, and all that can be said against it."""

from __future__ import annotations

import asyncio
import math
import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.support.faults.clients import Notes
from tests.support.faults.cluster import Cluster, Size, cluster
from tests.support.faults.history import Recorder, Revision
from tests.support.faults.invariants import Life, lives, sessions_begun, violations
from tests.support.faults.linearizability import Call, explain
from tests.support.faults.models import NOTHING, is_read, own_session, tickets
from tests.support.faults.nemesis import Nemesis
from tests.support.patience import patient

SETTLING_SECONDS = 60.0
LOOK_SECONDS = 0.5


@dataclass(frozen=True)
class Run:
    seed: int
    faults: Sequence[str]
    history: tuple[Revision, ...]
    notes: dict[str, Notes]
    """By user id."""
    members_agree: bool

    @property
    def calls(self) -> int:
        return sum(len(notes.own) + sum(map(len, notes.tickets.values())) for notes in self.notes.values())

    def __str__(self) -> str:
        open_calls = sum(call.is_open for notes in self.notes.values() for call in notes.own)
        begun = len(sessions_begun(self.history))
        return (
            f"seed {self.seed}: {self.calls} calls ({open_calls} launches and ends of open outcome), {begun} sessions, "
            f"{len(self.history)} revisions; {', '.join(self.faults) or 'no fault'}"
        )


async def run_under_faults(
    folder: Path, size: Size, seed: int, seconds: float, faults: Sequence[str], longest_seconds: float = 4.0
) -> Run:
    """`faults`: which of `nemesis.FAULTS`; each stays for at most `longest_seconds`."""
    chance = random.Random(seed)
    async with cluster(folder, size, chance) as built:
        recorder = Recorder(built.grid, built.site_key)
        recorder.start()
        until = time.monotonic() + seconds
        nemesis = Nemesis(built, chance, faults, longest_seconds)
        await asyncio.gather(nemesis.rage(until), *(person.work(until) for person in built.people))
        await settled(built)
        history = await recorder.stop()
        return Run(seed, nemesis.done, history, built.notes, await built.etcd.members_agree())


async def violations_until_one_is_seen(
    folder: Path, size: Size, seed: int, seconds: float, faults: Sequence[str], longest_seconds: float = 4.0
) -> list[str]:
    """Of a run as above, which ends when its history shows the first, or after `seconds`."""
    chance = random.Random(seed)
    async with cluster(folder, size, chance) as built:
        recorder = Recorder(built.grid, built.site_key)
        recorder.start()
        until = time.monotonic() + seconds
        nemesis = Nemesis(built, chance, faults, longest_seconds)
        raging = asyncio.gather(nemesis.rage(until), *(person.work(until) for person in built.people))
        try:
            while not violations(recorder.so_far()) and not raging.done():
                await asyncio.wait([raging], timeout=LOOK_SECONDS)
        finally:
            raging.cancel()
            await asyncio.gather(raging, return_exceptions=True)
            history = await recorder.stop()
        return violations(history)


async def settled(built: Cluster) -> None:
    """All is mended: every host is connected, and what is ending ends."""
    async with asyncio.timeout(patient(SETTLING_SECONDS)):
        await asyncio.gather(*(host.connected.wait() for host in built.hosts))


def charges(run: Run) -> list[str]:
    """Every sentence is a broken promise."""
    found = violations(run.history)
    begun = sessions_begun(run.history)
    found += [f"session {session} began {times} times" for session, times in begun.items() if times > 1]
    known = lives(run.history)
    for user, notes in run.notes.items():
        found += _never_stored(notes, begun)
        found += _not_linearizable(user, notes, known)
    if not run.members_agree:
        found.append("the members of the grid hold different data")
    return found


def _never_stored(notes: Notes, begun: dict[str, int]) -> Iterator[str]:
    for call in notes.own:
        is_new = not call.is_open and call.asked == ("launch",) and call.answer[0] == "new"
        if is_new and call.answer[1] not in begun:
            yield f"launch of {call.answer[1]} was acknowledged, and the grid never held it"


def _not_linearizable(user: str, notes: Notes, known: dict[str, Life]) -> Iterator[str]:
    verdict = explain(_own_calls(user, notes, known), NOTHING, own_session, is_read)
    if not verdict.is_linearizable:
        yield f"launches of user {user}: {verdict}"
    for session, calls in notes.tickets.items():
        verdict = explain(calls, (0, frozenset()), tickets, is_read)
        if not verdict.is_linearizable:
            yield f"tickets of session {session}: {verdict}"


def _own_calls(user: str, notes: Notes, known: dict[str, Life]) -> Iterator[Call]:
    """What was answered; and of the grid: what went, and what began without being told as new.

    A launch whose first try was lost finds its own session running, and says so: it is its maker all the same.
    """
    answered = [call for call in notes.own if call.asked != ("launch",) or not call.is_open]
    yield from answered
    told = {call.answer[1] for call in answered if call.asked == ("launch",) and call.answer[0] == "new"}
    for session, life in known.items():
        if life.user != user:
            continue
        if session not in told:
            yield Call(
                _asked_for(session, life, notes), life.begun_at, ("launch",), ("new", session), "untold"
            )
        if life.gone_at:
            yield Call(0.0, life.gone_at, ("gone", session), "seen")


def _asked_for(session: str, life: Life, notes: Notes) -> float:
    """Since when it may have been there; no time at all, which no order allows, when nobody asked for it."""
    launches = [call for call in notes.own if call.asked == ("launch",) and call.begun <= life.begun_at]
    askers = [call.begun for call in launches if call.is_open or call.answer == ("again", session)]
    return min(askers, default=math.inf)
