"""Is a history of calls linearizable? The search of Wing and Gong with the memory of Lowe.

A history is what clients saw of one thing (a user's session of an application, a session's tickets): each call with
the times between which it took effect. A call of unknown outcome may have taken effect at any time after it began, or
never. The model says what a thing may answer; `explain` finds an order of the calls that the model allows, or says how
far it got.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any


class Unknown:
    """The answer of a call whose answer never came."""

    def __repr__(self) -> str:
        return "UNKNOWN"


UNKNOWN = Unknown()
MAXIMUM_PLACES = 300_000


@dataclass(frozen=True, slots=True)
class Call:
    begun: float
    ended: float
    asked: tuple[Any, ...]
    answer: Any
    client: str = ""

    @property
    def is_open(self) -> bool:
        return self.answer is UNKNOWN


Step = Callable[[Any, tuple[Any, ...], Any], Iterable[Hashable]]
"""From a state, what was asked and the answer (maybe UNKNOWN): the states in which the thing may be then; none if it
cannot have answered so."""


@dataclass(frozen=True, slots=True)
class Verdict:
    is_linearizable: bool
    order: tuple[Call, ...]
    """The whole order, or the longest that the model allows."""
    stuck: tuple[Call, ...] = ()
    """What might have come next there, and may not."""

    def __str__(self) -> str:
        if self.is_linearizable:
            return f"linearizable: {len(self.order)} calls"
        after = "\n".join(f"    {call}" for call in self.order[-5:])
        then = "\n".join(f"    {call}" for call in self.stuck)
        return f"not linearizable. After\n{after}\n  none of these is allowed:\n{then}"


class Undecided(Exception):
    """Too many orders are possible to look at all of them."""


def explain(
    calls: Sequence[Call], initial: Hashable, step: Step, is_read: Callable[[Call], bool] = lambda _: False
) -> Verdict:
    """Whether some order of `calls`, each at a moment between its begin and end, follows the model.

    `is_read`: whether the call changes nothing in whatever state allows it. Such a call is put as early as it can be,
    which loses no order and saves most of the search. Raises Undecided.
    """
    history = sorted(calls, key=lambda call: call.begun)
    ends = [math.inf if call.is_open else call.ended for call in history]
    required = sum(1 << index for index, call in enumerate(history) if not call.is_open)
    seen: set[tuple[int, Hashable]] = set()
    best: list[int] = []
    best_stuck: list[int] = []
    stack: list[tuple[int, Hashable, list[int]]] = [(0, initial, [])]
    while stack:
        if len(seen) > MAXIMUM_PLACES:
            raise Undecided(f"{len(history)} calls")
        done, state, order = stack.pop()
        if done & required == required:
            return Verdict(True, tuple(history[index] for index in order))
        candidates = _candidates(history, ends, done)
        if len(order) >= len(best):
            best, best_stuck = order, candidates
        early = next(
            (i for i in candidates if is_read(history[i]) and _allows(step, state, history[i])), None
        )
        if early is not None:
            candidates = [early]
        for index in reversed(candidates):
            call = history[index]
            for after in step(state, call.asked, call.answer):
                place = (done | 1 << index, after)
                if place not in seen:
                    seen.add(place)
                    stack.append((*place, [*order, index]))
    return Verdict(False, tuple(history[i] for i in best), tuple(history[i] for i in best_stuck))


def _allows(step: Step, state: Hashable, call: Call) -> bool:
    return state in step(state, call.asked, call.answer)


def _candidates(history: Sequence[Call], ends: Sequence[float], done: int) -> list[int]:
    """Calls that may come next: not done, and begun before every other that is not done has ended."""
    pending = [index for index in range(len(history)) if not done >> index & 1]
    horizon = min((ends[index] for index in pending), default=math.inf)
    return [index for index in pending if history[index].begun <= horizon]
