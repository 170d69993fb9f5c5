"""Twenty people type while two watch films, all on this machine, through broker, gateway and agent.

    tests/run.sh bench density

Nineteen typists and both who watch (1280x720, 30 pictures a second, all over the display) are clients of the wire that
acknowledge without drawing; the twentieth typist is real Chromium, key to pixel. Beside them: the same page before the
others came.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import random
import signal
from collections.abc import Awaitable, Iterator

from portcullis.protocol import messages as m
from tests.bench.bench_crowd import ALONE, AMONG, HEIGHT, WIDTH, Background, attached, launched, look, type_on
from tests.bench.bench_many_sessions import give_slots
from tests.bench.figures import Figure, Series, percentile, report
from tests.bench.processes import CpuMeter, tree
from tests.bench.products import Installation, Product, installation, portcullis, runtime_folder
from tests.bench.viewing import Samples, chromium, new_page
from tests.support.stream_client import StreamClient

TYPISTS, WATCHERS = 20, 2
LIMIT_MS = 60
EVERY_OPERATION = 0x7FFFFFFF
VIDEO = 1  # H.264 4:2:0, as every browser has it
PATIENCE_SECONDS = 3600


class Blind:
    """A viewer that looks at nothing."""

    sequence = total_bytes = 0

    def take(self, payload: bytes) -> None:
        self.total_bytes += len(payload)


@contextlib.contextmanager
def films(site: Installation, sessions: list[str]) -> Iterator[None]:
    with contextlib.ExitStack() as stack:
        for session in sessions:
            folder = runtime_folder(session)
            product = Product(
                name="Portcullis",
                url=site.url,
                port=site.port,
                display=json.loads((folder / "session.json").read_text())["display"],
                environment={"XAUTHORITY": str(folder / "worker/xauthority")},
            )
            size, seconds = f"{WIDTH}x{HEIGHT}", str(PATIENCE_SECONDS)
            options = ("--scene", "video", "--film", size, "--seconds", seconds)
            running = stack.enter_context(product.application("scenes", WIDTH, HEIGHT, *options))
            running.process.send_signal(signal.SIGUSR1)
            # It does not listen while it plays.
            stack.callback(running.process.kill)
        yield


def blind(client: StreamClient) -> StreamClient:
    client.viewer = Blind()  # type: ignore[assignment]
    client.send(m.Capabilities(EVERY_OPERATION, VIDEO))
    return client


async def others(
    site: Installation, ready: asyncio.Event, over: asyncio.Event
) -> tuple[list[float], list[float]]:
    """Milliseconds of every typist's keys, and of each who watches the pictures a second."""
    async with contextlib.AsyncExitStack() as stack:
        started = await launched(site, stack, TYPISTS - 1 + WATCHERS)
        clients = [blind(await attached(site, *one)) for one in started]
        typists, watchers = clients[:-WATCHERS], clients[-WATCHERS:]
        await asyncio.to_thread(stack.enter_context, films(site, [id for _, id in started[-WATCHERS:]]))
        typing = [type_on(client, random.Random(number), over) for number, client in enumerate(typists)]
        loop = asyncio.get_running_loop()
        before, began = [client.frames for client in watchers], loop.time()
        ready.set()
        typed = await asyncio.gather(*typing)
        seconds = loop.time() - began
        shown = [(client.frames - count) / seconds for client, count in zip(watchers, before, strict=True)]
        for client in clients:
            await client.drop()
        return [ms for one in typed for ms in one], shown


class Others(Background):
    def _run(self) -> Awaitable[tuple[list[float], list[float]]]:
        return others(self._site, self._ready, self._over)


def measure() -> tuple[Samples, Samples, list[float], list[float], float]:
    with installation() as site:
        give_slots(site, TYPISTS + WATCHERS + 2)
        with (
            chromium() as browser,
            new_page(browser, WIDTH, HEIGHT) as page,
            portcullis(site, page) as product,
        ):
            alone = look(page, product, ALONE)
            running = Others(site)
            running.until_ready()
            meter = CpuMeter(lambda: tree(site.processes()))
            try:
                among = look(page, product, AMONG)
                cpu = meter.share()
            finally:
                typed, shown = running.end()
    return alone, among, typed, shown, cpu


def main() -> None:
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()
    alone, among, typed, shown, cpu = measure()
    title = f"{TYPISTS} typing, {WATCHERS} films of 720p30"
    figures = [
        Figure(
            f"{title}: key press -> pixel in Chromium, {label}",
            percentile(among.milliseconds, percent),
            "ms",
            LIMIT_MS if percent == 95 else None,
            peer=percentile(alone.milliseconds, percent),
            peer_name="the same page, nobody else",
        )
        for percent, label in ((50, "median"), (95, "p95"))
    ]
    figures += [
        Figure(f"{title}: key -> frame at a client, p95", percentile(typed, 95), "ms"),
        Figure(f"{title}: pictures a second of a film", min(shown), "/s", peer=30, peer_name="drawn"),
        Figure(f"{title}: broker, gateway and agent, of one core", cpu, "%"),
    ]
    series = [
        Series("Portcullis: one alone, pixel", alone.milliseconds),
        Series(f"Portcullis: among {TYPISTS + WATCHERS}, pixel", among.milliseconds),
        Series(f"Portcullis: among {TYPISTS + WATCHERS}, frame", typed),
    ]
    report("density", figures, series, {"typists": TYPISTS, "films": WATCHERS})


if __name__ == "__main__":
    main()
