"""Samples become rows, and rows become verdicts."""

from __future__ import annotations

import math

import pytest

from portcullis.drill.figures import Promise, Row, Toll, percentile

PROMISE = Promise("typing", 3.0, "a key waits")


def row(*samples: float, toll: Toll | None = None) -> Row:
    return Row(
        "gateway-killed", "gateway killed", "gateway", PROMISE, 1, samples, toll or Toll(kept=2, kept_of=2)
    )


@pytest.mark.parametrize(("percent", "value"), [(50, 5.0), (95, 10.0), (100, 10.0), (1, 1.0)])
def test_a_percentile_is_a_value_that_was_measured(percent: float, value: float) -> None:
    assert percentile([float(n) for n in range(10, 0, -1)], percent) == value


def test_nothing_has_no_percentile_and_keeps_no_promise() -> None:
    assert math.isnan(percentile([], 50))
    assert not row().holds
    assert row().to_json()["p50_seconds"] is None


def test_a_promise_holds_at_p95_and_the_slowest_may_take_twice_as_long() -> None:
    assert row(*[1.0] * 19, 6.0).holds
    assert not row(*[1.0] * 19, 6.1).holds
    assert not row(*[1.0] * 18, 3.1, 3.1).holds


@pytest.mark.parametrize(
    "toll",
    [
        Toll(lost=1, kept=2, kept_of=2),
        Toll(doubled=1, kept=2, kept_of=2),
        Toll(kept=1, kept_of=2),
        Toll(broken=1, kept=2, kept_of=2),
        Toll(failed=["host_lost"], kept=2, kept_of=2),
    ],
)
def test_anything_lost_breaks_the_promise_however_fast_it_was(toll: Toll) -> None:
    assert row(0.1).holds
    assert not row(0.1, toll=toll).holds


def test_the_json_has_the_fields_that_others_read() -> None:
    found = row(1.0, 2.0).to_json()
    assert found.keys() >= {
        *("fault", "target", "runs", "promise_seconds", "p50_seconds", "p95_seconds", "max_seconds"),
        *("lost", "doubled", "kept"),
    }
    assert (found["p50_seconds"], found["max_seconds"], found["kept"]) == (1.0, 2.0, 2)
