"""What is compacted is what the site was past a round ago."""

from __future__ import annotations

from typing import Any

from broker.compaction import Compaction

FENCE: Any = None


class Grid:
    def __init__(self) -> None:
        self.compacted: list[int] = []

    async def compact(self, revision: int) -> None:
        self.compacted.append(revision)


class Snapshot:
    revision = 7


async def test_the_last_round_s_revision_goes_and_the_newest_period_stays() -> None:
    grid, snapshot = Grid(), Snapshot()
    compaction = Compaction(grid, snapshot)  # type: ignore[arg-type]
    await compaction.round(FENCE)
    assert grid.compacted == []
    snapshot.revision = 20
    await compaction.round(FENCE)
    snapshot.revision = 31
    await compaction.round(FENCE)
    assert grid.compacted == [7, 20]


async def test_a_site_that_stood_still_is_left_alone() -> None:
    grid = Grid()
    compaction = Compaction(grid, Snapshot())  # type: ignore[arg-type]
    await compaction.round(FENCE)
    await compaction.round(FENCE)
    assert grid.compacted == []
