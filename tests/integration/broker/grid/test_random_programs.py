"""Random programs against a store and a model of a few lines: results, contents and watches must agree."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass, field
from typing import Any

import pytest

from broker.grid.grid import (
    Compare,
    CreateRevision,
    Delete,
    DeleteEvent,
    Event,
    Exists,
    Get,
    Grid,
    KeyValue,
    LeaseGone,
    ModRevision,
    Operation,
    Put,
    PutEvent,
    TxnResult,
)
from tests.support.patience import patient

STEPS = 400
KEYS = [f"/t/{group}/{number}" for group in "ab" for number in range(4)]


@dataclass
class Model:
    """The contract as the shortest program: keys in a dict, everything else by search."""

    revision: int
    items: dict[str, KeyValue] = field(default_factory=dict)
    leases: set[int] = field(default_factory=set)
    history: list[Event] = field(default_factory=list)

    def txn(self, compares: list[Compare], then: list[Operation], otherwise: list[Operation]) -> TxnResult:
        succeeded = all(self._holds(compare) for compare in compares)
        branch = then if succeeded else otherwise
        if any(isinstance(op, Put) and op.lease and op.lease not in self.leases for op in branch):
            raise LeaseGone
        values = {op.key: self.items.get(op.key) for op in branch if isinstance(op, Get)}
        deleted = {op.key: self.items.get(op.key) for op in branch if isinstance(op, Delete)}
        changing = [
            op for op in branch if isinstance(op, Put) or (isinstance(op, Delete) and op.key in self.items)
        ]
        self.revision += bool(changing)
        for operation in changing:
            self._change(operation)
        return TxnResult(succeeded, self.revision, values, deleted)

    def revoke(self, lease: int) -> None:
        self.leases.discard(lease)
        keys = sorted(key for key, item in self.items.items() if item.lease == lease)
        self.revision += bool(keys)
        for key in keys:
            self._change(Delete(key))

    def _holds(self, compare: Compare) -> bool:
        item = self.items.get(compare.key)
        if isinstance(compare, Exists):
            return item is not None
        revision = 0
        if item is not None:
            is_create = isinstance(compare, CreateRevision)
            revision = item.create_revision if is_create else item.mod_revision
        return revision == compare.revision

    def _change(self, operation: Operation) -> None:
        if isinstance(operation, Put):
            old = self.items.get(operation.key)
            created = old.create_revision if old else self.revision
            item = KeyValue(operation.key, operation.value, created, self.revision, operation.lease)
            self.items[operation.key] = item
            self.history.append(PutEvent(item))
        else:
            del self.items[operation.key]
            self.history.append(DeleteEvent(operation.key, self.revision))


class Program:
    def __init__(self, seed: int, model: Model) -> None:
        self._random = random.Random(seed)
        self._model = model
        self._granted: list[int] = []

    def compares(self) -> list[Compare]:
        return [self._compare() for _ in range(self._random.choice([0, 0, 1, 1, 2]))]

    def branch(self) -> list[Operation]:
        keys = self._random.sample(KEYS, self._random.randint(0, 4))
        return [self._operation(key) for key in keys]

    def is_lease_step(self) -> bool:
        return self._random.random() < 0.1

    def granted(self, lease: int) -> None:
        self._granted.append(lease)

    def lease_to_revoke(self) -> int | None:
        """Sometimes one that is gone already."""
        wanted = self._granted and self._random.random() < 0.4
        return self._random.choice(self._granted) if wanted else None

    def _lease(self) -> int:
        """Mostly none or a live one."""
        pool = self._granted if self._random.random() < 0.03 else sorted(self._model.leases)
        return self._random.choice([0, *pool[-3:]])

    def _compare(self) -> Compare:
        key = self._random.choice(KEYS)
        item = self._model.items.get(key)
        if self._random.random() < 0.3:
            return Exists(key)
        right = self._random.random() < 0.7
        if self._random.random() < 0.5:
            return CreateRevision(key, item.create_revision if item and right else 0)
        return ModRevision(key, item.mod_revision if item and right else 0)

    def _operation(self, key: str) -> Operation:
        kind = self._random.random()
        if kind < 0.6:
            return Put(key, self._random.randbytes(self._random.randint(0, 40)), self._lease())
        return Delete(key) if kind < 0.85 else Get(key)


async def lease_step(grid: Grid, model: Model, program: Program) -> None:
    revoked = program.lease_to_revoke()
    if revoked is None:
        lease = (await grid.lease(600)).id
        model.leases.add(lease)
        program.granted(lease)
    else:
        await grid.revoke(revoked)
        model.revoke(revoked)


async def txn_step(grid: Grid, model: Model, program: Program) -> None:
    arguments = program.compares(), program.branch(), program.branch()
    try:
        expected: TxnResult | None = model.txn(*arguments)
    except LeaseGone:
        expected = None
    if expected is None:
        with pytest.raises(LeaseGone):
            await grid.txn(*arguments)
    else:
        assert await grid.txn(*arguments) == expected


def by_revision(events: list[Event]) -> list[tuple[int, Any]]:
    """Events in order; those of one revision by key, since a revoked lease's keys have no order of their own."""
    pairs = [
        (event.item.mod_revision, event.item.key, event)
        if isinstance(event, PutEvent)
        else (event.revision, event.key, event)
        for event in events
    ]
    return [(revision, event) for revision, _, event in sorted(pairs, key=lambda pair: pair[:2])]


def of_prefix(events: list[Event], prefix: str) -> list[Event]:
    return [
        event
        for event in events
        if (event.item.key if isinstance(event, PutEvent) else event.key).startswith(prefix)
    ]


@pytest.mark.parametrize("seed", range(12))
async def test_a_store_agrees_with_the_model(store: Any, grid: Grid, watcher: Any, seed: int) -> None:
    start = (await grid.txn([], [Put("/start", b"")])).revision
    model = Model(start)
    program = Program(seed, model)
    prefixes = ("/t/", "/t/a/", "/t/b/3")
    async with asyncio.timeout(patient(60)), asyncio.TaskGroup() as group:
        live = {prefix: group.create_task(_follow(grid, prefix, start + 1)) for prefix in prefixes}
        for _ in range(STEPS):
            await (lease_step if program.is_lease_step() else txn_step)(grid, model, program)
        snapshot = await grid.range("/t/")
        last = (await grid.txn([], [Put("/t/a/end", b""), Put("/t/b/3end", b"")])).revision
    assert snapshot.revision == model.revision > start + STEPS // 2
    assert snapshot.items == tuple(item for _, item in sorted(model.items.items()))
    assert len(model.history) > STEPS // 2
    for prefix, task in live.items():
        expected = by_revision(of_prefix(model.history, prefix))
        assert by_revision(task.result()) == expected, prefix
        resumed = await watcher.until(grid, prefix, start + 1, last)
        assert by_revision(_without_end(resumed)) == expected, prefix


@pytest.mark.parametrize("seed", range(100, 103))
async def test_reopening_in_the_middle_changes_nothing(store: Any, seed: int) -> None:
    grid = await store.open()
    start = (await grid.txn([], [Put("/start", b"")])).revision
    model = Model(start)
    program = Program(seed, model)
    for _ in range(8):
        for _ in range(40):
            await (lease_step if program.is_lease_step() else txn_step)(grid, model, program)
        await grid.close()
        grid = await store.open()
        snapshot = await grid.range("/t/")
        assert snapshot.revision == model.revision
        assert snapshot.items == tuple(item for _, item in sorted(model.items.items()))
    await grid.close()


async def _follow(grid: Grid, prefix: str, start: int) -> list[Event]:
    """A live watch, up to the marker at the end."""
    events: list[Event] = []
    watch = grid.watch(prefix, start)
    async for changes in watch:
        events += changes.events
        if len(_without_end(events)) < len(events):
            break
    await watch.aclose()
    return _without_end(events)


def _without_end(events: list[Event]) -> list[Event]:
    return [event for event in events if not (isinstance(event, PutEvent) and event.item.key.endswith("end"))]
