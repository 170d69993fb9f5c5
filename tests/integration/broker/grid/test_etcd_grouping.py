"""Transactions that travel together to a real etcd: each is whole, and all are as if one came after the other."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from broker.grid.etcd.endpoint import TXN, Endpoint
from broker.grid.etcd.grid import EtcdGrid
from broker.grid.etcd.troubles import Missed
from broker.grid.grid import CreateRevision, Delete, ModRevision, Put, TxnResult
from broker.grid.opening import GridChoice, open_grid
from tests.support.etcd_server import EtcdServer


@pytest.fixture
async def grid(server: EtcdServer, tmp_path: Path) -> AsyncIterator[EtcdGrid]:
    server.empty()
    grid = await open_grid(GridChoice(server.address, tmp_path), may_create=True)
    assert isinstance(grid, EtcdGrid)
    yield grid
    await grid.close()


async def test_many_at_one_moment_share_few_revisions_and_each_has_its_own_outcome(grid: EtcdGrid) -> None:
    before = (await grid.txn([], [Put("/t/taken", b"1")])).revision

    async def claim(number: int) -> TxnResult:
        slot = "/t/taken" if number % 5 == 0 else f"/t/slot/{number}"
        return await grid.txn(
            [CreateRevision(slot, 0)], [Put(slot, b"%d" % number), Put(f"/t/own/{number}", b"")]
        )

    results = await asyncio.gather(*(claim(number) for number in range(60)))
    assert [result.succeeded for result in results] == [number % 5 != 0 for number in range(60)]
    items = {item.key: item for item in (await grid.range("/t/")).items}
    for number, result in enumerate(results):
        assert (f"/t/own/{number}" in items) is result.succeeded
        if result.succeeded:
            assert {items[f"/t/{kind}/{number}"].mod_revision for kind in ("own", "slot")} == {
                result.revision
            }
    assert (await grid.range("/t/")).revision - before < 10


async def test_of_two_that_forbid_each_other_one_happens(grid: EtcdGrid) -> None:
    async def put(mine: str, other: str) -> bool:
        return (await grid.txn([CreateRevision(other, 0)], [Put(mine, b"1")])).succeeded

    for number in range(20):
        x, y = f"/t/x/{number}", f"/t/y/{number}"
        hold = grid.txn([], [Put("/t/busy", b"")])  # so that both wait, and could travel together
        _, one, two = await asyncio.gather(hold, put(x, y), put(y, x))
        assert one is not two


async def test_no_change_is_lost_among_those_that_race(grid: EtcdGrid) -> None:
    """Eight count on each of three keys, by what they read."""

    async def count(key: str) -> None:
        for _ in range(6):
            while True:
                item = await grid.get(key)
                number, revision = (int(item.value), item.mod_revision) if item else (0, 0)
                compare = ModRevision(key, revision)
                if (await grid.txn([compare], [Put(key, b"%d" % (number + 1))])).succeeded:
                    break

    keys = [f"/t/{letter}" for letter in "abc"]
    await asyncio.gather(*(count(key) for key in keys for _ in range(8)))
    assert [item.value for item in (await grid.range("/t/")).items] == [b"48"] * 3


async def test_deletes_that_travel_tell_what_they_took(grid: EtcdGrid) -> None:
    keys = [f"/t/{number}" for number in range(10)]
    await asyncio.gather(*(grid.txn([], [Put(key, key.encode())]) for key in keys))
    results = await asyncio.gather(*(grid.txn([], [Delete(key), Put(f"{key}/gone", b"")]) for key in keys))
    taken = [result.deleted[key] for key, result in zip(keys, results, strict=True)]
    assert [item and item.value for item in taken] == [key.encode() for key in keys]


async def test_each_of_those_whose_common_answer_is_lost_is_told_what_became_of_it(
    grid: EtcdGrid, monkeypatch: pytest.MonkeyPatch
) -> None:
    await grid.txn([], [Put("/t/taken", b"theirs")])
    call = Endpoint.call
    lost = []

    async def losing(self: Endpoint, method: str, request: Any, seconds: float) -> Any:
        answer = await call(self, method, request, seconds)
        if method == TXN and len(request.success) > 1 and request.success[0].HasField("txn") and not lost:
            lost.append(len(request.success))
            raise Missed("the answer is lost")
        return answer

    monkeypatch.setattr(Endpoint, "call", losing)

    async def claim(number: int) -> TxnResult:
        key = "/t/taken" if number == 7 else f"/t/{number}"
        return await grid.txn([CreateRevision(key, 0)], [Put(key, secrets.token_bytes(24))])

    results = await asyncio.gather(*(claim(number) for number in range(12)))
    assert lost == [11]
    assert [result.succeeded for result in results] == [number != 7 for number in range(12)]
    items = {item.key: item for item in (await grid.range("/t/")).items}
    for number, result in enumerate(results):
        if result.succeeded:
            item = items[f"/t/{number}"]
            assert item.create_revision == item.mod_revision == result.revision
