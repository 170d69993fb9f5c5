"""The grid's health: degraded when nothing succeeds, writable with the first success, and only by the right one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from broker.grid import health as module
from broker.grid.grid import GridUnavailable
from broker.grid.health import GridHealth
from portcullis.clock import SystemClock
from tests.support.patience import patient, until


class Store:
    def __init__(self) -> None:
        self.readable = self.writable = True
        self.hangs = False
        self.reads = self.writes = 0

    async def read(self) -> None:
        self.reads += 1
        if self.hangs:
            await asyncio.Event().wait()
        if not self.readable:
            raise GridUnavailable("no quorum")

    async def write(self) -> None:
        self.writes += 1
        if not self.writable:
            raise GridUnavailable("the disk is full")


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Store:
    monkeypatch.setattr(module, "LOOK_SECONDS", 0.02)
    monkeypatch.setattr(module, "LOOK_TIMEOUT_SECONDS", 0.1)
    monkeypatch.setattr(module, "DEGRADED_AFTER_SECONDS", 0.2)
    return Store()


@pytest_asyncio.fixture
async def health(store: Store) -> AsyncIterator[GridHealth]:
    made = GridHealth(store.read, store.write, SystemClock())
    made.start()
    yield made
    await made.stop()


async def until_it_is(health: GridHealth, writable: bool) -> None:
    turned = asyncio.Event()
    unsubscribe = health.subscribe(turned.set)
    async with asyncio.timeout(patient(10)):
        while health.writable != writable:
            await turned.wait()
            turned.clear()
    unsubscribe()


@pytest.mark.parametrize("how", ["refuses", "hangs"])
async def test_a_grid_that_answers_no_look_is_degraded_until_it_does(
    store: Store, health: GridHealth, how: str
) -> None:
    store.readable, store.hangs = how != "refuses", how == "hangs"
    await until_it_is(health, False)
    assert not await health.until_writable(0.05)
    store.readable, store.hangs = True, False
    assert await health.until_writable(10)
    assert health.writable


async def test_reading_is_no_proof_once_a_write_has_failed(store: Store, health: GridHealth) -> None:
    """A full disk and an exhausted quota are read as ever."""
    store.writable = False
    health.failed_to_write()
    await until_it_is(health, False)
    assert store.writes
    store.writable = True
    await until_it_is(health, True)


async def test_a_write_that_goes_through_ends_it_without_a_look(store: Store, health: GridHealth) -> None:
    store.readable = False
    await until_it_is(health, False)
    health.wrote()
    assert health.writable


async def test_one_write_that_failed_is_no_degraded_mode(store: Store, health: GridHealth) -> None:
    health.failed_to_write()
    before = store.writes
    await until(lambda: store.writes != before)
    assert health.writable
