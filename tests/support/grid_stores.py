"""The stores that the grid's contract suite runs against, each behind the few things that the contract leaves open."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from broker.grid.embedded import EmbeddedGrid
from broker.grid.grid import Grid


class Store(Protocol):
    shortest_lease_seconds: float

    def __init__(self, folder: Path) -> None: ...

    async def open(self) -> Grid:
        """A client of the store; it keeps what it holds from one to the next."""
        ...

    async def compact(self, grid: Grid, revision: int) -> None:
        """Forget events up to and including `revision`."""
        ...


class EmbeddedStore:
    shortest_lease_seconds = 0.1

    def __init__(self, folder: Path) -> None:
        self._path = folder / "grid.sqlite"

    async def open(self) -> Grid:
        return await EmbeddedGrid.open(self._path)

    async def compact(self, grid: Grid, revision: int) -> None:
        assert isinstance(grid, EmbeddedGrid)
        await grid.compact(revision)


STORES: dict[str, type[Store]] = {"embedded": EmbeddedStore}
