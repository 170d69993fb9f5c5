"""Every store of the grid, and an open client of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from broker.grid.grid import Changes, Event, Grid
from tests.support.etcd_server import EtcdServer, etcd_server
from tests.support.grid_stores import STORES, EmbeddedStore, EtcdStore, Store
from tests.support.patience import patient


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EtcdServer]:
    with etcd_server(tmp_path_factory.mktemp("etcd")) as server:
        yield server


@pytest.fixture(params=STORES)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    if request.param == "embedded":
        return EmbeddedStore(tmp_path)
    return EtcdStore(request.getfixturevalue("server"), tmp_path)


@pytest.fixture
async def grid(store: Store) -> AsyncIterator[Grid]:
    grid = await store.open()
    yield grid
    await grid.close()


class Watcher:
    """Collects the events of a watch until it has seen a revision."""

    async def until(self, grid: Grid, prefix: str, start: int, revision: int) -> list[Event]:
        events: list[Event] = []
        async with asyncio.timeout(patient(30)):
            watch = grid.watch(prefix, start)
            try:
                async for changes in watch:
                    events += changes.events
                    if changes.revision >= revision:
                        return events
            finally:
                await watch.aclose()
        raise AssertionError("the watch ended")

    async def next_event(self, grid: Grid, prefix: str, start: int) -> Changes:
        """The first delivery that has events."""
        async with asyncio.timeout(patient(30)):
            watch = grid.watch(prefix, start)
            try:
                async for changes in watch:
                    if changes.events:
                        return changes
            finally:
                await watch.aclose()
        raise AssertionError("the watch ended")


@pytest.fixture
def watcher() -> Watcher:
    return Watcher()
