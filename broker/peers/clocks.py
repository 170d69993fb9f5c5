"""Which of several clocks is wrong, by majority: pure.

A clock is wrong when more than half of all clocks agree with each other and not with it. Where there is no majority,
such as among two that differ, each is suspect.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Literal

TOLERATED_SECONDS = 30.0

Verdict = Literal["", "right", "wrong", "unsure"]
"""`unsure`: it differs from another one, and no majority says which of them is wrong. "": nobody to compare with."""


@dataclass(frozen=True, slots=True)
class Offset:
    """By how many seconds a clock is ahead: no less than `low`, no more than `high`."""

    low: float
    high: float

    @property
    def middle(self) -> float:
        return (self.low + self.high) / 2

    @property
    def slack(self) -> float:
        return (self.high - self.low) / 2

    def seen_from(self, other: Offset) -> Offset:
        return Offset(self.low - other.high, self.high - other.low)

    @property
    def is_large(self) -> bool:
        """Whether it is beyond what is tolerated for certain."""
        return max(self.low, -self.high) > TOLERATED_SECONDS


def consensus(others: Collection[Offset], voters: int) -> Offset | None:
    """Where more than half of all `voters` stand, within what is tolerated of each other; None: there is no such."""
    needed = voters // 2 + 1
    ordered = sorted(others, key=lambda offset: offset.middle)
    groups = [ordered[first : first + needed] for first in range(len(ordered) - needed + 1)]
    if not groups:
        return None
    closest = min(groups, key=_span)
    if _span(closest) > TOLERATED_SECONDS:
        return None
    median, slack = closest[needed // 2].middle, max(offset.slack for offset in closest)
    return Offset(median - slack, median + slack)


def _span(group: list[Offset]) -> float:
    return group[-1].middle - group[0].middle


def verdicts(offsets: Mapping[str, Offset]) -> dict[str, tuple[Verdict, float]]:
    """Of each, and by how much it is ahead of the majority (of the one that differs most, if there is no majority)."""
    return {name: _verdict(name, offsets) for name in offsets}


def _verdict(name: str, offsets: Mapping[str, Offset]) -> tuple[Verdict, float]:
    mine = offsets[name]
    others = [offset for other, offset in offsets.items() if other != name]
    if not others:
        return "", 0.0
    if agreed := consensus(others, len(offsets)):
        apart = mine.seen_from(agreed)
        return "wrong" if apart.is_large else "right", apart.middle
    apart = max((mine.seen_from(other) for other in others), key=lambda offset: abs(offset.middle))
    return "unsure" if apart.is_large else "right", apart.middle


def told(seconds: float) -> str:
    """`1 h ahead of`, `40 s behind`."""
    size = abs(seconds)
    steps = ((172_800, 86_400, "days"), (7200, 3600, "h"), (120, 60, "min"))
    amount = next(
        (f"{size / unit:.0f} {name}" for least, unit, name in steps if size >= least), f"{size:.0f} s"
    )
    return f"{amount} {'ahead of' if seconds > 0 else 'behind'}"
