"""A stream's figures, and the verdict that they give."""

import pytest

from agents.worker.figures import Figures, Limit, Seconds, limit_of
from agents.worker.flow import Flow


def seconds(encoding=0.003, drawing=0.004):
    return Seconds(30.0, 50_000.0, encoding, drawing)


@pytest.mark.parametrize(
    ("round_trip", "queueing", "made", "quality", "load", "limit"),
    [
        (0.005, 0.0, seconds(), 100, 20, Limit.NONE),
        (0.09, 0.01, seconds(), 100, 20, Limit.NONE),
        (0.3, 0.0, seconds(), 100, 20, Limit.NETWORK),
        (0.1, 0.06, seconds(), 100, 20, Limit.NETWORK),
        (0.02, 0.0, seconds(), 60, 20, Limit.NETWORK),
        (0.005, 0.0, seconds(encoding=0.06), 100, 90, Limit.HOST),
        (0.005, 0.0, seconds(encoding=0.03), 100, 300, Limit.HOST),
        (0.005, 0.0, seconds(), 100, 300, Limit.NONE),
        (0.005, 0.11, seconds(drawing=0.12), 100, 20, Limit.CLIENT),
        (0.35, 0.0, seconds(encoding=0.05), 100, 20, Limit.NETWORK),
    ],
)
def test_limit_names_what_costs_most(round_trip, queueing, made, quality, load, limit):
    assert limit_of(round_trip, queueing, made, quality, load) is limit


def test_figures_are_those_of_the_last_seconds():
    figures = Figures()
    for tenth in range(30):
        figures.sent(1000, 0.002 if tenth < 20 else 0.004, tenth / 10)
        figures.drawn(0.01, tenth / 10)
    last = figures.over(1.0, 2.95)
    assert last.frames_per_second == 10 and last.bytes_per_second == 10_000
    assert last.encoding == pytest.approx(0.004) and last.drawing == pytest.approx(0.01)
    assert figures.over(10.0, 40.0) == Seconds(0, 0, 0, 0)


def test_figures_of_a_client_that_acknowledges_without_end_are_bounded():
    figures = Figures()
    for number in range(100_000):
        figures.drawn(4000.0, number / 1e6)
    assert len(figures._drawn) <= 2048


def test_flow_gives_up_quality_where_frames_come_late_and_says_so():
    flow, now = Flow(0.02), 0.0
    for sequence in range(1, 20):
        flow.sent(sequence, 20_000, now, now + 0.004)
        now += 0.4
        flow.acknowledged(sequence, 0.002, now)
    assert flow.quality_percent < 50 and flow.effort(now).video_quality < 0.5
    assert flow.limit(10, flow.over(1.0, now), now) is Limit.NETWORK
