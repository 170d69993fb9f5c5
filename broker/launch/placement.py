"""Placement: which of the hosts that could take a session takes it, and on which of its free slots. Pure.

The least loaded host wins: the share of its slots that is taken, plus its reported load. Equal ones are drawn
by lot, and so is the slot: brokers that decide at the same moment then rarely claim the same key.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from portcullis.model.host import Host

Choose = Callable[[int], int]
"""A random number from 0 up to, not including, its argument: `secrets.randbelow`."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A host as the plan sees it."""

    host: Host
    live: bool
    taken: frozenset[int] = frozenset()
    load: float | None = None
    """One-minute load divided by cores; None where this broker has no sample."""

    @property
    def free_slots(self) -> list[int]:
        return [slot for slot in range(self.host.slots) if slot not in self.taken]


def place(candidates: Sequence[Candidate], choose: Choose) -> tuple[Candidate, int]:
    """The chosen host and slot. Every candidate has a free slot, and there is at least one."""
    known = [candidate.load for candidate in candidates if candidate.load is not None]
    assumed = sum(known) / len(known) if known else 0.0
    scores = [_score(candidate, assumed) for candidate in candidates]
    lowest = min(scores)
    best = [candidate for candidate, score in zip(candidates, scores, strict=True) if score == lowest]
    chosen = best[choose(len(best))]
    free = chosen.free_slots
    return chosen, free[choose(len(free))]


def _score(candidate: Candidate, assumed_load: float) -> float:
    load = assumed_load if candidate.load is None else candidate.load
    return len(candidate.taken) / candidate.host.slots + load
