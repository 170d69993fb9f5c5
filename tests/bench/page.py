"""docs/performance.md from tests/output/bench: the tables between the page's marks, and the pictures beside it.

    python -m tests.bench.page

The words of the page are written by hand; what stands between `<!-- figures NAME -->` and `<!-- end -->` is made here,
where there is a result of that name: a bench that did not run keeps its table, which says when it was made.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.bench.figures import RESULTS, Figure, Series, number
from tests.bench.pictures import dots, pairs

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGE = DOCS / "performance.md"
_MARKED = re.compile(r"(<!-- figures ([a-z_]+) -->\n)(.*?)(<!-- end -->)", re.DOTALL)
PICTURES = {
    "latency": ("Key press to pixel, 1920x1080, one machine", "ms"),
    "video": ("A picture of 1080p motion converted and encoded: CPU", "ms"),
    "gateway": ("Frame and acknowledgement, round trip with TLS", "ms"),
    "signin": ("Sign-in: password and verification code", "ms"),
    "crowd": ("Ten who type among fifty who don't: key to picture", "ms"),
    "paths": ("A film's pictures over bad networks: their age when drawn", "ms"),
}
COMPARED = {"scenes": "People's work in motion, beside a peer in the same run"}
"""Pictures of figures, each beside its peer's."""


def main() -> None:
    results = {path.stem: json.loads(path.read_text()) for path in sorted(RESULTS.glob("*.json"))}
    for name, (title, unit) in PICTURES.items():
        if results.get(name, {}).get("series"):
            series = [Series(**one) for one in results[name]["series"]]
            picture_of(name).write_text(dots(title, series, unit))
    for name, title in COMPARED.items():
        if name in results:
            picture_of(name).write_text(pairs(title, figures_of(results[name])))
    PAGE.write_text(with_results(PAGE.read_text(), results))
    print(f"{PAGE}: made from {', '.join(results)}")


def picture_of(name: str) -> Path:
    return DOCS / "images" / f"performance-{name}.svg"


def with_results(text: str, results: Mapping[str, Any]) -> str:
    def made(mark: re.Match[str]) -> str:
        before, name, old, after = mark.groups()
        return before + (block(results[name]) if name in results else old) + after

    return _MARKED.sub(made, text)


def block(result: Mapping[str, Any]) -> str:
    return f"{table(figures_of(result))}\n{run_of(result)}"


def figures_of(result: Mapping[str, Any]) -> list[Figure]:
    return [Figure(**figure) for figure in result["figures"]]


def run_of(result: Mapping[str, Any]) -> str:
    facts = result["facts"]
    chromium = [f"Chromium {facts['chromium']}"] if "chromium" in facts else []
    return f"{'; '.join([result['when'], result['machine'], *chromium, *facts.get('versions', [])])}.\n"


def table(figures: Sequence[Figure]) -> str:
    rows = [
        "| figure | value | limit | peer, same run | ratio | |",
        "| --- | ---: | ---: | --- | ---: | --- |",
    ]
    for figure in figures:
        bound = "≥" if figure.more_is_better else "≤"
        limits = [f"{bound} {number(figure.limit)} {figure.unit}".strip()] if figure.limit is not None else []
        limits += [f"{bound} {figure.ratio_limit:g}x"] if figure.ratio_limit is not None else []
        peer = f"{number(figure.peer)} {figure.unit}, {figure.peer_name}" if figure.peer is not None else ""
        ratio = "" if figure.ratio is None else f"{figure.ratio:.2f}"
        verdict = {True: "met", False: "**missed**", None: ""}[figure.is_met]
        value = f"**{number(figure.value)} {figure.unit}**".replace(" **", "**")
        rows.append(f"| {figure.name} | {value} | {', '.join(limits)} | {peer} | {ratio} | {verdict} |")
    return "\n".join(rows) + "\n"


if __name__ == "__main__":
    main()
