"""The table of metrics, the page made from it, and that nothing outside it can become a series."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from portcullis import metrics as table
from portcullis.measuring import Metrics
from portcullis.metrics import METRICS, Metric, Routes

ROOT = Path(__file__).parents[3]


def series(metrics: Metrics) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    families = text_string_to_metric_families(metrics.text().decode())
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in families
        for sample in family.samples
    }


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.full_name)
def test_names_say_what_is_counted_and_in_which_unit(metric: Metric) -> None:
    assert re.fullmatch(r"portcullis_(broker|gateway|agent)(_[a-z]+)+", metric.full_name)
    assert (metric.kind == "counter") == metric.name.endswith("_total")
    assert metric.kind != "histogram" or metric.name.endswith("_seconds")
    assert (metric.kind == "histogram") == bool(metric.buckets)
    assert metric.help.endswith(".") and metric.buckets == tuple(sorted(metric.buckets))


def test_no_label_could_be_the_name_of_somebody_or_something() -> None:
    """Each label's values are listed, or are the routes of the application."""
    labels = {name for metric in METRICS for name in metric.labels}
    assert labels <= {
        "backend",
        "code",
        "direction",
        "limit",
        "listener",
        "outcome",
        "reason",
        "route",
        "severity",
        "stage",
        "state",
        "status",
    }
    open_ended = [
        metric.full_name for metric in METRICS for allowed in metric.labels.values() if allowed is Routes
    ]
    assert open_ended == ["portcullis_broker_api_request_seconds"]


def test_names_are_given_once() -> None:
    assert len({metric.full_name for metric in METRICS}) == len(METRICS)


def test_the_page_of_metrics_is_up_to_date() -> None:
    """Made by `python -m portcullis.metrics > docs/metrics.md`."""
    assert (ROOT / "docs/metrics.md").read_text() == table.page()


def test_a_value_that_is_not_in_the_table_counts_as_other() -> None:
    metrics = Metrics("broker", "1")
    for number in range(1000):
        metrics.count(table.SIGN_INS, outcome=f"user-{number}")
        metrics.observe(table.API_SECONDS, 0.1, route=f"/{number}", status="2xx")
    found = series(metrics)
    assert found["portcullis_broker_sign_ins_total", (("outcome", "other"),)] == 1000
    assert {labels for name, labels in found if name == "portcullis_broker_api_request_seconds_count"} == {
        (("route", "other"), ("status", "2xx"))
    }


def test_what_is_read_is_held_to_the_table_as_well() -> None:
    metrics = Metrics("gateway", "1")
    metrics.read(table.STREAMS_REFUSED, lambda: {("taken_over",): 1, ("x",): 2, ("y",): 3})
    found = series(metrics)
    assert found["portcullis_gateway_streams_refused_total", (("code", "taken_over"),)] == 1
    assert found["portcullis_gateway_streams_refused_total", (("code", "other"),)] == 5


def test_counters_begin_at_zero() -> None:
    """A series that begins with its first event hides that event from rates."""
    found = series(Metrics("broker", "1"))
    assert found["portcullis_broker_launches_total", (("outcome", "host_full"),)] == 0


def test_routes_are_known_once_the_application_is() -> None:
    metrics = Metrics("broker", "1")
    metrics.know_routes({"/api/v1/sessions/{id}"})
    metrics.observe(table.API_SECONDS, 0.1, route="/api/v1/sessions/{id}", status="4xx")
    key = (("route", "/api/v1/sessions/{id}"), ("status", "4xx"))
    assert series(metrics)["portcullis_broker_api_request_seconds_count", key] == 1


def test_a_process_tells_its_build_and_itself() -> None:
    found = series(Metrics("agent", "1.2.3"))
    assert found["portcullis_build_info", (("part", "agent"), ("version", "1.2.3"))] == 1
    assert found["process_open_fds", ()] > 0
    assert found["process_resident_memory_bytes", ()] > 0


def test_a_part_has_its_own_metrics_alone() -> None:
    names = {name for name, _ in series(Metrics("agent", "1"))}
    assert not {name for name in names if name.startswith(("portcullis_broker", "portcullis_gateway"))}


def test_a_counter_and_a_histogram_have_no_second_series() -> None:
    metrics = Metrics("broker", "1.0")
    metrics.count(table.SIGN_INS, outcome="signed_in")
    assert [name for name, _ in series(metrics) if name.endswith("_created")] == []
