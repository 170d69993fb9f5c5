"""Several brokers of one site in one process, over one real grid: etcd, or an embedded one that they share.

async with several_brokers(tmp_path, 3, etcd) as site:
    async with site[0].agent(): ...
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from broker.app import Broker
from broker.grid.grid import Grid
from broker.grid.opening import GridChoice, open_grid
from broker.grid.seal import SiteKey
from broker.initialise import initialise
from broker.settings import BrokerSettings
from portcullis.clock import Clock
from portcullis.enrolment.joining import join
from tests.support.running_broker import RunningBroker, broker_settings


class Shared:
    """An embedded grid takes one process, and here one process is several brokers: each closes it in vain."""

    def __init__(self, grid: Grid) -> None:
        self._grid = grid

    def __getattr__(self, name: str) -> Any:
        return getattr(self._grid, name)

    async def close(self) -> None: ...


def settings_of(choice: GridChoice, name: str) -> BrokerSettings:
    files = {field: str(getattr(choice, field) or "") for field in ("ca", "cert", "key")}
    return replace(
        broker_settings(choice.state),
        name=name,
        grid=choice.address,
        **{f"grid_{field}": path for field, path in files.items()},
    )


@asynccontextmanager
async def several_brokers(
    folder: Path,
    number: int,
    choice: GridChoice | None = None,
    clocks: Mapping[int, Clock] | None = None,
) -> AsyncIterator[Sequence[RunningBroker]]:
    """`choice`: an etcd whose `state` is `folder / "broker"`; absent: embedded. Host and gateway have joined.

    `clocks`: of those brokers, by index, that have another one than the machine's.
    """
    state = folder / "broker"
    chosen = choice or GridChoice("embedded", state, None, None, None)
    state.mkdir(mode=0o700, exist_ok=True)
    async with AsyncExitStack() as undo:
        grid = await open_grid(chosen, may_create=True)
        undo.push_async_callback(grid.close)
        secrets = await initialise(
            grid,
            SiteKey.create(state / "site.key"),
            site_name="lab",
            tenant_name="acme",
            administrator="admin",
            user="demo",
            public_origin="http://localhost:8080",
            secrets_file=state / "secrets.json",
        )

        async def shared(_: BrokerSettings) -> Grid:
            return Shared(grid)  # type: ignore[return-value]

        brokers = []
        for index in range(number):
            opening = {} if choice is not None else {"open_grid": shared}
            clock = (clocks or {}).get(index)
            broker = Broker(settings_of(chosen, f"b{index + 1}"), clock, **opening)
            await broker.start()
            undo.push_async_callback(broker.stop)
            brokers.append(broker)
        address = brokers[0].address
        host = await join(address, secrets.host_join_token, "h1", folder / "host", slots=10)
        gateway = await join(
            address,
            secrets.gateway_join_token,
            "gw",
            folder / "gateway",
            address="127.0.0.1:9443",
            public_origin="http://localhost:8080",
        )
        site = [RunningBroker(broker, secrets, host, gateway) for broker in brokers]
        for running in site:
            undo.push_async_callback(running.close)
        revision = max(running.parts.snapshot.revision for running in site)
        for running in site:
            assert await running.parts.snapshot.until(revision, 10)
        yield site
