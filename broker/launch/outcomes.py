"""How launches come out, for those who count: each of them once, whichever part of the broker sees its end."""

from __future__ import annotations

from typing import Protocol

from portcullis.clock import Clock
from portcullis.measuring import Metrics
from portcullis.metrics import LAUNCH_STAGE_SECONDS, LAUNCHES
from portcullis.model.session import Session


class Outcomes(Protocol):
    def answered(self, outcome: str) -> None:
        """The launch was over at once: `reconnected`, or the code of its refusal."""
        ...

    def reached(self, session: Session) -> None:
        """The host reported a later stage."""
        ...

    def ended(self, session: Session, code: str) -> None:
        """The session's record is gone."""
        ...


class Uncounted:
    """Nobody counts."""

    def answered(self, outcome: str) -> None: ...

    def reached(self, session: Session) -> None: ...

    def ended(self, session: Session, code: str) -> None: ...


class LaunchOutcomes:
    def __init__(self, metrics: Metrics, clock: Clock) -> None:
        self._metrics = metrics
        self._clock = clock

    def answered(self, outcome: str) -> None:
        self._metrics.count(LAUNCHES, outcome=outcome)

    def reached(self, session: Session) -> None:
        seconds = max(0.0, self._clock.now() - session.created)
        self._metrics.observe(LAUNCH_STAGE_SECONDS, seconds, stage=session.stage)
        if session.stage == "ready":
            self._metrics.count(LAUNCHES, outcome="ready")

    def ended(self, session: Session, code: str) -> None:
        """One that was ready has been counted then."""
        if session.stage != "ready":
            self._metrics.count(LAUNCHES, outcome=code)
