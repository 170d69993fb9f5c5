"""What one stream is like, in figures: how fast its frames were made and drawn, and what holds them up. Pure.

Kept for the last seconds only. `limit_of` is the plain verdict that a user reads: it names what costs most of the time
between a change and its being seen, and nothing while all of it is good.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from enum import IntEnum

WINDOW_SECONDS = 10.0
_MOST_KEPT = 2048
"""Frames of the window; more are never sent in it."""


class Limit(IntEnum):
    """`limit` of QUALITY."""

    NONE = 0
    NETWORK = 1
    HOST = 2
    CLIENT = 3


GOOD_ROUND_TRIP_SECONDS = 0.1
GOOD_ENCODING_SECONDS = 0.025
GOOD_DRAWING_SECONDS = 0.03
GOOD_QUEUEING_SECONDS = 0.03
"""What nobody notices."""
NOTICED_SECONDS = 0.01
GIVEN_UP_PERCENT = 85
BUSY_PERCENT = 150
"""Of the host's load: what is ready to run waits."""


@dataclass(frozen=True, slots=True)
class Seconds:
    """Of one stream, over the last second or ten."""

    frames_per_second: float
    bytes_per_second: float
    encoding: float
    """Mean time from looking at the screen to sending the frame."""
    drawing: float
    """Mean time from the frame's arrival to its being drawn, as the client says."""


@dataclass(frozen=True, slots=True)
class _Frame:
    at: float
    size: int
    encoding: float


class Figures:
    def __init__(self) -> None:
        self._frames: deque[_Frame] = deque(maxlen=_MOST_KEPT)
        self._drawn: deque[tuple[float, float]] = deque(maxlen=_MOST_KEPT)

    def sent(self, size: int, encoding: float, now: float) -> None:
        self._frames.append(_Frame(now, size, encoding))
        while self._frames[0].at < now - WINDOW_SECONDS:
            self._frames.popleft()

    def drawn(self, seconds: float, now: float) -> None:
        self._drawn.append((now, seconds))
        while self._drawn[0][0] < now - WINDOW_SECONDS:
            self._drawn.popleft()

    def over(self, seconds: float, now: float) -> Seconds:
        """Of the last seconds, ten at most."""
        frames = [frame for frame in self._frames if frame.at > now - seconds]
        drawn = [took for at, took in self._drawn if at > now - seconds]
        return Seconds(
            len(frames) / seconds,
            sum(frame.size for frame in frames) / seconds,
            _mean([frame.encoding for frame in frames]),
            _mean(drawn),
        )


def limit_of(
    round_trip: float, queueing: float, seconds: Seconds, quality_percent: int, load_percent: int
) -> Limit:
    """`queueing`: of path and client together, as pacing sees it."""
    of_path = max(0.0, queueing - seconds.drawing)
    costs = {
        Limit.NETWORK: max(0.0, round_trip - queueing - GOOD_ROUND_TRIP_SECONDS)
        + max(0.0, of_path - GOOD_QUEUEING_SECONDS),
        Limit.HOST: max(0.0, seconds.encoding - GOOD_ENCODING_SECONDS),
        Limit.CLIENT: max(0.0, seconds.drawing - GOOD_DRAWING_SECONDS),
    }
    worst = max(costs, key=lambda limit: costs[limit])
    if costs[worst] >= NOTICED_SECONDS:
        return worst
    if quality_percent < GIVEN_UP_PERCENT:
        return Limit.NETWORK
    if load_percent > BUSY_PERCENT and costs[Limit.HOST] > 0:
        return Limit.HOST
    return Limit.NONE


def _mean(values: list[float]) -> float:
    return sum(values) / len(values) if values else 0.0
