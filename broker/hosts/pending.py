"""Questions to one host over its control channel, paired with what it answers.

A host that says nothing in time, is of an older version, is asked too much or goes away meanwhile is silent; whoever
asked gets what stands for that silence, never an exception.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from enum import Enum
from typing import Generic, TypeVar

Answer = TypeVar("Answer")

MAXIMUM_PENDING = 16
"""Of one host and kind. Those who ask are people and scripts; a host has sessions to look after."""


class Silence(Enum):
    OLDER = "its agent does not name the feature in its hello"
    BUSY = "it is asked too much at once"
    LATE = "it said nothing in time"
    GONE = "its channel ended"


class PendingQuestions(Generic[Answer]):
    """Of one kind: those of agents that name `feature`, answered within so many seconds."""

    def __init__(self, feature: str, within_seconds: float, silent: Callable[[str, Silence], Answer]) -> None:
        """`silent`: what stands for an answer to the question of this id."""
        self._feature = feature
        self._within_seconds = within_seconds
        self._silent = silent
        self._pending: dict[str, asyncio.Future[Answer]] = {}
        self._is_known = False

    def know(self, features: frozenset[str]) -> None:
        """What the host's agent said in its hello."""
        self._is_known = self._feature in features

    async def ask(self, question_id: str, send: Callable[[], None]) -> Answer:
        if not self._is_known:
            return self._silent(question_id, Silence.OLDER)
        if len(self._pending) >= MAXIMUM_PENDING:
            return self._silent(question_id, Silence.BUSY)
        answered: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._pending[question_id] = answered
        try:
            send()
            async with asyncio.timeout(self._within_seconds):
                return await answered
        except TimeoutError:
            return self._silent(question_id, Silence.LATE)
        finally:
            del self._pending[question_id]

    def take(self, question_id: str, answer: Answer) -> None:
        """One that nobody waits for any more is dropped."""
        pending = self._pending.get(question_id)
        if pending is not None and not pending.done():
            pending.set_result(answer)

    def end(self) -> None:
        """The channel is over."""
        for question_id, pending in self._pending.items():
            if not pending.done():
                pending.set_result(self._silent(question_id, Silence.GONE))
