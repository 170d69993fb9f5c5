"""docs/performance.md from tests/output/bench: the tables between the page's marks, and the pictures beside it.

    python -m tests.bench.page

The words of the page are written by hand; what stands between `<!-- figures NAME -->` and `<!-- end -->` is made here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.bench.figures import RESULTS, Figure, Series, number
from tests.bench.pictures import dots

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGE = DOCS / "performance.md"
_MARKED = re.compile(r"(<!-- figures ([a-z_]+) -->\n).*?(<!-- end -->)", re.DOTALL)
PICTURES = {
    "latency": ("Key press to pixel, 1920x1080, one machine", "ms"),
    "video": ("A picture of 1080p motion converted and encoded: CPU", "ms"),
    "gateway": ("Frame and acknowledgement, round trip with TLS", "ms"),
    "signin": ("Sign-in: password and verification code", "ms"),
    "crowd": ("Ten who type among fifty who don't: key to picture", "ms"),
}


def main() -> None:
    results = {path.stem: json.loads(path.read_text()) for path in sorted(RESULTS.glob("*.json"))}
    for name, (title, unit) in PICTURES.items():
        if results.get(name, {}).get("series"):
            series = [Series(**one) for one in results[name]["series"]]
            (DOCS / "images" / f"performance-{name}.svg").write_text(dots(title, series, unit))
    PAGE.write_text(_MARKED.sub(lambda mark: mark[1] + block(mark[2], results) + mark[3], PAGE.read_text()))
    print(f"{PAGE}: made from {', '.join(results)}")


def block(name: str, results: dict[str, Any]) -> str:
    """What stands between the marks of this name; a bench that did not run says so."""
    if name == "run":
        return run_of(results)
    if name not in results:
        return f"Not measured in this run: `tests/run.sh bench {name}`.\n"
    return table([Figure(**figure) for figure in results[name]["figures"]])


def run_of(results: dict[str, Any]) -> str:
    whens = sorted(result["when"] for result in results.values())
    machines = sorted({result["machine"] for result in results.values()}, key=len)
    versions = sorted(
        {version for result in results.values() for version in result["facts"].get("versions", [])}
        | {
            f"Chromium {result['facts']['chromium']}"
            for result in results.values()
            if "chromium" in result["facts"]
        }
    )
    lines = [f"- Run: {whens[0]} to {whens[-1]}", f"- Machine: {machines[-1]}"]
    return "\n".join([*lines, *(f"- {version}" for version in versions)]) + "\n"


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
