"""What a measurement leaves: figures beside their limit and their peer of the same run, printed and kept as
JSON.

`report` ends every bench. The files in tests/output/bench are what `tests/bench/page.py` makes
docs/performance.md from.
"""

from __future__ import annotations

import json
import math
import os
import platform
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).resolve().parents[1] / "output" / "bench"


@dataclass(frozen=True, slots=True)
class Figure:
    """`limit` is in the figure's unit, `ratio_limit` is of value / peer: maxima, or minima where more is better."""

    name: str
    value: float
    unit: str
    limit: float | None = None
    peer: float | None = None
    peer_name: str = ""
    ratio_limit: float | None = None
    more_is_better: bool = False
    note: str = ""

    @property
    def ratio(self) -> float | None:
        return self.value / self.peer if self.peer else None

    @property
    def is_met(self) -> bool | None:
        """None: there is nothing to meet."""
        pairs = ((self.value, self.limit), (self.ratio, self.ratio_limit))
        judged = [
            value >= limit if self.more_is_better else value <= limit
            for value, limit in pairs
            if value is not None and limit is not None
        ]
        return all(judged) if judged else None


@dataclass(frozen=True, slots=True)
class Series:
    """Samples that are drawn in a picture: one line or bar of it."""

    name: str
    samples: list[float]


def report(
    bench: str,
    figures: Sequence[Figure],
    series: Sequence[Series] = (),
    facts: Mapping[str, Any] | None = None,
) -> None:
    """Print the figures, and write tests/output/bench/<bench>.json."""
    for figure in figures:
        print(line(figure))
    RESULTS.mkdir(parents=True, exist_ok=True)
    content = {
        "bench": bench,
        "when": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
        "machine": machine(),
        "figures": [asdict(figure) for figure in figures],
        "series": [asdict(one) for one in series],
        "facts": dict(facts or {}),
    }
    (RESULTS / f"{bench}.json").write_text(json.dumps(content, indent=1) + "\n")


def line(figure: Figure) -> str:
    parts = [f"{figure.name:64}", f"{number(figure.value):>9} {figure.unit:8}"]
    if figure.limit is not None:
        parts.append(f"{_bound(figure)} {number(figure.limit)} {figure.unit}")
    if figure.ratio is not None:
        ratio = f"{figure.ratio:.2f}x of {number(figure.peer)} ({figure.peer_name})"
        parts.append(
            ratio if figure.ratio_limit is None else f"{ratio}, {_bound(figure)} {figure.ratio_limit:g}x"
        )
    verdict = {True: "met", False: "MISSED", None: ""}[figure.is_met]
    return "  ".join(filter(None, [*parts, verdict, figure.note]))


def number(value: float | None) -> str:
    """Three digits that count."""
    if value is None:
        return "-"
    if value == 0 or abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.{max(0, 2 - math.floor(math.log10(abs(value))))}f}"


def percentile(samples: Sequence[float], percent: float) -> float:
    """By linear interpolation. Raises ValueError when there is no sample."""
    if not samples:
        raise ValueError("no sample")
    ordered = sorted(samples)
    at = (len(ordered) - 1) * percent / 100
    low = math.floor(at)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (at - low)


def machine() -> str:
    model = next(
        (text.partition(":")[2].strip() for text in _lines("/proc/cpuinfo") if text.startswith("model name")),
        "",
    )
    memory = next((int(text.split()[1]) >> 20 for text in _lines("/proc/meminfo")), 0)
    load = f"load {os.getloadavg()[0]:.1f}"
    return f"{os.cpu_count()} cores ({model}), {memory} GB, {platform.platform(terse=True)}, {load}"


def _bound(figure: Figure) -> str:
    return "at least" if figure.more_is_better else "at most"


def _lines(path: str) -> list[str]:
    return Path(path).read_text().splitlines()
