from portcullis.clock import HeldClock, SiteClock
from tests.support.clock import ManualClock


def set_by(clock, seconds):
    """The wall clock is set, and no time passes."""
    clock._now += seconds


def test_held_clock_goes_on_when_it_is_set_back_and_follows_when_it_is_set_forward():
    clock = ManualClock(1000.0)
    held = HeldClock(clock)
    clock.advance(5)
    assert held.now() == 1005
    set_by(clock, -3600)
    assert held.now() == 1005
    clock.advance(60)
    assert held.now() == 1065
    set_by(clock, 7200)
    assert held.now() == clock.now() == 1000 + 5 - 3600 + 60 + 7200


def test_site_clock_is_the_machines_own_until_the_sites_is_known():
    clock = ManualClock(1000.0)
    assert SiteClock(clock).now() == 1000


def test_site_clock_goes_by_the_brokers_time_whatever_the_machine_is_set_to():
    clock = ManualClock(1000.0)
    site = SiteClock(clock)
    assert site.learn(4600.0) == -3600
    clock.advance(10)
    for seconds in (-86400, 200000):
        set_by(clock, seconds)
        assert site.now() == 4610


def test_processes_of_one_machine_share_the_base():
    clock = ManualClock(1000.0)
    agent, worker = SiteClock(clock), SiteClock(clock)
    agent.learn(5000.0)
    clock.advance(3)
    worker.base = agent.base
    assert worker.now() == agent.now() == 5003
