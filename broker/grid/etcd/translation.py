"""Between our words and etcd's: transactions, items and events. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from broker.grid.etcd import messages as m
from broker.grid.grid import (
    Compare,
    CreateRevision,
    Delete,
    DeleteEvent,
    Event,
    Exists,
    Get,
    KeyValue,
    Operation,
    Put,
    PutEvent,
    TxnResult,
)


def transaction(
    compares: Sequence[Compare], then: Sequence[Operation], otherwise: Sequence[Operation]
) -> Any:
    # Without an operation a member decides on what it holds, which may be old: a read makes it ask the others.
    fresh = [] if then or otherwise else [m.RequestOp(range=get(compare.key)) for compare in compares[:1]]
    return m.TxnRequest(
        compare=[_compare(compare) for compare in compares],
        success=[_operation(operation) for operation in then] or fresh,
        failure=[_operation(operation) for operation in otherwise] or fresh,
    )


def outcome(answer: Any, then: Sequence[Operation], otherwise: Sequence[Operation]) -> TxnResult:
    values: dict[str, KeyValue | None] = {}
    deleted: dict[str, KeyValue | None] = {}
    branch = then if answer.succeeded else otherwise
    for operation, response in zip(branch, answer.responses, strict=False):
        if isinstance(operation, Get):
            values[operation.key] = first(response.range.kvs)
        elif isinstance(operation, Delete):
            deleted[operation.key] = first(response.delete.prev_kvs)
    return TxnResult(answer.succeeded, answer.header.revision, values, deleted)


def first(items: Sequence[Any]) -> KeyValue | None:
    return item_of(items[0]) if items else None


def item_of(item: Any) -> KeyValue:
    return KeyValue(item.key.decode(), item.value, item.create_revision, item.mod_revision, item.lease)


def event_of(event: Any) -> Event:
    if event.type == m.DELETE:
        return DeleteEvent(event.kv.key.decode(), event.kv.mod_revision)
    return PutEvent(item_of(event.kv))


def events_of(events: Iterable[Any]) -> tuple[Event, ...]:
    return tuple(event_of(event) for event in events)


def end_of(prefix: str) -> bytes:
    """The first key after all that start with `prefix`. (A key holds no 0xff: it is UTF-8.)"""
    raw = prefix.encode()
    return raw[:-1] + bytes([raw[-1] + 1])


def get(key: str) -> Any:
    return m.RangeRequest(key=key.encode())


def _compare(compare: Compare) -> Any:
    key = compare.key.encode()
    if isinstance(compare, Exists):
        return m.Compare(result=m.GREATER, target=m.CREATE, key=key, create_revision=0)
    if isinstance(compare, CreateRevision):
        return m.Compare(result=m.EQUAL, target=m.CREATE, key=key, create_revision=compare.revision)
    return m.Compare(result=m.EQUAL, target=m.MOD, key=key, mod_revision=compare.revision)


def _operation(operation: Operation) -> Any:
    if isinstance(operation, Get):
        return m.RequestOp(range=get(operation.key))
    if isinstance(operation, Delete):
        return m.RequestOp(delete=m.DeleteRequest(key=operation.key.encode(), prev_kv=True))
    return m.RequestOp(put=_put(operation))


def _put(put: Put) -> Any:
    return m.PutRequest(key=put.key.encode(), value=put.value, lease=put.lease)
