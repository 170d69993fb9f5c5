"""How launches on this host come out, for those who count."""

from __future__ import annotations

from typing import Protocol

from portcullis.measuring import Metrics
from portcullis.metrics import ADOPTED, AGENT_LAUNCHES, AGENT_STAGE_SECONDS
from portcullis.model.session import Stage


class Launches(Protocol):
    def reached(self, stage: Stage, seconds: float) -> None:
        """A session is at a later stage, so long after its order came."""
        ...

    def failed(self, code: str) -> None:
        """It ended before it was ready."""
        ...

    def adopted(self) -> None:
        """It was found running."""
        ...


class Uncounted:
    """Nobody counts."""

    def reached(self, stage: Stage, seconds: float) -> None: ...

    def failed(self, code: str) -> None: ...

    def adopted(self) -> None: ...


class LaunchCounts:
    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    def reached(self, stage: Stage, seconds: float) -> None:
        self._metrics.observe(AGENT_STAGE_SECONDS, seconds, stage=stage)
        if stage == "ready":
            self._metrics.count(AGENT_LAUNCHES, outcome="ready")

    def failed(self, code: str) -> None:
        self._metrics.count(AGENT_LAUNCHES, outcome=code)

    def adopted(self) -> None:
        self._metrics.count(ADOPTED)
