"""Backups, moves and new keys on a real etcd."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from broker.app import Broker
from broker.grid.opening import open_grid
from broker.grid.scopes import Stores
from tests.integration.broker.backup.test_migrate import created, fill, has_site, lasting, move
from tests.support.etcd import EtcdCluster
from tests.support.founded_site import Founded, records_of
from tests.support.running_broker import broker_settings, make_site


@pytest.fixture
async def cluster(tmp_path: Path) -> AsyncIterator[EtcdCluster]:
    async with EtcdCluster(tmp_path / "etcd", size=1) as made:
        yield made


async def test_a_site_moves_to_etcd_and_back_with_every_record_in_its_order(
    site: Founded, cluster: EtcdCluster, tmp_path: Path
) -> None:
    await fill(site)
    _, login = await site.add_what_passes()
    opened, before, order = (
        await records_of(site.grid, site.key),
        await lasting(site.grid),
        await created(site.grid),
    )
    there = await open_grid(cluster.choice(tmp_path), may_create=True)
    try:
        await move(site, site.grid, there, ("embedded", cluster.address))
        assert (await lasting(there), await created(there)) == (before, order)
        assert not await has_site(site, site.grid) and await has_site(site, there)
        record = await (await Stores(there, site.key).tenant(site.tenant)).get(("login", login.hash))
        assert record is not None and await there.lease_seconds(record.lease) == 3600
        await move(site, there, site.grid, (cluster.address, "embedded"))
        assert (await lasting(site.grid), await created(site.grid)) == (before, order)
        assert await records_of(site.grid, site.key) == opened
        assert await has_site(site, site.grid) and not await has_site(site, there)
    finally:
        await there.close()


async def test_the_commands_work_on_etcd_beside_a_broker_and_without_one(
    cluster: EtcdCluster, tmp_path: Path
) -> None:
    state, backup = tmp_path / "broker", tmp_path / "backup"
    await make_site(state)
    files = cluster.arguments[2:]
    run(0, "migrate", "--state", state, "--from", "embedded", "--to", cluster.address, *files)
    choice = cluster.choice(state)
    settings = replace(
        broker_settings(state),
        grid=choice.address,
        grid_ca=str(choice.ca),
        grid_cert=str(choice.cert),
        grid_key=str(choice.key),
    )
    broker = Broker(settings)
    await broker.start()
    try:
        await beside(0, "backup", "--state", state, "--to", backup, *cluster.arguments)
        await beside(0, "rotate-keys", "--state", state, "--grants-only", *cluster.arguments)
        assert "[brokers_run]" in await beside(1, "rotate-keys", "--state", state, *cluster.arguments)
    finally:
        await broker.stop()
    run(0, "rotate-keys", "--state", state, *cluster.arguments)
    restored = ("restore", "--state", state, "--from", backup, "--without-journal", *cluster.arguments)
    assert "[backup_sealed]" in run(1, *restored)
    older = ("--backup-key", state / "site.key.previous")
    run(0, *restored, *older, "--replace")
    await serves(Broker(settings))
    back = ("migrate", "--state", state, "--from", cluster.address, "--to", "embedded", *files)
    assert "another site key" in run(1, *back)  # what was left here is of before the keys changed
    (state / "grid.sqlite").unlink()
    run(0, *back)
    await serves(Broker(broker_settings(state)))


async def serves(broker: Broker) -> None:
    await broker.start()
    await broker.stop()


async def beside(status: int, *words: object) -> str:
    """While a broker of this process goes on: one that stands still for longer than its lease counts as dead."""
    return await asyncio.to_thread(run, status, *words)


def run(status: int, *words: object) -> str:
    command = [sys.executable, "-m", "broker", *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    said = done.stdout + done.stderr
    assert done.returncode == status and "Traceback" not in said, said
    return said
