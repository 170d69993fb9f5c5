"""Whether a broker may be given work."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from broker.grid.grid import GridUnavailable, TxnResult
from broker.grid.metered import MeteredGrid
from broker.watched import Readiness
from tests.support.clock import ManualClock


@dataclass
class Snapshot:
    revision: int = 1


class Grid:
    """Answers with the next revision, or with what was set."""

    def __init__(self) -> None:
        self.revision = 1
        self.error: Exception | None = None
        self.succeeds = True

    async def txn(self, *_: object) -> TxnResult:
        if self.error:
            raise self.error
        self.revision += 1
        return TxnResult(self.succeeds, self.revision, {}, {})

    async def keep_alive(self, lease: int) -> None: ...


class Site:
    def __init__(self) -> None:
        self.clock = ManualClock()
        self.grid = Grid()
        self.told: list[str] = []
        self.metered = MeteredGrid(self.grid, self.clock, lambda seconds, outcome: self.told.append(outcome))  # type: ignore[arg-type]
        self.snapshot = Snapshot()
        self.readiness = Readiness(self.metered, self.snapshot, self.clock)  # type: ignore[arg-type]

    async def write(self) -> Any:
        return await self.metered.txn((), ())


async def test_a_write_that_failed_makes_it_unready_until_one_is_taken() -> None:
    site = Site()
    site.grid.error = GridUnavailable("disk full")
    with pytest.raises(GridUnavailable):
        await site.write()
    assert site.readiness.trouble() == ["the grid did not take the last write"]
    site.grid.error = None
    await site.write()
    site.snapshot.revision = 2
    assert site.readiness.trouble() == []


async def test_a_grid_that_is_silent_makes_it_unready() -> None:
    site = Site()
    site.clock.advance(21)
    assert site.readiness.trouble() == ["the grid has not answered for 21 s"]
    await site.metered.keep_alive(1)
    assert site.readiness.trouble() == []


async def test_a_snapshot_may_be_behind_for_a_moment_only() -> None:
    site = Site()
    await site.write()
    assert (site.readiness.lag, site.readiness.trouble()) == (1, [])
    site.clock.advance(6)
    assert site.readiness.trouble() == ["the snapshot stands still at revision 1"]
    site.snapshot.revision = 2
    assert (site.readiness.lag, site.readiness.trouble()) == (0, [])


async def test_every_transaction_is_counted_once_by_its_outcome() -> None:
    site = Site()
    await site.write()
    site.grid.succeeds = False
    await site.write()
    site.grid.error = GridUnavailable("x")
    with pytest.raises(GridUnavailable):
        await site.write()
    assert site.told == ["committed", "conflict", "unavailable"]
