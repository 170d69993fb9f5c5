"""Orders follow the records, of which only those that changed are read."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from broker.grid.scopes import Record
from broker.hosts import orders
from broker.hosts.orders import KeptOrders
from portcullis.model.session import Display, Session

TENANT = "a" * 16


def session(number: int) -> Session:
    return Session(
        *(f"{number:016x}", TENANT, "u" * 16, "ann", "b" * 16, "Editor"),
        *(("true",), {}, "1" * 16, "host-1", number, Display(), "REF", 0.0),
    )


def told(orders: tuple[str, ...]) -> list[tuple[str, str]]:
    """Session and state of each."""
    return [(order["session"], order["state"]) for order in map(json.loads, orders)]


def record(of: Session, revision: int) -> Record:
    return Record.of(TENANT, ("session", of.id), of.to_json(), 1, revision)


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Ids of the sessions whose records were read."""
    seen: list[str] = []
    session_of = orders.session_of

    def noted(record: Record) -> Session:
        seen.append(record.path[1])
        return session_of(record)

    monkeypatch.setattr(orders, "session_of", noted)
    return seen


def test_only_what_changed_since_is_read_again(read: list[str]) -> None:
    one, two, kept = session(1), session(2), KeptOrders()
    first = kept.due([record(one, 5), record(two, 6)], set())
    assert told(first) == [(one.id, "pending"), (two.id, "pending")]
    ending = replace(two, state="ending")
    again = kept.due([record(one, 5), record(ending, 7)], set())
    assert told(again) == [(one.id, "pending"), (two.id, "ending")]
    assert read == [one.id, two.id, two.id]


def test_what_waits_in_line_is_no_order_until_it_waits_no_more(read: list[str]) -> None:
    one, two, kept = session(1), session(2), KeptOrders()
    records = [record(one, 5), record(two, 6)]
    assert told(kept.due(records, {two.id})) == [(one.id, "pending")]
    assert read == [one.id]
    assert told(kept.due(records, set())) == [(one.id, "pending"), (two.id, "pending")]


def test_a_session_that_is_gone_is_ordered_no_more(read: list[str]) -> None:
    one, kept = session(1), KeptOrders()
    kept.due([record(one, 5)], set())
    assert kept.due([], set()) == ()
    assert len(kept.due([record(one, 5)], set())) == 1
    assert read == [one.id, one.id]  # nothing is kept of what is gone
