"""An answer that is lost after the transaction took effect: the same again tells what became of it."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from broker.grid.etcd.endpoint import TXN, Endpoint
from broker.grid.etcd.grid import EtcdGrid
from broker.grid.etcd.troubles import Missed
from broker.grid.grid import CreateRevision, Delete, Get, ModRevision, Put
from broker.grid.opening import GridChoice, open_grid
from tests.support.etcd_server import EtcdServer


@pytest.fixture
async def grid(server: EtcdServer, tmp_path: Path) -> AsyncIterator[EtcdGrid]:
    server.empty()
    grid = await open_grid(GridChoice(server.address, tmp_path), may_create=True)
    assert isinstance(grid, EtcdGrid)
    yield grid
    await grid.close()


def lose_answers(monkeypatch: pytest.MonkeyPatch, count: int, meanwhile: Any = None) -> None:
    """Of the next transactions, which take effect all the same."""
    call = Endpoint.call
    left = count

    async def losing(self: Endpoint, method: str, request: Any, seconds: float) -> Any:
        nonlocal left
        answer = await call(self, method, request, seconds)
        if method == TXN and left:
            left -= 1
            if meanwhile is not None and not left:
                monkeypatch.setattr(Endpoint, "call", call)
                await meanwhile()
            raise Missed("the answer is lost")
        return answer

    monkeypatch.setattr(Endpoint, "call", losing)


@pytest.mark.parametrize("lost", [1, 2])
async def test_a_success_whose_answer_is_lost_is_told_at_its_own_revision(
    grid: EtcdGrid, monkeypatch: pytest.MonkeyPatch, lost: int
) -> None:
    before = (await grid.txn([], [Put("/t/x", b"0")])).revision
    lose_answers(monkeypatch, lost)
    value = secrets.token_bytes(32)
    result = await grid.txn(
        [CreateRevision("/t/a", 0)], [Put("/t/a", value), Put("/t/b", b"")], [Put("/t/else", b"1")]
    )
    assert (result.succeeded, result.revision) == (True, before + 1)
    assert {item.key for item in (await grid.range("/t/")).items} == {"/t/x", "/t/a", "/t/b"}
    assert (await grid.range("/t/")).revision == before + 1


async def test_a_refusal_whose_answer_is_lost_stays_one(
    grid: EtcdGrid, monkeypatch: pytest.MonkeyPatch
) -> None:
    revision = (await grid.txn([], [Put("/t/a", b"theirs")])).revision
    lose_answers(monkeypatch, 1)
    result = await grid.txn(
        [CreateRevision("/t/a", 0)], [Put("/t/a", secrets.token_bytes(32))], [Get("/t/a")]
    )
    assert (result.succeeded, result.revision) == (False, revision)
    assert result.values["/t/a"] is not None
    assert result.values["/t/a"].value == b"theirs"


async def test_a_success_is_recognised_by_what_others_left_of_it(
    grid: EtcdGrid, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A broker goes on from our success, and writes one of its keys again, before we know of it."""
    slot, session = secrets.token_bytes(16), secrets.token_bytes(64)

    async def goes_on() -> None:
        item = await grid.get("/t/session")
        assert item is not None
        await grid.txn([ModRevision("/t/session", item.mod_revision)], [Put("/t/session", b"starting")])

    lose_answers(monkeypatch, 1, goes_on)
    puts = [Put("/t/session", session), Put("/t/slot", slot)]
    result = await grid.txn([CreateRevision("/t/slot", 0), CreateRevision("/t/session", 0)], puts)
    found = await grid.get("/t/slot")
    assert found is not None
    assert (result.succeeded, result.revision) == (True, found.mod_revision)
    session_now = await grid.get("/t/session")
    assert session_now is not None
    assert session_now.value == b"starting"


async def test_one_that_only_deletes_fails_its_compares(
    grid: EtcdGrid, monkeypatch: pytest.MonkeyPatch
) -> None:
    revision = (await grid.txn([], [Put("/t/a", b"1")])).revision
    lose_answers(monkeypatch, 1)
    result = await grid.txn([ModRevision("/t/a", revision)], [Delete("/t/a")])
    assert not result.succeeded
    assert await grid.get("/t/a") is None


async def test_a_lease_whose_grant_is_unheard_is_ours(
    grid: EtcdGrid, monkeypatch: pytest.MonkeyPatch
) -> None:
    call = Endpoint.call
    is_lost = False

    async def losing(self: Endpoint, method: str, request: Any, seconds: float) -> Any:
        nonlocal is_lost
        answer = await call(self, method, request, seconds)
        if not is_lost:
            is_lost = True
            raise Missed("the answer is lost")
        return answer

    monkeypatch.setattr(Endpoint, "call", losing)
    lease = await grid.lease(60)
    assert lease.ttl_seconds == 60
    await grid.keep_alive(lease.id)
