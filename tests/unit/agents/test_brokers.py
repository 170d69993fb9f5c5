"""An agent dials what serves, spreads over it, and comes back to what failed only when the rest has."""

from __future__ import annotations

from itertools import chain, count

from agents.brokers import MAXIMUM_KNOWN, BrokerChoice, merged

A, B, C = "a:1", "b:1", "c:1"


def choice(*lots: float) -> BrokerChoice:
    drawn = chain(lots, (1 + number for number in count()))
    return BrokerChoice(lambda: next(drawn))


def test_the_first_broker_is_drawn_by_lot() -> None:
    assert choice(0.9, 0.1, 0.5).next((A, B, C)) == B
    assert choice(0.1, 0.9, 0.5).next((A, B, C)) == A
    assert choice().next(()) is None


def test_all_are_tried_before_one_is_tried_again_and_then_the_one_that_failed_first() -> None:
    brokers = choice(0.1, 0.2, 0.3)
    tried = []
    for _ in range(6):
        address = brokers.next((A, B, C))
        assert address is not None
        tried.append(address)
        brokers.failed(address)
    assert tried == [A, B, C, A, B, C]


def test_a_broker_that_stood_and_broke_is_the_last_to_be_tried() -> None:
    brokers = choice(0.1, 0.2, 0.3)
    brokers.failed(C)
    brokers.succeeded(A)
    brokers.failed(A)
    assert brokers.next((A, B, C)) == B
    brokers.failed(B)
    assert brokers.next((A, B, C)) == C  # what failed before A served counts no more


def test_those_that_a_broker_named_come_before_those_known_earlier() -> None:
    brokers = choice(0.1, 0.2, 0.3)
    brokers.told((C,))
    assert brokers.next((A, B, C)) == C
    brokers.failed(C)
    assert brokers.next((A, B, C)) == A


def test_what_is_kept_is_bounded_and_never_without_what_was_known() -> None:
    assert merged((C, A), (A, B)) == (C, A, B)
    assert merged((), (A, B)) == (A, B)
    many = [f"x:{number}" for number in range(2 * MAXIMUM_KNOWN)]
    assert merged((A,), many) == (A, *many[: MAXIMUM_KNOWN - 1])
