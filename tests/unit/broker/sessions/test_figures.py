"""Figures of streams: the newest counts, whoever heard it; what nobody renews is forgotten; all is bounded."""

from broker.sessions import figures as module
from broker.sessions.figures import FRESH_SECONDS, FiguresSample, SessionFigures
from portcullis.measuring import Metrics
from portcullis.model.stream_figures import StreamFigures
from tests.support.clock import ManualClock

ONE, OTHER = "1" * 16, "2" * 16
GOOD = StreamFigures(echo_p95_ms=20.0, round_trip_ms=10.0)
BAD = StreamFigures(echo_p95_ms=400.0, quality=20, limit="network")


def make():
    clock, metrics = ManualClock(), Metrics("broker", "1")
    return clock, metrics, SessionFigures(clock, metrics)


def test_newest_counts_whoever_heard_it():
    clock, _, figures = make()
    figures.hear({ONE: GOOD})
    clock.advance(2)
    figures.take({ONE: FiguresSample(BAD, 5.0), OTHER: FiguresSample(BAD, 1.0)})
    assert figures.get(ONE) == GOOD and figures.get(OTHER) == BAD
    figures.take({ONE: FiguresSample(BAD, 1.0)})
    assert figures.get(ONE) == BAD


def test_what_nobody_renews_is_forgotten():
    clock, _, figures = make()
    figures.hear({ONE: GOOD})
    clock.advance(FRESH_SECONDS)
    assert figures.get(ONE) is None
    figures.hear({OTHER: GOOD})
    assert list(figures._heard) == [OTHER]


def test_peers_are_told_of_what_hosts_said_here_lately():
    clock, _, figures = make()
    figures.take({OTHER: FiguresSample(GOOD, 0.0)})
    figures.hear({ONE: GOOD})
    clock.advance(2)
    assert figures.own() == {ONE: FiguresSample(GOOD, 2.0)}
    clock.advance(10)
    assert figures.own() == {}


def test_no_more_sessions_than_fit_are_kept(monkeypatch):
    monkeypatch.setattr(module, "MOST_SESSIONS", 10)
    _, _, figures = make()
    for number in range(25):
        figures.hear({f"{number:016x}": GOOD})
    assert len(figures._heard) == 10
    assert figures.get(f"{24:016x}") == GOOD and figures.get(f"{14:016x}") is None


def test_reports_are_counted_by_what_holds_them_up():
    _, metrics, figures = make()
    figures.hear({ONE: GOOD, OTHER: BAD})
    text = metrics.text().decode()
    assert 'portcullis_broker_stream_reports_total{limit="network"} 1.0' in text
    assert "portcullis_broker_stream_echo_seconds_count 2.0" in text


def test_who_would_complain():
    assert BAD.is_bad and not GOOD.is_bad
    assert not StreamFigures(echo_p95_ms=400.0).is_bad, "slow, but nothing that anybody could do about"
