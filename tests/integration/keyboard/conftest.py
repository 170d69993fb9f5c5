"""A real headless Chromium that shows a real worker's display, in which an xterm writes down what it reads."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio
import xcffib
from playwright.async_api import Browser, CDPSession, Page, async_playwright

from tests.support.browser_session import BrowserSession, browser_session
from tests.support.keyboard_lab import CHROMIUM
from tests.support.pages import be_patient
from tests.support.patience import until
from tests.support.slow_path import Line, SlowPath, slow_path
from tests.support.worker_session import WorkerSession, worker_session
from tests.support.xserver import XServer, x_server

SHOWN_SECONDS = 30
_LINE = Line(delay=0.02)
"""Long enough that a cut finds input, and what tells of it, under way."""


@dataclass
class Desk:
    """The display of a session, and the way to it that can be cut."""

    x: XServer
    xcb: xcffib.Connection
    session: WorkerSession
    path: SlowPath
    site: BrowserSession
    browser: Browser
    file: Path

    def held(self) -> set[int]:
        """The keycodes that X has down."""
        keys = self.xcb.core.QueryKeymap().reply().keys
        return {code for code in range(256) if keys[code // 8] & 1 << code % 8}

    async def until_held(self, *keycodes: int) -> None:
        await until(lambda: self.held() == set(keycodes))

    def read(self) -> str:
        return self.file.read_bytes().decode(errors="replace") if self.file.exists() else ""

    async def open(self) -> Seat:
        """A browser window of its own, which has the session now."""
        context = await self.browser.new_context(viewport={"width": 800, "height": 600})
        be_patient(context)
        page = await context.new_page()
        await page.goto(self.site.url)
        await until(lambda: page.evaluate("document.title === 'drawn'"), SHOWN_SECONDS)
        return Seat(self, page, await context.new_cdp_session(page), len(self.read()))

    def cut(self) -> None:
        """The connection is lost, with what is under way; nobody comes back until `site.may_attach` is set."""
        self.site.may_attach.clear()
        self.path.cut()


@dataclass
class Seat:
    desk: Desk
    page: Page
    devtools: CDPSession
    start: int

    @property
    def typed(self) -> str:
        """What the xterm read since this window has the session."""
        return self.desk.read()[self.start :]

    async def down(self, *codes: str) -> None:
        for code in codes:
            await self.page.keyboard.down(code)

    async def up(self, *codes: str) -> None:
        for code in codes:
            await self.page.keyboard.up(code)

    async def until_state(self, state: str) -> None:
        await until(lambda: self.page.evaluate("state => states.at(-1)?.startsWith(state)", state))

    async def leave(self) -> None:
        """Another tab comes to the front, and Chromium takes the focus from this one as it does on a desktop."""
        await self.devtools.send("Emulation.setFocusEmulationEnabled", {"enabled": False})
        other = await self.page.context.new_page()
        await other.bring_to_front()
        await until(lambda: self.page.evaluate("!document.hasFocus()"))

    async def come_back(self) -> None:
        await self.page.bring_to_front()
        await until(lambda: self.page.evaluate("document.hasFocus()"))

    async def types_exactly(self, text: str) -> None:
        """The mark that is typed last comes behind everything that was on its way."""
        await self.page.keyboard.press("Period")
        try:
            await until(lambda: self.typed.endswith("."))
        except TimeoutError:
            pass
        assert self.typed == text + "."


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def chromium() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        await browser.close()


@pytest.fixture(scope="module")
def display() -> Iterator[XServer]:
    with x_server() as server:
        yield server


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def desk(chromium: Browser, display: XServer) -> AsyncIterator[Desk]:
    xcb = display.connection()
    async with (
        worker_session(display) as session,
        slow_path("127.0.0.1", session.port, _LINE) as path,
        browser_session(session) as site,
    ):
        session.dial_port = path.port
        file = display.folder / "typed"
        display.start("xterm", "-u8", "-e", "sh", "-c", f"stty raw -echo; cat > {file}")
        await display.window("--class", "xterm")
        await until(file.exists)
        yield Desk(display, xcb, session, path, site, chromium, file)
    xcb.disconnect()


@pytest_asyncio.fixture(loop_scope="module")
async def seat(desk: Desk) -> AsyncIterator[Seat]:
    seat = await desk.open()
    await seat.page.mouse.click(60, 60)  # into the xterm
    yield seat
    desk.site.may_attach.set()
    for context in desk.browser.contexts:
        await context.close()
    await desk.until_held()
