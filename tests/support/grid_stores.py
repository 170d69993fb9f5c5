"""The stores that the grid's contract suite runs against, each behind the few things that the contract leaves open."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from broker.grid.embedded import EmbeddedGrid
from broker.grid.grid import Grid, Put
from broker.grid.opening import GridChoice, open_grid
from tests.support.etcd_server import EtcdServer

STORES = ("embedded", "etcd")


class Store(Protocol):
    shortest_lease_seconds: float
    lease_seconds: float
    """Short, and long enough to be kept alive meanwhile."""

    async def open(self) -> Grid:
        """A client of the store; it keeps what it holds from one to the next."""
        ...


class EmbeddedStore:
    shortest_lease_seconds = 0.1
    lease_seconds = 0.5

    def __init__(self, folder: Path) -> None:
        self._path = folder / "grid.sqlite"

    async def open(self) -> Grid:
        return await EmbeddedGrid.open(self._path)


class EtcdStore:
    shortest_lease_seconds = 2.0
    """One and a half of its election timeout."""
    lease_seconds = 2.0

    def __init__(self, server: EtcdServer, folder: Path) -> None:
        server.empty()
        self._choice = GridChoice(server.address, folder)

    async def open(self) -> Grid:
        return await open_grid(self._choice, may_create=True)


async def put(grid: Grid, key: str, value: bytes = b"v", lease: int = 0) -> int:
    return (await grid.txn([], [Put(key, value, lease)])).revision


async def values(grid: Grid, prefix: str) -> dict[str, bytes]:
    return {item.key: item.value for item in (await grid.range(prefix)).items}
