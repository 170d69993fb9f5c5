"""Ten people type while fifty sessions stand still, all on this machine, through broker, gateway and agent.

    tests/run.sh bench crowd

Nine typists are clients of the wire (key to the frame that states it, drawn), the tenth is real Chromium (key
to pixel). Each types about eight characters a second. Beside them: the same page before the others came.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import random
import threading
from collections.abc import Awaitable
from concurrent.futures import ThreadPoolExecutor

from playwright.sync_api import Page

from portcullis.protocol import messages as m
from tests.bench.bench_many_sessions import GROUP, SESSIONS_A_USER, give_slots, launch, listed
from tests.bench.bench_worker import press
from tests.bench.figures import Figure, Series, percentile, report
from tests.bench.people import add_users
from tests.bench.processes import pss_bytes, tree
from tests.bench.products import Installation, Product, installation, leaders, portcullis
from tests.bench.viewing import Samples, View, chromium, new_page
from tests.support.browser import ApiBrowser
from tests.support.stream_client import StreamClient, open_stream

TYPISTS, IDLE = 10, 50
WIDTH, HEIGHT = 1280, 720
PAUSE_SECONDS = (0.06, 0.19)
ALONE, AMONG = 60, 120


async def attached(site: Installation, browser: ApiBrowser, session: str) -> StreamClient:
    answer = await browser.change("POST", f"/api/v1/sessions/{session}/ticket", {})
    if answer.status != 200:
        raise RuntimeError(f"no ticket: {answer.body!r}")
    client = await open_stream(site.port, m.AdmitTicket(answer.json["ticket"]), site.url, "localhost")
    grant = (await client.receive(m.Admitted)).grant
    await client.attach(grant, browser.key, session=session, e=1)
    await client.until(lambda: client.frames > 0)
    client.click(60, 60)
    return client


async def type_on(client: StreamClient, rnd: random.Random, over: asyncio.Event) -> list[float]:
    """Milliseconds of each key."""
    found = []
    while not over.is_set():
        found.append(await press(client, "KeyA", "a") * 1e3)
        await asyncio.sleep(rnd.uniform(*PAUSE_SECONDS))
    return found


def look(page: Page, product: Product, count: int) -> Samples:
    view = View(page, product, WIDTH, HEIGHT)
    view.settle()
    with product.application("colours", WIDTH, HEIGHT):
        view.settle()
        return view.press_keys(count)


async def launched(
    site: Installation, stack: contextlib.AsyncExitStack, count: int
) -> list[tuple[ApiBrowser, str]]:
    """As many sessions, each with the signed-in browser of its user."""
    names = [f"crowd-{number}" for number in range(SESSIONS_A_USER)]
    for name in names:
        await asyncio.to_thread(site.publish, name, GROUP, ["xterm"])
    listing = await asyncio.to_thread(listed, site, "applications")
    applications = [item["id"] for item in listing if item["name"] in names]
    found: list[tuple[ApiBrowser, str]] = []
    for user in add_users(site.clone, site.url, GROUP, -(-count // SESSIONS_A_USER)):
        browser = await stack.enter_async_context(ApiBrowser(site.url))
        await browser.sign_in(user.name, user.password, user.code())
        for application in applications[: count - len(found)]:
            found.append((browser, (await launch(browser, application))[0]))
    return found


async def crowd(site: Installation, ready: threading.Event, over: asyncio.Event) -> tuple[list[float], float]:
    """Every typist's milliseconds, and the megabytes of a session."""
    async with contextlib.AsyncExitStack() as stack:
        started = await launched(site, stack, TYPISTS - 1 + IDLE)
        clients = [await attached(site, *one) for one in started[: TYPISTS - 1]]
        megabytes = await asyncio.to_thread(megabytes_of_one, [session for _, session in started])
        typing = [type_on(client, random.Random(number), over) for number, client in enumerate(clients)]
        ready.set()
        found = await asyncio.gather(*typing)
        for client in clients:
            await client.drop()
        return [ms for one in found for ms in one], megabytes


def megabytes_of_one(ids: list[str]) -> float:
    """The application's included."""
    return pss_bytes(tree([pid for session in ids for pid in leaders(session)])) / len(ids) / 1e6


class Background:
    """The crowd's event loop in a thread of its own: Playwright has this one."""

    def __init__(self, site: Installation) -> None:
        self._site = site
        self._thread = ThreadPoolExecutor(1)
        self._loop = asyncio.new_event_loop()
        self._ready, self._over = threading.Event(), asyncio.Event()
        self._typed = self._thread.submit(self._loop.run_until_complete, self._run())
        self._typed.add_done_callback(lambda _: self._ready.set())

    def until_ready(self) -> None:
        """Or until it has failed, as its end says."""
        self._ready.wait()

    def end(self) -> tuple[list[float], float]:
        self._loop.call_soon_threadsafe(self._over.set)
        return self._typed.result()

    def _run(self) -> Awaitable[tuple[list[float], float]]:
        return crowd(self._site, self._ready, self._over)


def measure() -> tuple[Samples, Samples, list[float], float]:
    with installation() as site:
        give_slots(site, TYPISTS + IDLE + 1)
        with (
            chromium() as browser,
            new_page(browser, WIDTH, HEIGHT) as page,
            portcullis(site, page) as product,
        ):
            alone = look(page, product, ALONE)
            others = Background(site)
            others.until_ready()
            try:
                among = look(page, product, AMONG)
            finally:
                typed, megabytes = others.end()
    return alone, among, typed, megabytes


def main() -> None:
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()
    alone, among, typed, megabytes = measure()
    figures = [
        Figure(
            f"{TYPISTS} typing, {IDLE} idle: key press -> pixel in Chromium, {label}",
            percentile(among.milliseconds, percent),
            "ms",
            peer=percentile(alone.milliseconds, percent),
            peer_name="the same page, nobody else",
        )
        for percent, label in ((50, "median"), (95, "p95"))
    ]
    figures += [
        Figure(
            f"{TYPISTS} typing, {IDLE} idle: key -> frame at a client, {label}",
            percentile(typed, percent),
            "ms",
        )
        for percent, label in ((50, "median"), (95, "p95"))
    ]
    figures.append(Figure("memory of a session, application included", megabytes, "MB PSS"))
    series = [
        Series("Portcullis: one alone, pixel", alone.milliseconds),
        Series(f"Portcullis: among {TYPISTS + IDLE}, pixel", among.milliseconds),
        Series(f"Portcullis: among {TYPISTS + IDLE}, frame", typed),
    ]
    report("crowd", figures, series, {"typists": TYPISTS, "idle": IDLE})


if __name__ == "__main__":
    main()
