"""Pictures as SVG: of samples a row of dots for each series, its median marked, on one scale; of figures beside their
peer two bars each. Text in, text out.

The file stands alone in a Markdown page: colours follow the reader's light or dark scheme, fonts are the
system's.
"""

from __future__ import annotations

import html
import math
from collections.abc import Sequence

from tests.bench.figures import Figure, Series, number, percentile

WIDTH, LABEL_WIDTH, RIGHT, ROW, TOP, BOTTOM = 860, 290, 64, 44, 40, 34
PAIR, BAR, PAIR_LABEL_WIDTH = 34, 11, 510
MAXIMUM_DOTS = 300
TAIL_PERCENT = 98
"""The scale ends here: a few late samples would press all others together. They are drawn at the edge."""

STYLE = """
text { font: 13px system-ui, sans-serif; fill: #24292f }
.title { font-weight: 600; font-size: 14px } .axis { fill: #57606a; font-size: 11px }
.grid { stroke: #d0d7de } .ours { fill: #0b7285 } .theirs { fill: #b35900 } .median { stroke: #24292f; stroke-width: 2 }
.limit { stroke: #c92a2a; stroke-dasharray: 4 3 }
@media (prefers-color-scheme: dark) {
 text { fill: #e6edf3 } .axis { fill: #9198a1 } .grid { stroke: #3d444d }
 .ours { fill: #3bc9db } .theirs { fill: #ffa94d }
 .median { stroke: #e6edf3 } .limit { stroke: #ff8787 }
}
"""


def dots(title: str, series: Sequence[Series], unit: str, limit: float | None = None) -> str:
    """One row a series. `limit`: a line across all of them. A series whose name holds ours() is drawn as ours."""
    end = scale_end([*(percentile(one.samples, TAIL_PERCENT) for one in series), limit or 0.0])
    width, height = WIDTH - LABEL_WIDTH - RIGHT, TOP + ROW * len(series) + BOTTOM

    def at(value: float) -> float:
        return LABEL_WIDTH + min(value, end) / end * width

    parts = [f'<text class="title" x="12" y="22">{html.escape(title)}</text>']
    parts += grid(end, unit, at, height)
    for row, one in enumerate(series):
        parts += row_of(one, TOP + ROW * row, at)
    if limit is not None:
        parts.append(
            f'<line class="limit" x1="{at(limit):.1f}" x2="{at(limit):.1f}" y1="{TOP - 6}" y2="{height - BOTTOM}"/>'
        )
    return whole(title, parts, height)


def pairs(title: str, figures: Sequence[Figure]) -> str:
    """Those that have a peer: our bar above the peer's, the longer of the two as long as there is room."""
    rows = [figure for figure in figures if figure.peer]
    legend = f"above Portcullis, below {', '.join(sorted({figure.peer_name for figure in rows}))}"
    parts = [
        f'<text class="title" x="12" y="22">{html.escape(title)}</text>',
        f'<text class="axis" x="{WIDTH - 12}" y="22" text-anchor="end">{html.escape(legend)}</text>',
    ]
    for place, figure in enumerate(rows):
        parts += pair(figure, TOP + PAIR * place)
    return whole(title, parts, TOP + PAIR * len(rows) + 8)


def pair(figure: Figure, y: float) -> list[str]:
    assert figure.peer is not None
    longest = max(figure.value, figure.peer)
    parts = [f'<text x="12" y="{y + PAIR / 2 + 2:.0f}">{html.escape(figure.name)}</text>']
    for kind, value, at in (("ours", figure.value, y + 3), ("theirs", figure.peer, y + PAIR / 2)):
        long = value / longest * (WIDTH - PAIR_LABEL_WIDTH - 2 * RIGHT)
        parts.append(
            f'<rect class="{kind}" x="{PAIR_LABEL_WIDTH}" y="{at:.0f}" width="{max(long, 1):.1f}" height="{BAR}"/>'
        )
        said = f"{number(value)} {html.escape(figure.unit)}"
        parts.append(
            f'<text class="axis" x="{PAIR_LABEL_WIDTH + long + 6:.1f}" y="{at + BAR - 1:.0f}">{said}</text>'
        )
    return parts


def whole(title: str, parts: Sequence[str], height: float) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" '
        f'aria-label="{html.escape(title)}"><style>{STYLE}</style>\n' + "\n".join(parts) + "\n</svg>\n"
    )


def row_of(one: Series, y: float, at) -> list[str]:
    kind = "ours" if is_ours(one.name) else "theirs"
    step = max(1, len(one.samples) // MAXIMUM_DOTS)
    median = percentile(one.samples, 50)
    middle = y + ROW / 2
    parts = [
        f'<text x="12" y="{middle + 4:.0f}">{html.escape(one.name)}</text>',
        f'<g class="{kind}" fill-opacity=".45">',
    ]
    for place, sample in enumerate(sorted(one.samples)[::step]):
        # Neighbours in size stand apart in height, the same way at each run.
        parts.append(f'<circle cx="{at(sample):.1f}" cy="{middle + (place * 7 % 11 - 5) * 2:.1f}" r="2.5"/>')
    parts.append("</g>")
    parts.append(
        f'<line class="median" x1="{at(median):.1f}" x2="{at(median):.1f}" y1="{y + 6}" y2="{y + ROW - 6}"/>'
    )
    parts.append(f'<text x="{WIDTH - 12}" y="{middle + 4:.0f}" text-anchor="end">{number(median)}</text>')
    return parts


def is_ours(name: str) -> bool:
    return "Portcullis" in name or name == "gateway"


def grid(end: float, unit: str, at, height: float) -> list[str]:
    parts = []
    for step in range(6):
        value = end * step / 5
        x = at(value)
        parts.append(f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="{TOP}" y2="{height - BOTTOM}"/>')
        label = f"{value:g} {unit}" if step in (0, 5) else f"{value:g}"
        parts.append(f'<text class="axis" x="{x:.1f}" y="{height - 14}" text-anchor="middle">{label}</text>')
    parts.append(f'<text class="axis" x="{WIDTH - 12}" y="{TOP - 6}" text-anchor="end">median</text>')
    return parts


def scale_end(values: Sequence[float]) -> float:
    """The next round number above all values: 1, 2 or 5 times a power of ten, in fifths that read well."""
    largest = max(values)
    power = 10 ** math.floor(math.log10(largest)) if largest > 0 else 1
    return next(power * factor for factor in (1, 1.5, 2, 2.5, 3, 4, 5, 7.5, 10) if power * factor >= largest)
