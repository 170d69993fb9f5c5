"""Probes as metrics of the broker that made them."""

from __future__ import annotations

from broker.probes.result import Result
from portcullis.measuring import Metrics
from portcullis.metrics import PROBE_FAILURES, PROBE_RUNS, PROBE_STAGE_SECONDS


def count_probe(metrics: Metrics, result: Result) -> None:
    metrics.count(PROBE_RUNS, outcome=result.state)
    if result.state == "failed":
        metrics.count(PROBE_FAILURES, stage=result.stage or "none")
    if result.state == "ok":
        for stage, milliseconds in result.stages.items():
            metrics.observe(PROBE_STAGE_SECONDS, milliseconds / 1e3, stage=stage)
