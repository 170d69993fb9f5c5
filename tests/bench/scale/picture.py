"""Growth curves as an SVG: four small charts over the number of sessions, both axes logarithmic."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

WIDTH, HEIGHT, GAP = 330, 210, 76
INSET = 30
INK, FAINT, LINE = "#1f2937", "#d1d5db", "#2563eb"
CHARTS = (
    ("broker, resident memory (MB)", "broker_rss", 1e6),
    ("etcd member, resident memory (MB)", "member_rss", 1e6),
    ("broker's start to a full snapshot (s)", "start_seconds", 1),
    ("commit to snapshot, p99 (ms)", "lag_p99_ms", 1),
)


def draw(points: Sequence[dict[str, Any]]) -> str:
    charts = "".join(
        _chart(title, [(p["sessions"], p[field] / unit) for p in points], (number % 2, number // 2))
        for number, (title, field, unit) in enumerate(CHARTS)
    )
    width, height = 2 * (WIDTH + GAP) + GAP, 2 * (HEIGHT + GAP) + GAP
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" '
        f'font-size="13" fill="{INK}"><rect width="100%" height="100%" fill="#ffffff"/>{charts}</svg>\n'
    )


def _chart(title: str, points: Sequence[tuple[float, float]], cell: tuple[int, int]) -> str:
    left, top = GAP + cell[0] * (WIDTH + GAP), GAP + cell[1] * (HEIGHT + GAP)
    across = _Scale([x for x, _ in points], left + INSET, left + WIDTH - INSET)
    up = _Scale([y for _, y in points], top + HEIGHT, top)
    parts = [f'<text x="{left}" y="{top - 14}" font-weight="bold">{title}</text>']
    for mark in up.marks():
        y = up.at(mark)
        parts.append(f'<line x1="{left}" x2="{left + WIDTH}" y1="{y:.1f}" y2="{y:.1f}" stroke="{FAINT}"/>')
        parts.append(f'<text x="{left - 6}" y="{y + 4:.1f}" text-anchor="end">{mark:,g}</text>')
    for x, _ in points:
        parts.append(
            f'<text x="{across.at(x):.1f}" y="{top + HEIGHT + 20}" text-anchor="middle">{x:,.0f}</text>'
        )
    path = " ".join(f"{across.at(x):.1f},{up.at(y):.1f}" for x, y in points)
    parts.append(f'<polyline points="{path}" fill="none" stroke="{LINE}" stroke-width="2"/>')
    for x, y in points:
        parts.append(f'<circle cx="{across.at(x):.1f}" cy="{up.at(y):.1f}" r="4" fill="{LINE}"/>')
        label = f"{y:,.0f}" if y >= 10 else f"{y:.1f}"
        parts.append(
            f'<text x="{across.at(x):.1f}" y="{up.at(y) - 9:.1f}" text-anchor="middle">{label}</text>'
        )
    return "".join(parts)


class _Scale:
    """Logarithmic, from the power of ten below the values to the one above."""

    def __init__(self, values: Sequence[float], start: float, end: float) -> None:
        self._low = math.floor(math.log10(min(values)))
        self._high = max(self._low + 1, math.ceil(math.log10(max(values))))
        self._start, self._end = start, end

    def at(self, value: float) -> float:
        share = (math.log10(value) - self._low) / (self._high - self._low)
        return self._start + share * (self._end - self._start)

    def marks(self) -> list[float]:
        return [10.0**power for power in range(self._low, self._high + 1)]
