"""The bounded log that watches resume from."""

from __future__ import annotations

import pytest

from broker.grid.event_log import REVISIONS_AT_ONCE, EventLog
from broker.grid.grid import Changes, Compacted, DeleteEvent, KeyValue, PutEvent


def event(revision: int, key: str = "/t/a") -> PutEvent:
    return PutEvent(KeyValue(key, b"v" * 10, revision, revision))


def filled(last: int, start: int = 0, maximum_events: int = 10_000) -> EventLog:
    log = EventLog(start, maximum_events, 1_000_000)
    for revision in range(start + 1, last + 1):
        log.append(revision, (event(revision),))
    return log


def test_nothing_yet_is_none() -> None:
    assert filled(3).read("/t/", 4) is None
    assert filled(3).read("/t/", 9) is None


def test_reading_covers_all_from_the_cursor() -> None:
    assert filled(3).read("/t/", 2) == Changes(3, (event(2), event(3)))


def test_progress_comes_without_events_of_other_prefixes() -> None:
    assert filled(3).read("/other/", 1) == Changes(3, ())


def test_a_prefix_selects_puts_and_deletes() -> None:
    log = EventLog(0, 100, 1000)
    log.append(1, (event(1, "/t/a"), event(1, "/u/a"), DeleteEvent("/t/b", 1), DeleteEvent("/u/b", 1)))
    assert log.read("/t/", 1) == Changes(1, (event(1, "/t/a"), DeleteEvent("/t/b", 1)))


def test_a_log_starts_after_its_revision() -> None:
    log = filled(7, start=5)
    with pytest.raises(Compacted):
        log.read("/t/", 5)
    assert log.read("/t/", 6) == Changes(7, (event(6), event(7)))


def test_compacting_forgets_up_to_the_revision() -> None:
    log = filled(5)
    log.compact(3)
    with pytest.raises(Compacted):
        log.read("/t/", 3)
    assert log.read("/t/", 4) == Changes(5, (event(4), event(5)))


def test_compacting_backwards_or_all_is_harmless() -> None:
    log = filled(5)
    log.compact(3)
    log.compact(1)
    assert log.compacted == 3
    log.compact(99)
    assert (log.compacted, log.read("/t/", 6)) == (5, None)


def test_the_bound_in_events_counts_events_not_revisions() -> None:
    log = EventLog(0, 4, 1_000_000)
    for revision in (1, 2, 3):
        log.append(revision, (event(revision), event(revision, "/t/b")))
    assert log.compacted == 1


def test_one_revision_larger_than_the_log_leaves_nothing_to_resume_from() -> None:
    log = EventLog(0, 1, 1_000_000)
    log.append(1, (event(1), event(1, "/t/b")))
    with pytest.raises(Compacted):
        log.read("/t/", 1)
    assert log.read("/t/", 2) is None


def test_a_long_way_is_read_in_pieces() -> None:
    log = filled(REVISIONS_AT_ONCE + 5)
    first = log.read("/t/", 1)
    assert first is not None
    assert (first.revision, len(first.events)) == (REVISIONS_AT_ONCE, REVISIONS_AT_ONCE)
    second = log.read("/t/", first.revision + 1)
    assert second is not None
    assert (second.revision, len(second.events)) == (REVISIONS_AT_ONCE + 5, 5)
