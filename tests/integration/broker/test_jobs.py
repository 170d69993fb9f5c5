"""A job has one holder, passes on when its lease ends, and the late write of a paused former holder fails."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from broker.grid.grid import Grid
from broker.grid.opening import GridChoice, open_grid
from broker.grid.scopes import Condition, Stores
from broker.grid.seal import SiteKey
from broker.jobs import Job
from broker.repositories.committing import commit
from broker.snapshot import Snapshot
from portcullis.tasks import spawn
from tests.support.etcd import EtcdCluster
from tests.support.patience import patient

SECONDS = 20.0
PATH = ("live", "host", "0" * 16)


@dataclass
class Side:
    """One broker: its own picture of the grid that all share, and a lease that nobody renews."""

    stores: Stores
    snapshot: Snapshot
    lease: int

    def job(self, work: Callable[[Condition], Awaitable[None]], **options: object) -> Job:
        return Job(
            "reaper",
            self.stores,
            self.snapshot,
            work,
            period_seconds=1,
            lease=lambda: self.lease,
            **options,  # type: ignore[arg-type]
        )

    async def write(self, fence: Condition, text: str) -> bool:
        """What a job does: a change under its fence."""
        put = self.stores.site.put(PATH, {"by": text})
        return (await commit(self.stores, put, conditions=[fence])).succeeded

    async def until_revision(self) -> None:
        assert await self.snapshot.until((await self.stores.grid.range("/p/v1/")).revision, SECONDS)


@pytest.fixture(params=["embedded", "etcd"])
async def grid(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Grid]:
    if request.param == "embedded":
        opened = await open_grid(GridChoice("embedded", tmp_path, None, None, None), may_create=True)
        yield opened
        await opened.close()
        return
    async with EtcdCluster(tmp_path / "etcd", size=1) as etcd:
        opened = await open_grid(etcd.choice(tmp_path), may_create=True)
        yield opened
        await opened.close()


@pytest.fixture
async def sides(grid: Grid) -> AsyncIterator[tuple[Side, Side]]:
    made = []
    for _ in range(2):
        stores = Stores(grid, SiteKey(bytes(32)))
        snapshot = Snapshot(stores)
        await snapshot.start()
        made.append(Side(stores, snapshot, (await grid.lease(60)).id))
    yield made[0], made[1]
    for side in made:
        await side.snapshot.stop()


async def test_one_of_several_holds_the_job_and_the_next_one_when_its_lease_ends(
    sides: tuple[Side, Side],
) -> None:
    first, second = sides
    done: list[str] = []

    async def work_first(_: Condition) -> None:
        done.append("first")

    async def work_second(_: Condition) -> None:
        done.append("second")

    one, other = first.job(work_first), second.job(work_second)
    await one.round()
    await second.until_revision()
    await other.round()
    await one.round()
    assert done == ["first", "first"]
    await first.stores.grid.revoke(first.lease)
    await second.until_revision()
    await other.round()
    assert done == ["first", "first", "second"] and other.is_held


async def test_the_late_write_of_a_paused_former_holder_fails(sides: tuple[Side, Side]) -> None:
    """It was stopped between its look at the records and its write; its lease ended, and another took the job."""
    paused, other = sides
    stopped, goes_on = asyncio.Event(), asyncio.Event()
    outcomes: dict[str, bool] = {}

    async def slow(fence: Condition) -> None:
        stopped.set()
        await goes_on.wait()
        outcomes["paused"] = await paused.write(fence, "paused")

    async def quick(fence: Condition) -> None:
        outcomes["other"] = await other.write(fence, "other")

    late = spawn(paused.job(slow).round(), name="a round that is paused")
    async with asyncio.timeout(patient(SECONDS)):
        await stopped.wait()
        await other.stores.grid.revoke(paused.lease)
        await other.until_revision()
        await other.job(quick).round()
        goes_on.set()
        await late
    assert outcomes == {"other": True, "paused": False}
    record = await other.stores.site.get(PATH)
    assert record is not None and record.value == {"by": "other"}


async def test_a_former_holder_whose_job_came_back_to_it_writes_nothing_under_the_old_token(
    sides: tuple[Side, Side],
) -> None:
    """The same broker, holding the job again: what it began before is void all the same."""
    side, _ = sides
    fences: list[Condition] = []

    async def note(fence: Condition) -> None:
        fences.append(fence)

    job = side.job(note)
    await job.round()
    await side.stores.grid.revoke(side.lease)
    side.lease = (await side.stores.grid.lease(60)).id
    await side.until_revision()
    await job.round()
    assert not await side.write(fences[0], "old")
    assert await side.write(fences[1], "new")


async def test_a_broker_that_drains_gives_its_job_away(sides: tuple[Side, Side]) -> None:
    first, second = sides
    may_hold = True

    async def nothing(_: Condition) -> None: ...

    one, other = first.job(nothing, may_hold=lambda: may_hold), second.job(nothing)
    await one.round()
    may_hold = False
    await one.round()
    await second.until_revision()
    await other.round()
    assert not one.is_held and other.is_held
