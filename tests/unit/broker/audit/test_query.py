"""Pages of several stores become one; ids follow the clock, but for a little."""

from __future__ import annotations

import random

import pytest

from broker.audit.event import HELD_SECONDS, Event, Ids, id_bounds, is_event_id
from broker.audit.everywhere import pack, unpack
from broker.audit.query import Page, Query, merge
from portcullis.errors import ProtocolError

STORES = ("a" * 16, "b" * 16, "c" * 16)


def page_of(events: list[Event], before: str, limit: int, looked_at: int) -> Page:
    """What a store answers that looks at so many events at once."""
    older = sorted((event for event in events if event.id < (before or "g")), key=lambda event: event.id)[
        ::-1
    ]
    found = older[: min(limit, looked_at)]
    return Page(tuple(found), found[-1].id if len(found) < len(older) else "")


@pytest.mark.parametrize("seed", range(8))
def test_merged_pages_hold_every_event_once_and_in_order(seed: int) -> None:
    random_ = random.Random(seed)
    stores: list[list[Event]] = [[], [], []]
    for at in range(random_.randrange(80)):
        origin = random_.randrange(3)
        event = Event("x", None, id=f"{at:012x}0000{STORES[origin][:8]}")
        for holder in {origin, random_.randrange(3)}:
            stores[holder].append(event)
    told: list[str] = []
    before, rounds = "", 0
    while True:
        page = merge([page_of(events, before, 7, random_.randrange(1, 9)) for events in stores], 7)
        told += [event.id for event in page.items]
        rounds += 1
        if not page.before:
            break
        assert not before or page.before < before, "it gets on"
        before = page.before
    every = {event.id for events in stores for event in events}
    assert told == sorted(every, reverse=True) and rounds < 200


def test_ids_grow_while_the_clock_stands_or_goes_back_a_little() -> None:
    ids = Ids(STORES[0])
    made = [ids.next(1000.0 - step * 0.01) for step in range(1000)]
    assert made == sorted(set(made)) and all(map(is_event_id, made))
    assert ids.next(1000.0 - HELD_SECONDS - 20) < made[0]
    assert Ids(STORES[0], made[-1]).next(1000.0) > made[-1]


def test_more_events_than_a_millisecond_counts_still_differ() -> None:
    ids = Ids(STORES[0], f"{1000_000:012x}ffff{'a' * 8}")
    assert ids.next(1000.0) == f"{1000_001:012x}0000{'a' * 8}"


def test_bounds_of_time_hold_every_id_of_that_time() -> None:
    ids = Ids(STORES[0])
    late = ids.next(1000.0 + HELD_SECONDS - 1)
    held = ids.next(1000.0)
    low, high = id_bounds(1000.0, 1000.5)
    assert low <= held < high and late < high
    assert id_bounds(None, None)[0] <= ids.next(0.0) < id_bounds(None, None)[1]


@pytest.mark.parametrize("change", [{"before": "x"}, {"limit": "a"}, {"start": "b"}, {"types": 3}])
def test_a_malformed_question_of_another_broker_is_refused(change: dict[str, object]) -> None:
    with pytest.raises((ValueError, TypeError)):
        Query.from_json({**Query("t").to_json(), **change})
    assert Query.from_json(Query("t", types=("a",), start=1.0).to_json()) == Query(
        "t", types=("a",), start=1.0
    )


@pytest.mark.parametrize("body", [b"", b"nonsense", pack({"a": 1})[:-4]])
def test_a_body_that_cannot_be_read_is_a_protocol_error(body: bytes) -> None:
    with pytest.raises(ProtocolError):
        unpack(body)
    assert unpack(pack({"a": [1]})) == {"a": [1]}
