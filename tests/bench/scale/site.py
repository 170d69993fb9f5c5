"""A big site for a bench: a real etcd cluster, filled, and real brokers on it as processes of their own."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from broker.grid.embedded import EmbeddedGrid
from broker.grid.opening import open_grid
from broker.grid.scopes import Stores
from broker.grid.seal import SiteKey
from broker.initialise import initialise
from broker.repositories.hosts import live_path
from portcullis.model.host import LiveHost
from tests.bench.scale.population import Population, Size, id_of
from tests.support.etcd import EtcdCluster

ROOT = Path(__file__).resolve().parents[3]
ANSWER_SECONDS = 900.0


@dataclass
class EmbeddedSite:
    """One broker's, on a file."""

    state: Path
    tenant_id: str
    size: Size
    arguments: tuple[str, ...] = ()

    @property
    def api_token(self) -> str:
        return str(json.loads((self.state / "secrets.json").read_text())["api_token"])


@dataclass
class BigSite:
    cluster: EtcdCluster
    state: Path
    tenant_id: str
    size: Size
    records: int

    @property
    def arguments(self) -> tuple[str, ...]:
        return tuple(self.cluster.arguments)

    def member_rss(self) -> list[int]:
        return [psutil.Process(member.pid).memory_info().rss for member in self.cluster.members]

    async def database_bytes(self) -> int:
        status = await self.cluster.states()
        return max(int(state["dbSize"]) for state in status.values())


class BrokerProcess:
    def __init__(self, process: asyncio.subprocess.Process, started: dict[str, Any]) -> None:
        self._process = process
        self.started = started

    @property
    def pid(self) -> int:
        return self._process.pid

    async def ask(self, *question: Any) -> Any:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(question).encode() + b"\n")
        await self._process.stdin.drain()
        return await _answer(self._process)

    async def stop(self) -> None:
        if self._process.returncode is None:
            assert self._process.stdin is not None
            self._process.stdin.close()
            await self._process.wait()

    async def kill(self) -> None:
        if self._process.returncode is None:
            self._process.kill()
            await self._process.wait()


@asynccontextmanager
async def big_site(
    folder: Path, size: Size, members: int, *, live: bool = False, more: Sequence[str] = ()
) -> AsyncIterator[BigSite]:
    """`live`: hosts have live records, bound to no lease, for benches without agents. `more`: for the members."""
    state = folder / "state"
    state.mkdir(mode=0o700, parents=True)
    arguments = ("--quota-backend-bytes=8589934592", *more)
    async with EtcdCluster(folder / "etcd", size=members, more=arguments) as cluster:
        key = SiteKey.create(state / "site.key")
        grid = await open_grid(cluster.choice(state), may_create=True)
        try:
            secrets = await initialise(
                grid,
                key,
                site_name="big",
                tenant_name="acme",
                administrator="admin",
                user="demo",
                public_origin="http://localhost:8080",
                secrets_file=state / "secrets.json",
            )
            stores = Stores(grid, key)
            records = await Population(stores, secrets.tenant_id, size).write()
            for number in range(size.hosts if live else 0):
                host = LiveHost(id_of("host", number), "0" * 16, "b" * 16, "1", 0)
                await stores.commit(stores.site.put(live_path(host.host_id), host.to_json()))
        finally:
            await grid.close()
        yield BigSite(cluster, state, secrets.tenant_id, size, records)


async def embedded_site(folder: Path, size: Size) -> EmbeddedSite:
    """With live hosts; `folder` may hold one of this size already, which is taken as it is."""
    state = folder / "state"
    if state.exists():
        secrets = json.loads((state / "secrets.json").read_text())
        return EmbeddedSite(state, secrets["tenant_id"], size)
    state.mkdir(mode=0o700, parents=True)
    key = SiteKey.create(state / "site.key")
    grid = await EmbeddedGrid.open(state / "grid.sqlite")
    try:
        secrets = await initialise(
            *(grid, key),
            site_name="big",
            tenant_name="acme",
            administrator="admin",
            user="demo",
            public_origin="http://localhost:8080",
            secrets_file=state / "secrets.json",
        )
        stores = Stores(grid, key)
        await Population(stores, secrets.tenant_id, size).write()
        hosts = [LiveHost(id_of("host", number), "0" * 16, "b" * 16, "1", 0) for number in range(size.hosts)]
        for start in range(0, len(hosts), 100):
            puts = [
                stores.site.put(live_path(host.host_id), host.to_json())
                for host in hosts[start : start + 100]
            ]
            await stores.commit(*puts)
    finally:
        await grid.close()
    return EmbeddedSite(state, secrets.tenant_id, size)


async def start_broker(site: BigSite | EmbeddedSite, port: int = 0) -> BrokerProcess:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.bench.scale.subject", "--state", str(site.state)),
        *("--tenant", site.tenant_id, "--port", str(port), *site.arguments),
        cwd=ROOT,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=2**26,
    )
    return BrokerProcess(process, await _answer(process))


async def _answer(process: asyncio.subprocess.Process) -> Any:
    assert process.stdout is not None
    async with asyncio.timeout(ANSWER_SECONDS):
        line = await process.stdout.readline()
    if not line:
        raise ChildProcessError("the broker ended without an answer")
    return json.loads(line)
