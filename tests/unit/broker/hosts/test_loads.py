"""Of several samples of a host the youngest counts, whoever heard it, and only for a while."""

from __future__ import annotations

from broker.hosts.loads import FRESH_SECONDS, HostLoad, HostLoads, Sample
from tests.support.clock import ManualClock

HOST, OTHER = "00000000000000dd", "00000000000000de"
IDLE, BUSY = HostLoad(0.1, 8 << 30), HostLoad(0.9, 1 << 30)


def test_what_a_host_says_here_is_known_and_passed_on_with_its_age() -> None:
    clock = ManualClock()
    loads = HostLoads(clock)
    loads.hear(HOST, IDLE)
    clock.advance(2)
    assert loads.get(HOST) == IDLE
    assert loads.own() == {HOST: Sample(IDLE, 2.0)}
    assert loads.get(OTHER) is None


def test_the_younger_sample_counts_whoever_heard_it() -> None:
    clock = ManualClock()
    loads = HostLoads(clock)
    loads.hear(HOST, IDLE)
    clock.advance(3)
    loads.take({HOST: Sample(BUSY, 4.0)})
    assert loads.get(HOST) == IDLE
    loads.take({HOST: Sample(BUSY, 1.0)})
    assert loads.get(HOST) == BUSY
    loads.take({HOST: Sample(IDLE, 2.5)})  # the host has moved; the broker that lost it still tells
    assert loads.get(HOST) == BUSY


def test_a_sample_that_nobody_renews_is_forgotten() -> None:
    clock = ManualClock()
    loads = HostLoads(clock)
    loads.take({HOST: Sample(BUSY, 1.0)})
    loads.hear(OTHER, IDLE)
    clock.advance(FRESH_SECONDS - 1)
    assert loads.get(HOST) is None
    assert loads.get(OTHER) == IDLE
    clock.advance(1)
    assert loads.get(OTHER) is None


def test_a_host_that_left_this_broker_is_not_passed_on_as_its_own() -> None:
    loads = HostLoads(ManualClock())
    loads.hear(HOST, IDLE)
    loads.forget(HOST)
    loads.take({HOST: Sample(BUSY, 0.0)})
    assert loads.own() == {}
    assert loads.get(HOST) == BUSY
