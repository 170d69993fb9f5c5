"""What the grid bears: launch-shaped transactions through our client on three members, beside the embedded store.

A launch is three compares and two puts of a sealed record's size (`research`: one key a slot, one a session). `rate`
is for the bench that compares whole brokers with the bare client, in its own run.
"""

from __future__ import annotations

import asyncio
import itertools
import secrets
import statistics
import tempfile
import time
from contextlib import aclosing
from pathlib import Path

from broker.grid.embedded import EmbeddedGrid
from broker.grid.grid import CreateRevision, Exists, Grid, ModRevision, Put
from broker.grid.opening import open_grid
from tests.bench.figures import Figure, report
from tests.support.etcd import EtcdCluster

SECONDS = 5.0
RECORD_BYTES = 600
SLOT_BYTES = 100
EVENTS = 200


async def rate(grid: Grid, in_flight: int, seconds: float = SECONDS) -> tuple[float, list[float]]:
    """Transactions a second, and how long each took, in seconds."""
    host = (await grid.txn([], [Put("/bench/host", b"h")])).revision
    numbers = itertools.count()
    run = secrets.token_hex(4)
    took: list[float] = []
    until = time.perf_counter() + seconds

    async def launch_on() -> None:
        while (begun := time.perf_counter()) < until:
            slot, session = f"/bench/{run}/slot/{next(numbers)}", f"/bench/{run}/session/{next(numbers)}"
            result = await grid.txn(
                [CreateRevision(slot, 0), ModRevision("/bench/host", host), Exists("/bench/host")],
                [Put(slot, secrets.token_bytes(SLOT_BYTES)), Put(session, secrets.token_bytes(RECORD_BYTES))],
            )
            assert result.succeeded
            took.append(time.perf_counter() - begun)

    begun = time.perf_counter()
    await asyncio.gather(*(launch_on() for _ in range(in_flight)))
    return len(took) / (time.perf_counter() - begun), took


async def put_to_event(grid: Grid) -> list[float]:
    """Seconds from sending a put to its event, one at a time."""
    start = (await grid.txn([], [Put("/watched/key", b"start")])).revision
    took = []
    async with aclosing(grid.watch("/watched/", start)) as watch:
        await anext(watch)
        for _ in range(EVENTS):
            begun = time.perf_counter()
            sending = asyncio.ensure_future(grid.txn([], [Put("/watched/key", secrets.token_bytes(64))]))
            while not (await anext(watch)).events:
                pass
            took.append(time.perf_counter() - begun)
            await sending
    return took


def quantile(values: list[float], share: float) -> float:
    return statistics.quantiles(values, n=100)[round(share * 100) - 1] * 1000


async def main() -> None:
    with tempfile.TemporaryDirectory(prefix="portcullis-grid-") as name:
        folder = Path(name)
        figures = []
        async with EtcdCluster(folder) as etcd:
            cluster = await open_grid(etcd.choice(folder), may_create=True)
            embedded = await EmbeddedGrid.open(folder / "grid.sqlite")
            for in_flight in (1, 16, 128):
                bare, took = await rate(cluster, in_flight)
                peer, _ = await rate(embedded, in_flight)
                figures += [
                    Figure(
                        f"transactions, {in_flight} in flight",
                        bare,
                        "1/s",
                        peer=peer,
                        peer_name="embedded store",
                        more_is_better=True,
                        note="three compares, two puts; three etcd members and the client on this machine",
                    ),
                    Figure(f"transaction p50, {in_flight} in flight", quantile(took, 0.5), "ms"),
                    Figure(f"transaction p99, {in_flight} in flight", quantile(took, 0.99), "ms"),
                ]
            events = await put_to_event(cluster)
            figures += [
                Figure("put to event p50", quantile(events, 0.5), "ms"),
                Figure("put to event p99", quantile(events, 0.99), "ms"),
            ]
            await embedded.close()
            await cluster.close()
    report("grid", figures)


if __name__ == "__main__":
    asyncio.run(main())
