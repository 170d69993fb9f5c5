"""Counting: the metrics of the table (`portcullis.metrics`), kept in this process and written for Prometheus.

    metrics = Metrics("broker", "0.1.0")
    metrics.count(SIGN_INS, outcome="refused")                   counters and histograms: as things happen
    metrics.read(LINKS, lambda: len(links.hosts))                all else: when somebody asks for it
    metrics.text()                                               what Prometheus reads

Counting costs about a microsecond. What happens with every byte or frame is counted by its owner and only read here.
Each process has one `Metrics`, made by its composition root; nothing is global.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from portcullis.metrics import METRICS, OTHER, Metric, Part, Routes

Reading = Callable[[], float | Mapping[tuple[str, ...], float]]
"""A number, or one for each combination of label values, in the order of the labels."""


class Metrics:
    """The metrics of one part of the site, in one process."""

    def __init__(self, part: Part, version: str) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]  # else each counter comes with a second series
        self._routes: frozenset[str] = frozenset()
        self._registry = CollectorRegistry()
        self._made: dict[Metric, Counter | Histogram] = {}
        self._readings: dict[Metric, Reading] = {}
        self._build = (part, version)
        for metric in METRICS:
            if metric.part == part and metric.kind != "gauge":
                self._made[metric] = self._make(metric)
        self._registry.register(_OnScrape(self))
        ProcessCollector(registry=self._registry)

    def know_routes(self, routes: Iterable[str]) -> None:
        """The values that a label of kind Routes may have: the templates of the application that was built."""
        self._routes = frozenset(routes)

    def count(self, metric: Metric, amount: float = 1, /, **labels: str) -> None:
        counter = self._of(metric, labels)
        assert isinstance(counter, Counter)
        counter.inc(amount)

    def observe(self, metric: Metric, seconds: float, /, **labels: str) -> None:
        histogram = self._of(metric, labels)
        assert isinstance(histogram, Histogram)
        histogram.observe(seconds)

    def read(self, metric: Metric, reading: Reading) -> None:
        """Ask for a gauge, or for a counter that somebody else keeps, whenever the metrics are asked for."""
        made = self._made.pop(metric, None)
        if made is not None:
            self._registry.unregister(made)
        self._readings[metric] = reading

    def text(self) -> bytes:
        return generate_latest(self._registry)

    def families(self) -> Iterable[CounterMetricFamily | GaugeMetricFamily]:
        part, version = self._build
        build = GaugeMetricFamily("portcullis_build_info", "Always 1.", labels=("part", "version"))
        build.add_metric((part, version), 1)
        yield build
        for metric, reading in self._readings.items():
            yield self._family(metric, reading)

    def _make(self, metric: Metric) -> Counter | Histogram:
        names = tuple(metric.labels)
        if metric.kind == "histogram":
            made: Counter | Histogram = Histogram(
                metric.full_name, metric.help, names, registry=self._registry, buckets=metric.buckets
            )
        else:
            made = Counter(metric.full_name, metric.help, names, registry=self._registry)
            _at_zero(made, metric)
        return made

    def _of(self, metric: Metric, labels: Mapping[str, str]) -> Counter | Histogram:
        made = self._made[metric]
        if not metric.labels:
            return made
        values = (self._known(allowed, labels[name]) for name, allowed in metric.labels.items())
        return made.labels(*values)

    def _known(self, allowed: tuple[str, ...] | type[Routes], value: str) -> str:
        return value if value in (allowed if isinstance(allowed, tuple) else self._routes) else OTHER

    def _family(self, metric: Metric, reading: Reading) -> CounterMetricFamily | GaugeMetricFamily:
        cls = CounterMetricFamily if metric.kind == "counter" else GaugeMetricFamily
        family = cls(metric.full_name, metric.help, labels=tuple(metric.labels))
        values = reading()
        if not isinstance(values, Mapping):
            family.add_metric((), values)
            return family
        sums: dict[tuple[str, ...], float] = {}
        for given, value in values.items():
            key = tuple(map(self._known, metric.labels.values(), given))
            sums[key] = sums.get(key, 0) + value
        for key, value in sums.items():
            family.add_metric(key, value)
        return family


class _OnScrape(Collector):
    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    def describe(self) -> Iterable[GaugeMetricFamily]:
        """What it collects is known only when it is asked for."""
        return ()

    def collect(self) -> Iterable[CounterMetricFamily | GaugeMetricFamily]:
        return self._metrics.families()


def _at_zero(counter: Counter, metric: Metric) -> None:
    """A series that begins at its first event hides that event from rates."""
    if len(metric.labels) == 1:
        (allowed,) = metric.labels.values()
        for value in allowed if isinstance(allowed, tuple) else ():
            counter.labels(value)
