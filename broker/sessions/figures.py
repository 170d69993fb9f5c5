"""How the streams of sessions are, in memory alone: what hosts connected here said, and what other brokers heard.

As with the loads of hosts, each has an age by the clock of the broker that heard it; what nobody renewed is forgotten:
its view is hidden or gone, or its host is silent.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from portcullis.clock import Clock
from portcullis.measuring import Metrics
from portcullis.metrics import STREAM_ECHO_SECONDS, STREAM_LIMITS, STREAM_ROUND_TRIP_SECONDS
from portcullis.model.stream_figures import StreamFigures

FRESH_SECONDS = 30.0
"""A worker says so each 10 s, its agent passes it on within 5 s, a peer within 2 s."""
PASSED_ON_SECONDS = 5.0
"""A peer is told each 2 s of what is this young: a message may be lost."""
MOST_SESSIONS = 20_000
MOST_PASSED_ON = 1000


@dataclass(frozen=True, slots=True)
class FiguresSample:
    figures: StreamFigures
    age: float


@dataclass(frozen=True, slots=True)
class _Heard:
    figures: StreamFigures
    at: float
    is_own: bool


class SessionFigures:
    def __init__(self, clock: Clock, metrics: Metrics) -> None:
        self._clock = clock
        self._metrics = metrics
        self._heard: dict[str, _Heard] = {}
        """The oldest first."""

    def get(self, session_id: str) -> StreamFigures | None:
        """The newest; None where nobody said anything lately."""
        heard = self._heard.get(session_id)
        return heard.figures if heard is not None and self._age(heard) < FRESH_SECONDS else None

    def hear(self, figures: Mapping[str, StreamFigures]) -> None:
        """A host, whose channel is here, says so now."""
        now = self._clock.monotonic()
        for session_id, each in figures.items():
            self._keep(session_id, _Heard(each, now, True))
            self._count(each)
        self._forget()

    def own(self) -> dict[str, FiguresSample]:
        """What hosts said here in the last seconds, for the other brokers."""
        young = {
            session_id: FiguresSample(heard.figures, self._age(heard))
            for session_id, heard in self._heard.items()
            if heard.is_own and self._age(heard) < PASSED_ON_SECONDS
        }
        return dict(list(young.items())[-MOST_PASSED_ON:])

    def take(self, samples: Mapping[str, FiguresSample]) -> None:
        """What another broker heard."""
        now = self._clock.monotonic()
        for session_id, sample in samples.items():
            at, known = now - sample.age, self._heard.get(session_id)
            if known is None or known.at < at:
                self._keep(session_id, _Heard(sample.figures, at, False))
        self._forget()

    def _keep(self, session_id: str, heard: _Heard) -> None:
        self._heard.pop(session_id, None)
        self._heard[session_id] = heard

    def _forget(self) -> None:
        while self._heard:
            oldest = next(iter(self._heard))
            if len(self._heard) <= MOST_SESSIONS and self._age(self._heard[oldest]) < FRESH_SECONDS:
                return
            del self._heard[oldest]

    def _age(self, heard: _Heard) -> float:
        return self._clock.monotonic() - heard.at

    def _count(self, figures: StreamFigures) -> None:
        self._metrics.count(STREAM_LIMITS, limit=figures.limit)
        self._metrics.observe(STREAM_ROUND_TRIP_SECONDS, figures.round_trip_ms / 1000)
        if figures.echo_p95_ms:
            self._metrics.observe(STREAM_ECHO_SECONDS, figures.echo_p95_ms / 1000)
