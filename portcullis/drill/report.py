"""What the person in front of the drill sees: each run as it goes, and the table in the end."""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from typing import TextIO

from portcullis.cli.output import width
from portcullis.drill.drill import NEVER, Run
from portcullis.drill.faults import Fault
from portcullis.drill.figures import Row

HEADINGS = ("FAULT", "MEASURED", "PROMISE", "P50", "P95", "MAX", "LOST", "DOUBLED", "KEPT", "")
_RIGHT = frozenset({2, 3, 4, 5, 6, 7, 8})
_GREEN, _RED, _FAINT, _BOLD, _PLAIN = "\033[32m", "\033[31m", "\033[2m", "\033[1m", "\033[0m"


class Screen:
    """Colours on a terminal alone."""

    def __init__(self, out: TextIO | None = None) -> None:
        self._out = out or sys.stdout
        self._colour = self._out.isatty()

    def line(self, text: str = "") -> None:
        print(text, file=self._out, flush=True)

    def begin(self, text: str) -> None:
        print(text, end="", file=self._out, flush=True)

    def painted(self, text: str, colour: str) -> str:
        return f"{colour}{text}{_PLAIN}" if self._colour else text

    def run_begins(self, number: int, of: int, fault: Fault, run: int, runs: int) -> None:
        counted = f" ({run}/{runs})" if runs > 1 else ""
        self.begin(f"{number:>3}/{of}  {fault.title}{counted} ... ")

    def run_ends(self, fault: Fault, run: Run) -> None:
        said = [
            f"{promise.measure} {seconds(max(run.samples[promise.measure], default=math.nan))}"
            for promise in fault.promises
        ]
        toll = run.toll
        cost = [
            f"{count} {what}"
            for count, what in (
                (toll.lost, "lost"),
                (toll.doubled, "doubled"),
                (toll.broken, "streams broken"),
                (toll.kept_of - toll.kept, "applications gone"),
            )
            if count
        ]
        if toll.failed:
            cost.append(f"launches failed: {', '.join(sorted(set(toll.failed)))}")
        late = f" (the drill itself stood still for {seconds(run.stalled)})" if run.stalled else ""
        names = self.painted(", ".join(run.names) + late, _FAINT)
        self.line(f"{', '.join(said)}  {names}" + self.painted("".join(f"  {each}" for each in cost), _RED))

    def table(self, rows: Sequence[Row]) -> None:
        cells = [HEADINGS, *table_cells(rows)]
        widths = [max(width(row[n]) for row in cells) for n in range(len(HEADINGS))]
        for number, row in enumerate(cells):
            text = "  ".join(_fitted(cell, widths[n], n in _RIGHT) for n, cell in enumerate(row)).rstrip()
            if number == 0:
                self.line(self.painted(text, _BOLD))
            else:
                self.line(self.painted(text, _PLAIN if rows[number - 1].holds else _RED))

    def verdict(self, rows: Sequence[Row]) -> None:
        broken = [row for row in rows if not row.holds]
        if not broken:
            self.line(self.painted(f"All {len(rows)} promises hold.", _GREEN))
            return
        self.line(self.painted(f"{len(broken)} of {len(rows)} promises are broken:", _RED))
        for reason in reasons_of(broken):
            self.line(f"  {reason}")


def table_cells(rows: Sequence[Row]) -> list[tuple[str, ...]]:
    """The fault is named in its first row alone."""
    found: list[tuple[str, ...]] = []
    last = ""
    for row in rows:
        toll = row.toll
        first = row.fault != last
        last = row.fault
        found.append(
            (
                row.title if first else "",
                row.promise.words,
                seconds(row.promise.seconds),
                seconds(row.p50),
                seconds(row.p95),
                seconds(row.maximum),
                str(toll.lost) if first else "",
                str(toll.doubled) if first else "",
                f"{toll.kept}/{toll.kept_of}" if first else "",
                "holds" if row.holds else "BROKEN",
            )
        )
    return found


def reasons_of(broken: Sequence[Row]) -> list[str]:
    """Each once: what a fault cost breaks all that is promised of it."""
    return list(dict.fromkeys(f"{row.title}: {why(row)}" for row in broken))


def why(row: Row) -> str:
    """What of it is broken."""
    toll = row.toll
    reasons = []
    if not row.samples:
        reasons.append(f"{row.promise.measure} was not measured")
    elif row.p95 > row.promise.seconds or row.maximum > 2 * row.promise.seconds:
        reasons.append(
            f"{row.promise.words}: {seconds(row.p95)} at p95, {seconds(row.maximum)} at most; "
            f"{seconds(row.promise.seconds)} is promised"
        )
    for count, what in (
        (toll.lost, "characters lost"),
        (toll.doubled, "characters doubled"),
        (toll.broken, "streams broken that should not notice"),
        (toll.kept_of - toll.kept, "applications ended"),
    ):
        if count:
            reasons.append(f"{count} {what}")
    if toll.failed:
        reasons.append(f"{len(toll.failed)} launches failed ({', '.join(sorted(set(toll.failed)))})")
    return "; ".join(reasons)


def seconds(value: float) -> str:
    if math.isnan(value):
        return "-"
    if value >= NEVER:
        return "never"
    return f"{value:.2f} s" if value < 10 else f"{value:.1f} s"


def _fitted(text: str, wide: int, right: bool) -> str:
    space = " " * (wide - width(text))
    return space + text if right else text + space
