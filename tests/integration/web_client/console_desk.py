"""An administrator's browser at the console, and what its pages complained of."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from playwright.async_api import BrowserContext, ConsoleMessage, Page, expect

from tests.support.console_site import ConsoleSite

REFUSED = re.compile(r"the server responded with a status of (4|5)\d\d")
"""What the browser says of every refusal by itself."""


@dataclass
class ConsoleDesk:
    site: ConsoleSite
    context: BrowserContext
    complaints: list[str] = field(default_factory=list)

    async def open(self, address: str) -> Page:
        page = await self.context.new_page()
        page.set_default_timeout(10_000)
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.complaints.append(f"page error: {error}"))
        await page.goto(f"{self.site.url}/admin.html#/{address}")
        return page

    async def list(self, screen: str) -> Page:
        """Its rows are there."""
        page = await self.open(screen)
        await expect(page.get_by_role("grid")).to_have_attribute("aria-busy", "false")
        return page

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and not REFUSED.search(message.text):
            self.complaints.append(f"{message.type}: {message.text}")


async def row_names(page: Page) -> list[str]:
    """The first cells of the rows, in order."""
    return await page.locator(".grid-body .grid-cell[data-cell='0'] bdi").all_inner_texts()
