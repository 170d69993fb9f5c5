"""Backup, restore, move and new keys of a site of 10,000 users: seconds and bytes, on an embedded grid and on etcd.

Peer: one transaction a record on the same grids in the same run, for what writing costs here. Users are put with their
name index and history, as the product does, so there are three records and more a user.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from broker.backup.archive import read
from broker.grid.grid import Put
from broker.grid.opening import GridChoice, open_grid
from broker.grid.scopes import Stores
from broker.grid.seal import SiteKey
from broker.repositories.users import user_creation
from portcullis.ids import new_id
from portcullis.model.user import User
from tests.bench.figures import Figure, report
from tests.support.etcd import EtcdCluster
from tests.support.running_broker import make_site

USERS = 10_000
A_TRANSACTION = 30
"""Users: four operations each stay below 128."""
PEER_WRITES = 500


async def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        state = folder / "broker"
        secrets = await make_site(state)
        await fill(state, secrets.tenant_id)
        bare = await peer(GridChoice("embedded", folder / "peer"))
        figures = measure("embedded", state, folder, (), bare)
        async with EtcdCluster(folder / "etcd") as cluster:
            bare = await peer(cluster.choice(folder))
            arguments = ("--from", "embedded", "--to", cluster.address, *cluster.arguments[2:])
            figures.append(timed("migrate, embedded to etcd", bare, "migrate", "--state", state, *arguments))
            figures += measure("etcd of 3 members", state, folder, cluster.arguments, bare)
    report("backup", figures, facts={"users": USERS})


async def fill(state: Path, tenant: str) -> None:
    grid = await open_grid(GridChoice("embedded", state), may_create=False)
    stores = Stores(grid, SiteKey.load(state / "site.key"))
    store = await stores.tenant(tenant)
    for start in range(0, USERS, A_TRANSACTION):
        operations = []
        for number in range(start, min(USERS, start + A_TRANSACTION)):
            user = User(
                new_id(), f"user-{number}", password_hash="$argon2id$" + "x" * 80, totp_secret="A" * 32
            )
            operations += user_creation(store, user)[0]
        await stores.commit(*operations)
    await grid.close()


async def peer(choice: GridChoice) -> float:
    """Seconds of a thousand bare transactions."""
    choice.state.mkdir(exist_ok=True)
    grid = await open_grid(choice, may_create=True)
    began = time.monotonic()
    for number in range(PEER_WRITES):
        await grid.txn((), [Put(f"/peer/{number}", b"x" * 600)])
    seconds = (time.monotonic() - began) / PEER_WRITES * 1000
    await grid.close()
    return seconds


def measure(name: str, state: Path, folder: Path, grid: tuple[str, ...], bare: float) -> list[Figure]:
    backup = folder / f"backup-{new_id()}"
    common = ("--state", state, *grid)
    taken = timed(f"backup, {name}", bare, "backup", *common, "--to", backup)
    with backup.open("rb") as file:
        records = read(file, SiteKey.load(state / "site.key")).info.records
    words = ("--from", backup, "--without-journal", "--replace")
    return [
        Figure(f"records in the backup, {name}", records, ""),
        Figure(f"bytes of the backup, {name}", backup.stat().st_size, "B"),
        taken,
        timed(f"restore, {name}", bare, "restore", *common, *words),
        timed(f"rotate-keys, {name}", bare, "rotate-keys", *common),
    ]


def timed(what: str, bare: float, *words: object) -> Figure:
    began = time.monotonic()
    subprocess.run([sys.executable, "-m", "broker", *map(str, words)], check=True, stdout=subprocess.DEVNULL)
    seconds = time.monotonic() - began
    return Figure(what, seconds, "s", peer=bare, peer_name="1,000 bare transactions, s")


if __name__ == "__main__":
    asyncio.run(main())
