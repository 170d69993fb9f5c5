"""Refusals of one address: a burst, then one every few seconds; others are not held up, and the books are bounded."""

from __future__ import annotations

from broker.identity.refusal_limit import BURST, MAXIMUM_ADDRESSES, SECONDS_EACH, RefusalLimit


def test_a_burst_passes_and_the_next_waits() -> None:
    limit = RefusalLimit()
    assert [limit.claim("a", 100.0) for _ in range(BURST)] == [0.0] * BURST
    assert limit.claim("a", 100.0) == SECONDS_EACH
    assert limit.claim("a", 100.0) == SECONDS_EACH
    assert limit.claim("a", 100.0 + SECONDS_EACH) == 0.0


def test_another_address_is_not_held_up() -> None:
    limit = RefusalLimit()
    for _ in range(BURST + 5):
        limit.claim("a", 0.0)
    assert limit.claim("b", 0.0) == 0.0


def test_what_was_given_back_does_not_count() -> None:
    limit = RefusalLimit()
    for _ in range(BURST * 3):
        assert limit.claim("a", 0.0) == 0.0
        limit.give_back("a")


def test_time_fills_the_bucket_and_no_further() -> None:
    limit = RefusalLimit()
    for _ in range(BURST):
        limit.claim("a", 0.0)
    assert [limit.claim("a", 1e6) for _ in range(BURST)] == [0.0] * BURST
    assert limit.claim("a", 1e6) > 0


def test_the_books_are_bounded() -> None:
    limit = RefusalLimit()
    for number in range(MAXIMUM_ADDRESSES + 10):
        limit.claim(str(number), 0.0)
    assert len(limit._debts) == MAXIMUM_ADDRESSES
