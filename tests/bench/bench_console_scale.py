"""The console in real Chromium at a site of 1,000 hosts, 100,000 users and 100,000 sessions: how long each look takes.

    tests/run.sh bench console_scale [--site FOLDER] [--picture FILE]

A real broker in a process of its own, a real gateway, TLS between them; broker, gateway and browser share the machine.
Each time runs in the page, from the act until the page shows what was asked for: rows and not their placeholders. The
overview runs from the navigation, in a page whose files the browser has; the very first one of all, and the first
list of a broker that has just started, stand beside it. Beside each look stands the longest turn that it took on the
broker's loop, in processor time: what anybody else had to wait for it.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from playwright.async_api import Browser, BrowserContext, Page, async_playwright

from gateway.app import GatewayApp
from portcullis.enrolment.joining import join
from portcullis.settings import Address
from tests.bench.figures import Figure, Series, percentile, report
from tests.bench.pictures import dots
from tests.bench.scale.population import Size
from tests.bench.scale.site import BrokerProcess, embedded_site, start_broker
from tests.support.ports import free_ports

CHROMIUM = "/usr/bin/chromium"
USEFUL_MS, LOOK_MS, TURN_MS, FRAME_MS = 1_000.0, 1_000.0, 50.0, 50.0
ROUNDS = 5
FAR = 73_000
SELECTED = 5_000

MAKE_KEY = """async () => {
    const { generateKey, publicKey } = await import('/api/signing.js');
    const { saveKey } = await import('/api/key_store.js');
    const key = await generateKey();
    await saveKey(key);
    return publicKey(key);
}"""

# `timed(act, holds)`: milliseconds from the act until a frame in which it holds.
TOOLS = """
window.timed = async (act, holds) => {
    const began = performance.now();
    await act();
    while (!holds()) await new Promise(requestAnimationFrame);
    return performance.now() - began;
};
window.grid = () => document.querySelector('[role=grid]');
window.settled = () => {
    const shown = grid();
    return shown && shown.getAttribute('aria-busy') === 'false' && shown.querySelector('.grid-body .grid-row')
        && !shown.querySelector('.grid-row.pending');
};
window.first = () => grid()?.querySelector('.grid-body .grid-row')?.textContent ?? '';
window.counted = () => document.querySelector('.table-tools .count')?.textContent ?? '';
window.number = (text) => Number(text.replace(/\\D/g, '') || -1);
"""
USEFUL = """async (sessions) => {
    const tile = () => document.querySelector('.stat-tiles .stat strong')?.textContent ?? '';
    while (number(tile()) !== sessions) await new Promise(requestAnimationFrame);
    return performance.now();
}"""
OPEN = """([screen, label, total]) => timed(() => { location.hash = `#/${screen}`; },
    () => settled() && grid().getAttribute('aria-label') === label && number(counted()) === total)"""
TYPE = """([words, total]) => timed(() => {
    const search = document.querySelector('.table-search');
    search.value = words;
    search.dispatchEvent(new Event('input', { bubbles: true }));
}, () => settled() && number(counted()) === total)"""
SORT = """(column) => timed(() => {
    window.before = first();
    grid().querySelector(`[data-column="${column}"]`).click();
}, () => settled() && first() !== window.before)"""
SCROLL = """(row) => timed(() => {
    const height = grid().querySelector('.grid-body .grid-row').getBoundingClientRect().height;
    grid().scrollTop = row * height;
}, () => settled() && grid().querySelector(`[data-index="${row}"]`))"""
ROLL = """async ([frames, rows]) => {
    const height = grid().querySelector('.grid-body .grid-row').getBoundingClientRect().height;
    const times = [];
    let last = await new Promise(requestAnimationFrame);
    for (let frame = 0; frame < frames; frame++) {
        grid().scrollTop += rows * height;
        const now = await new Promise(requestAnimationFrame);
        times.push(now - last);
        last = now;
    }
    return times;
}"""
SELECT = """(most) => timed(() => {
    grid().focus();
    grid().dispatchEvent(new KeyboardEvent('keydown', { key: 'a', ctrlKey: true, bubbles: true, cancelable: true }));
}, () => number(document.querySelector('.bulk:not([hidden])')?.textContent.match(/[\\d.,]+/)?.[0] ?? '') === most)"""


@dataclass
class Looks:
    """Milliseconds by the name of the look, and the longest turn that each took of the broker."""

    times: dict[str, list[float]] = field(default_factory=dict)
    turns: dict[str, float] = field(default_factory=dict)
    frames: list[float] = field(default_factory=list)
    saved_bytes: int = 0


class Visitor:
    def __init__(self, broker: BrokerProcess, page: Page, looks: Looks) -> None:
        self._broker, self._page, self._looks = broker, page, looks

    async def look(self, name: str, script: str, argument: object = None) -> None:
        await self._broker.ask("pause")
        self.note(name, float(await self._page.evaluate(script, argument)))
        await self.noted_turn(name)

    def note(self, name: str, milliseconds: float) -> None:
        self._looks.times.setdefault(name, []).append(milliseconds)

    async def noted_turn(self, name: str) -> None:
        _, turn = await self._broker.ask("pause")
        self._looks.turns[name] = max(self._looks.turns.get(name, 0.0), turn * 1e3)


async def measure(size: Size, folder: Path) -> Looks:
    site = await embedded_site(folder, size)
    broker = await start_broker(site)
    looks = Looks()
    try:
        async with gateway_of(broker) as url, async_playwright() as playwright:
            browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
            context = await signed_in(browser, url, broker)
            for number in range(ROUNDS + 1):
                await overview(context, url, broker, looks, size, is_first=number == 0)
                await lists(context, url, broker, looks, size, is_first=number == 0)
            await browser.close()
    finally:
        await broker.stop()
    return looks


@asynccontextmanager
async def gateway_of(broker: BrokerProcess) -> AsyncIterator[str]:
    port, inner = free_ports(2)
    with tempfile.TemporaryDirectory() as own:
        credentials = await join(
            *(Address("127.0.0.1", broker.started["port"]), await broker.ask("gateway_token"), f"gw-{port}"),
            Path(own) / "gateway",
            address=f"127.0.0.1:{inner}",
            public_origin=f"http://localhost:{port}",
        )
        gateway = GatewayApp(credentials, Address("127.0.0.1", port), Address("127.0.0.1", inner))
        await gateway.start()
        try:
            yield f"http://localhost:{port}"
        finally:
            await gateway.stop()


async def signed_in(browser: Browser, url: str, broker: BrokerProcess) -> BrowserContext:
    context = await browser.new_context(viewport={"width": 1440, "height": 900}, locale="en-US")
    await context.add_init_script(TOOLS)
    page = await context.new_page()
    await page.goto(f"{url}/styles/icon.svg")
    name, text = await broker.ask("login", "admin", await page.evaluate(MAKE_KEY))
    await page.close()
    await context.add_cookies(
        [
            {
                **{"name": name, "value": text, "domain": "localhost", "path": "/"},
                **{"secure": True, "httpOnly": True, "sameSite": "Strict"},
            }
        ]  # type: ignore[list-item]
    )
    return context


async def overview(
    context: BrowserContext, url: str, broker: BrokerProcess, looks: Looks, size: Size, *, is_first: bool
) -> None:
    page = await context.new_page()
    visitor = Visitor(broker, page, looks)
    await page.goto(f"{url}/admin.html#/", wait_until="commit")
    await visitor.look("overview, the very first" if is_first else "overview", USEFUL, size.sessions)
    await page.close()


async def lists(
    context: BrowserContext, url: str, broker: BrokerProcess, looks: Looks, size: Size, *, is_first: bool
) -> None:
    page = await context.new_page()
    page.set_default_timeout(60_000)
    visitor = Visitor(broker, page, looks)
    await page.goto(f"{url}/admin.html#/")
    await page.evaluate(USEFUL, size.sessions)
    after = ", the first after the broker's start" if is_first else ""
    await visitor.look(f"sessions{after}", OPEN, ["sessions", "Sessions", size.sessions])
    await visitor.look(f"sessions by user{after}", SORT, 0)
    far = min(FAR, size.sessions * 73 // 100)
    await visitor.look(f"sessions, to row {far:,}", SCROLL, far)
    looks.frames += await page.evaluate(ROLL, [60, 3])
    await visitor.look("sessions, search", TYPE, ["user-000123", 1])
    await visitor.look("sessions, search that finds all", TYPE, ["editor", size.sessions])
    await visitor.look("sessions, Ctrl+A", SELECT, min(SELECTED, size.sessions))
    disconnected = sum(number % 3 == 0 for number in range(size.sessions))
    await visitor.look(
        "sessions that are disconnected", OPEN, ["sessions?state=disconnected", "Sessions", disconnected]
    )
    await visitor.look(f"users{after}", OPEN, ["users", "Users", size.users + 2])
    await visitor.look("users, to row 73,000", SCROLL, far)
    await visitor.look("users, search", TYPE, ["user-000123", 1])
    if is_first:
        await page.evaluate("() => { location.hash = '#/sessions'; }")
        await page.wait_for_function("() => settled()")
        await save_csv(page, visitor, looks)
    await page.close()


async def save_csv(page: Page, visitor: Visitor, looks: Looks) -> None:
    await visitor._broker.ask("pause")
    began = time.perf_counter()
    async with page.expect_download(timeout=120_000) as saved:
        await page.locator(".table-tools .csv").click()
    path = await (await saved.value).path()
    visitor.note("sessions, all as CSV", (time.perf_counter() - began) * 1e3)
    looks.saved_bytes = path.stat().st_size
    await visitor.noted_turn("sessions, all as CSV")


def figures_of(looks: Looks) -> list[Figure]:
    figures = []
    for name, times in looks.times.items():
        limit = None if "first" in name or "CSV" in name else USEFUL_MS if name == "overview" else LOOK_MS
        figures.append(Figure(f"{name}, median", percentile(times, 50), "ms", limit))
        if len(times) > 1:
            figures.append(Figure(f"{name}, worst of {len(times)}", max(times), "ms", limit))
    figures += [
        Figure(f"{name}: longest turn of the broker, processor", turn, "ms", TURN_MS)
        for name, turn in looks.turns.items()
    ]
    figures.append(Figure("rolling through rows, frame p95", percentile(looks.frames, 95), "ms", FRAME_MS))
    figures.append(Figure("rolling through rows, longest frame", max(looks.frames), "ms"))
    figures.append(Figure("size of the CSV", looks.saved_bytes / 1e6, "MB"))
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--hosts", type=int, default=1_000)
    parser.add_argument("--sessions", type=int, default=100_000)
    parser.add_argument("--site", type=Path, help="Fill the site here, or take the one that is here.")
    parser.add_argument("--picture", type=Path, help="Draw the times into this SVG.")
    arguments = parser.parse_args()
    size = Size(arguments.hosts, arguments.sessions, arguments.sessions)
    with tempfile.TemporaryDirectory() as folder:
        looks = asyncio.run(measure(size, arguments.site or Path(folder)))
    series = [Series(name, times) for name, times in looks.times.items() if len(times) > 1]
    report("console_scale", figures_of(looks), series)
    if arguments.picture:
        title = f"The console with {arguments.sessions:,} sessions: from the act to what it shows"
        arguments.picture.write_text(dots(title, series, "ms", LOOK_MS))


if __name__ == "__main__":
    main()
