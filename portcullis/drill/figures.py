"""Samples become rows. Pure.

A row is one fault and one thing that was promised of it; `lost`, `doubled`, `kept` and `broken` are of all its runs.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Promise:
    """`measure` names how the samples come about (drill.py), `words` tell a person."""

    measure: str
    seconds: float
    words: str


@dataclass(slots=True)
class Toll:
    """What a fault cost the live sessions, in all its runs."""

    lost: int = 0
    doubled: int = 0
    kept: int = 0
    kept_of: int = 0
    broken: int = 0
    """Streams that were lost where none should have been."""
    failed: list[str] = field(default_factory=list)
    """Codes of launches that failed."""

    @property
    def is_nothing(self) -> bool:
        return not (self.lost or self.doubled or self.broken or self.failed) and self.kept == self.kept_of


@dataclass(frozen=True, slots=True)
class Row:
    fault: str
    title: str
    target: str
    promise: Promise
    runs: int
    samples: tuple[float, ...]
    toll: Toll

    @property
    def holds(self) -> bool:
        """At p95; the slowest may take twice as long."""
        if not self.samples:
            return False
        in_time = self.p95 <= self.promise.seconds and max(self.samples) <= 2 * self.promise.seconds
        return in_time and self.toll.is_nothing

    @property
    def p50(self) -> float:
        return percentile(self.samples, 50)

    @property
    def p95(self) -> float:
        return percentile(self.samples, 95)

    @property
    def maximum(self) -> float:
        return percentile(self.samples, 100)

    def to_json(self) -> dict[str, Any]:
        return {
            "fault": self.fault,
            "target": self.target,
            "measure": self.promise.measure,
            "runs": self.runs,
            "samples": len(self.samples),
            "promise_seconds": self.promise.seconds,
            "p50_seconds": _rounded(self.p50),
            "p95_seconds": _rounded(self.p95),
            "max_seconds": _rounded(self.maximum),
            "lost": self.toll.lost,
            "doubled": self.toll.doubled,
            "kept": self.toll.kept,
            "kept_of": self.toll.kept_of,
            "broken": self.toll.broken,
            "failed": self.toll.failed,
            "holds": self.holds,
        }


def percentile(samples: Sequence[float], percent: float) -> float:
    """The nearest rank: a value that was measured. NaN of nothing."""
    if not samples:
        return math.nan
    ordered = sorted(samples)
    return ordered[max(0, math.ceil(percent / 100 * len(ordered)) - 1)]


def _rounded(value: float) -> float | None:
    return None if math.isnan(value) else round(value, 3)
