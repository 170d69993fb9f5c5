"""Real Chromium on the fake portal; whatever the page complains of is kept and looked at by the tests."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Page, async_playwright, expect

from tests.support.console_desk import REPORT_VIOLATIONS, Desk
from tests.support.console_site import ConsoleSite, console_site
from tests.support.console_windows import desk_of
from tests.support.fake_portal import CODE, PASSWORD, FakePortal
from tests.support.pages import be_patient
from tests.support.patience import patient
from web_client import ROOT, fetch

CHROMIUM = "/usr/bin/chromium-headless-shell"
"""The same engine without a window's worth of browser around each page: half the work. e2e has the whole of it."""
PATIENCE_SECONDS = 20
"""For an event that comes: other lanes of the suite are busy at the same time."""
AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"


@dataclass
class Visit:
    """One browser profile and what its pages complained of."""

    context: BrowserContext
    portal: FakePortal
    complaints: list[str] = field(default_factory=list)

    async def page(self) -> Page:
        page = await self.context.new_page()
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.complaints.append(f"page error: {error}"))
        return page

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(f"{message.type}: {message.text}")

    async def signed_in(self) -> Page:
        page = await self.page()
        await page.goto(self.portal.url)
        await page.get_by_label("User name").fill("demo")
        await page.get_by_label("Password").fill(PASSWORD)
        await page.keyboard.press("Enter")  # a click would wait until the panel has appeared
        await page.get_by_label("Verification code").fill(CODE)
        await page.keyboard.press("Enter")
        await expect(page.get_by_label("Search applications")).to_be_visible()
        return page

    async def working(self, name: str = "Text editor") -> Page:
        """In a session whose first picture is drawn."""
        page = await self.signed_in()
        await page.get_by_role("button", name=name, exact=True).press("Enter")
        await self.drawn(page)
        return page

    @staticmethod
    async def drawn(page: Page) -> None:
        await expect(page.locator("canvas").first).to_be_visible()
        await expect(page.get_by_text("Finding a place")).to_have_count(0)
        await expect(page.locator("textarea")).to_be_focused()


@pytest.fixture(scope="session")
def _decoder() -> None:
    fetch.fetch()


@pytest.fixture(scope="session")
def axe() -> Path:
    if not AXE.exists():
        command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        subprocess.run(command, cwd=ROOT, check=True, stdin=subprocess.DEVNULL)
    return AXE


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def chromium(_decoder: None) -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        await browser.close()


@pytest_asyncio.fixture(loop_scope="session")
async def portal() -> AsyncIterator[FakePortal]:
    async with FakePortal() as portal:
        yield portal


async def until_true(
    page: Page, script: str, argument: object = None, seconds: float = PATIENCE_SECONDS
) -> None:
    """Playwright's own wait_for_function evaluates strings, which the policy of the page forbids."""
    async with asyncio.timeout(patient(seconds)):
        while not await page.evaluate(script, argument):
            await asyncio.sleep(0.02)


async def open_visit(chromium: Browser, portal: FakePortal, **options: object) -> Visit:
    context = await chromium.new_context(
        **{"viewport": {"width": 1000, "height": 700}, "locale": "en-US", **options}  # type: ignore[arg-type]
    )
    be_patient(context)
    await context.grant_permissions(["clipboard-read", "clipboard-write"], origin=portal.url)
    await context.add_init_script(REPORT_VIOLATIONS)
    return Visit(context, portal)


@pytest_asyncio.fixture(loop_scope="session")
async def visit(chromium: Browser, portal: FakePortal) -> AsyncIterator[Visit]:
    visit = await open_visit(chromium, portal)
    yield visit
    await visit.context.close()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def site(_decoder: None, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[ConsoleSite]:
    async with console_site(tmp_path_factory.mktemp("console")) as running:
        yield running


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def shared(chromium: Browser, site: ConsoleSite) -> AsyncIterator[Desk]:
    async with desk_of(chromium, site, "admin") as desk:
        yield desk


@pytest_asyncio.fixture(loop_scope="session")
async def desk(shared: Desk) -> AsyncIterator[Desk]:
    """The administrator's, with nothing published."""
    site = shared.site
    site.outage = False
    for application in (await site.api("GET", "applications"))["items"]:
        await site.api("DELETE", f"applications/{quote(application['name'], safe='')}")
    yield shared
    for page in shared.context.pages:
        await page.close()
    complaints, shared.complaints[:] = list(shared.complaints), []
    assert complaints == []
