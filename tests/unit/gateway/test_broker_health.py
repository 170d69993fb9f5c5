from gateway.broker_health import BrokerHealth
from tests.support.clock import ManualClock

A, B, C = "a:1", "b:1", "c:1"


def health(*addresses):
    return BrokerHealth(addresses or (A, B, C), ManualClock())


def test_the_order_is_the_given_one_until_something_is_known():
    assert health(B, A, B).order == (B, A)


def test_one_that_failed_is_asked_last_until_it_answers():
    brokers = health()
    brokers.failed(A, "no answer")
    assert brokers.order == (B, C, A)
    brokers.failed(B, "no answer")
    assert brokers.order == (C, A, B)
    brokers.answered(B)
    assert brokers.order == (C, B, A)


def test_one_whose_channel_is_lost_is_asked_after_those_that_nothing_is_known_of():
    brokers = health()
    brokers.connected(A, draining=False)
    brokers.lost(A, "silent")
    assert brokers.order == (B, C, A)
    assert brokers.up == frozenset()
    brokers.connected(A, draining=False)
    assert brokers.order == (B, C, A)


def test_a_failed_request_does_not_make_a_broker_down_whose_channel_stands():
    """It goes to the end; those that are down stay behind it."""
    brokers = health()
    brokers.connected(A, draining=False)
    brokers.failed(B, "refused")
    brokers.failed(A, "slow")
    assert brokers.order == (C, A, B)


def test_one_that_drains_is_asked_before_those_that_are_down():
    brokers = health()
    brokers.connected(A, draining=True)
    brokers.failed(B, "refused")
    assert brokers.order == (C, A, B)
    brokers.connected(A, draining=False)
    assert brokers.order == (A, C, B)


def test_who_waits_for_a_lost_broker_is_told_only_if_another_is_up():
    brokers, told = health(), []
    for address in (A, B):
        brokers.connected(address, draining=False)
    with brokers.watched(B, lambda: told.append(B)), brokers.watched(A, lambda: told.append(A)):
        brokers.lost(B, "silent")
        brokers.lost(A, "silent")
    assert told == [B]


def test_nobody_is_told_after_the_answer():
    brokers, told = health(), []
    for address in (A, B):
        brokers.connected(address, draining=False)
    with brokers.watched(A, lambda: told.append(A)):
        pass
    brokers.lost(A, "silent")
    assert told == []


def test_brokers_that_are_named_no_more_go_unless_their_channel_stands():
    brokers = health()
    brokers.connected(C, draining=False)
    brokers.know([B, "d:1"])
    assert brokers.order == (B, C, "d:1")


def test_what_is_known_of_one_that_went_is_forgotten():
    brokers = health()
    brokers.failed(A, "no answer")
    brokers.know([B, C])
    brokers.know([A, B, C])
    assert brokers.order == (B, C, A)
    brokers.failed(B, "no answer")
    assert brokers.order == (C, A, B)


def test_silence_is_measured_since_any_broker_was_heard():
    clock = ManualClock()
    brokers = BrokerHealth([A], clock)
    assert brokers.silent_seconds() == float("inf")
    brokers.heard()
    clock.advance(7)
    assert brokers.silent_seconds() == 7
