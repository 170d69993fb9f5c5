"""The page of figures: what was measured anew stands in it, and nothing else changes."""

from __future__ import annotations

from tests.bench.figures import Figure
from tests.bench.page import with_results
from tests.bench.pictures import pairs

PAGE = """Words.

<!-- figures latency -->
old latency
<!-- end -->

<!-- figures typing -->
old typing
<!-- end -->
"""
FIGURE = {"name": "typing: sent", "value": 28.0, "unit": "kB", "peer": 14.0, "peer_name": "noVNC"}
RESULT = {
    "when": "2026-01-02 03:04 UTC",
    "machine": "2 cores, load 0.8",
    "figures": [{**FIGURE, "limit": None, "ratio_limit": 1.5, "more_is_better": False, "note": ""}],
    "facts": {"chromium": "156", "versions": ["noVNC 1.3"]},
}


def test_a_bench_that_ran_has_its_table_and_says_when_and_where() -> None:
    made = with_results(PAGE, {"typing": RESULT})
    assert "old typing" not in made
    assert "| typing: sent | **28.0 kB** | ≤ 1.5x | 14.0 kB, noVNC | 2.00 | **missed** |" in made
    assert "2026-01-02 03:04 UTC; 2 cores, load 0.8; Chromium 156; noVNC 1.3.\n<!-- end -->" in made


def test_a_bench_that_did_not_run_keeps_its_table() -> None:
    assert "<!-- figures latency -->\nold latency\n<!-- end -->" in with_results(PAGE, {"typing": RESULT})
    assert with_results(PAGE, {}) == PAGE


def test_a_pair_of_bars_has_the_lengths_of_its_figures() -> None:
    ours, theirs = (float(part.split('width="')[1].split('"')[0]) for part in _bars(Figure(**FIGURE)))
    assert ours == 2 * theirs


def test_figures_without_a_peer_are_not_drawn() -> None:
    assert _bars(Figure("alone", 1.0, "s")) == []


def _bars(figure: Figure) -> list[str]:
    return [line for line in pairs("title", [figure]).splitlines() if line.startswith("<rect")]
