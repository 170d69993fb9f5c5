"""Three members with mTLS, one of which fails: nothing is lost or doubled, and the lease of a broker lives."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path

import pytest

from broker.grid.etcd.grid import EtcdGrid
from broker.grid.grid import (
    CreateRevision,
    Event,
    Grid,
    GridUnavailable,
    KeyValue,
    ModRevision,
    Put,
    PutEvent,
)
from broker.grid.opening import open_grid
from tests.support.etcd import EtcdCluster, Member
from tests.support.patience import patient

WRITES = 60
LEASE_SECONDS = 6


@pytest.fixture
async def etcd(tmp_path: Path) -> AsyncIterator[EtcdCluster]:
    async with EtcdCluster(tmp_path) as cluster:
        yield cluster


@asynccontextmanager
async def opened(etcd: EtcdCluster) -> AsyncIterator[EtcdGrid]:
    grid = await open_grid(etcd.choice(etcd.folder), may_create=True)
    assert isinstance(grid, EtcdGrid)
    try:
        yield grid
    finally:
        await grid.close()


async def victim(etcd: EtcdCluster, grid: EtcdGrid, which: str) -> Member:
    leader = await etcd.leader()
    if which == "leader":
        return leader
    connected = str(grid._members.endpoints[0])
    if which == "connected":
        return next(member for member in etcd.members if member.endpoint == connected)
    return next(member for member in etcd.members if member is not leader)


async def write_all(grid: Grid, hurt: asyncio.Event) -> list[bytes]:
    """Values of one key, each put over the one before; some while a member fails."""
    written: list[bytes] = []
    revision = 0
    for number in range(WRITES):
        value = secrets.token_bytes(24)
        compare = ModRevision("/t/key", revision) if revision else CreateRevision("/t/key", 0)
        while True:
            try:
                result = await grid.txn([compare], [Put("/t/key", value)])
                break
            except GridUnavailable:
                continue
        assert result.succeeded, f"write {number} lost its own outcome"
        written.append(value)
        revision = result.revision
        if number == WRITES // 4:
            hurt.set()
    return written


async def watched(grid: Grid, count: int) -> list[Event]:
    events: list[Event] = []
    async with aclosing(grid.watch("/t/", 1)) as watch:
        async for changes in watch:
            events += changes.events
            if len(events) >= count:
                break
    return events


async def keep(grid: Grid, lease: int, stop: asyncio.Event) -> None:
    while not stop.is_set():
        try:
            await grid.keep_alive(lease)
        except GridUnavailable:
            continue
        await asyncio.wait([asyncio.ensure_future(stop.wait())], timeout=0.5)


@pytest.mark.parametrize("which", ["leader", "follower", "connected"])
@pytest.mark.parametrize("how", ["kill", "freeze"])
async def test_a_member_fails_and_nothing_is_lost_or_doubled(etcd: EtcdCluster, which: str, how: str) -> None:
    async with asyncio.timeout(patient(90)), opened(etcd) as grid, opened(etcd) as other:
        lease = await grid.lease(LEASE_SECONDS)
        await grid.txn([], [Put("/live", b"1", lease.id)])
        hurt, stop = asyncio.Event(), asyncio.Event()
        async with asyncio.TaskGroup() as group:
            seen = group.create_task(watched(other, WRITES))
            written = group.create_task(write_all(grid, hurt))
            group.create_task(keep(grid, lease.id, stop))
            await hurt.wait()
            hit = await victim(etcd, grid, which)
            if how == "kill":
                await hit.kill()
            else:
                hit.freeze()
            values = await written
            events = await seen
            stop.set()
        assert [event.item.value for event in events if isinstance(event, PutEvent)] == values
        assert await grid.get("/live") is not None
        await grid.keep_alive(lease.id)
        item = await grid.get("/t/key")
        assert isinstance(item, KeyValue)
        assert item.value == values[-1]


async def test_a_watch_leaves_a_frozen_member_though_this_client_asks_nothing(etcd: EtcdCluster) -> None:
    async with asyncio.timeout(patient(60)), opened(etcd) as watching, opened(etcd) as writing:
        start = (await writing.txn([], [Put("/t/key", b"start")])).revision
        async with aclosing(watching.watch("/t/", start)) as watch:
            await anext(watch)
            hit = await victim(etcd, watching, "connected")
            hit.freeze()
            value = secrets.token_bytes(24)
            result = await writing.txn([], [Put("/t/key", value)])
            changes = await anext(watch)
            while not changes.events:
                changes = await anext(watch)
        assert changes.revision == result.revision
        assert [event.item.value for event in changes.events if isinstance(event, PutEvent)] == [value]


async def test_a_wiped_member_takes_nothing_with_it_and_is_replaced(etcd: EtcdCluster) -> None:
    async with asyncio.timeout(patient(90)), opened(etcd) as grid:
        kept = (await grid.txn([], [Put("/t/kept", b"1")])).revision
        lost = await victim(etcd, grid, "follower")
        await lost.kill()
        lost.wipe()
        await lost.start()
        assert lost.process is not None
        assert await lost.process.wait() != 0, "it must not join again with an empty disk"
        assert (await grid.get("/t/kept") or pytest.fail("lost")).mod_revision == kept
        other = next(member for member in etcd.members if member is not lost)
        listed = (await etcd.control(other, "member", "list"))["members"]
        known = next(each for each in listed if each.get("name") == lost.name)
        assert await etcd.control(other, "member", "remove", f"{known['ID']:x}")
        # Until the remover has heard of a connected majority etcd adds nobody.
        while (
            await etcd.control(other, "member", "add", lost.name, f"--peer-urls={known['peerURLs'][0]}")
            is None
        ):
            await asyncio.sleep(0.2)
        if lost.folder.exists():
            lost.wipe()
        await lost.start("--initial-cluster-state=existing")
        await etcd.until_healthy()
        await grid.txn([], [Put("/t/later", b"2")])
        assert await etcd.members_agree()
        while not all(member.healthy for member in await grid.members()):
            await asyncio.sleep(0.1)
        assert {member.name for member in await grid.members()} == {member.name for member in etcd.members}


async def test_without_a_majority_nothing_is_acknowledged_and_all_goes_on_after_it(etcd: EtcdCluster) -> None:
    async with asyncio.timeout(patient(90)), opened(etcd) as grid:
        revision = (await grid.txn([], [Put("/t/key", b"1")])).revision
        for member in etcd.members[:2]:
            await member.kill()
        with pytest.raises(GridUnavailable, match="no etcd member answers"):
            await grid.txn([ModRevision("/t/key", revision)], [Put("/t/key", secrets.token_bytes(8))])
        sick = await grid.members()
        assert [member.healthy for member in sick] == [False] * 3
        assert all(member.trouble for member in sick)
        for member in etcd.members[:2]:
            await member.start()
        await etcd.until_healthy()
        item = await grid.get("/t/key")
        assert item is not None
        last = await grid.txn([ModRevision("/t/key", item.mod_revision)], [Put("/t/key", b"2")])
        assert last.succeeded
        seen = await watched(grid, 2)
        assert next(event.item.value for event in seen if isinstance(event, PutEvent)) == b"1"
        assert len(seen) <= 3, "the transaction that was not acknowledged took effect once at most"


async def test_compares_alone_are_not_answered_by_a_member_that_is_cut_off(etcd: EtcdCluster) -> None:
    """It would answer from what it holds, and may have missed what came since."""
    async with asyncio.timeout(patient(60)), opened(etcd) as grid:
        revision = (await grid.txn([], [Put("/t/key", b"1")])).revision
        assert (await grid.txn([ModRevision("/t/key", revision)], [])).succeeded
        for member in etcd.members[1:]:
            await member.kill()
        with pytest.raises(GridUnavailable, match="no etcd member answers"):
            await grid.txn([ModRevision("/t/key", revision)], [])
