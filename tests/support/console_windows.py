"""Windows of the console, for tests of what one does there."""

from __future__ import annotations

from urllib.parse import quote

from playwright.async_api import Browser, Page

from tests.support.console_desk import REPORT_VIOLATIONS, Desk
from tests.support.console_site import ConsoleSite
from tests.support.pages import be_patient

PLAIN = {"command": ["true"], "entitled": {"users": [], "groups": []}}


class desk_of:
    def __init__(self, chromium: Browser, site: ConsoleSite, user: str) -> None:
        self._chromium, self._site, self._user = chromium, site, user

    async def __aenter__(self) -> Desk:
        size = {"width": 1280, "height": 800}
        self._context = await self._chromium.new_context(viewport=size, locale="en-US")  # type: ignore[arg-type]
        be_patient(self._context)
        await self._context.grant_permissions(["clipboard-read", "clipboard-write"], origin=self._site.url)
        await self._context.add_init_script(REPORT_VIOLATIONS)
        await self._site.let_in(self._context, self._user)
        return Desk(self._site, self._context)

    async def __aexit__(self, *_: object) -> None:
        await self._context.close()


async def publish(site: ConsoleSite, *names: str, **more: object) -> None:
    for name in names:
        await site.api("PUT", f"applications/{quote(name, safe='')}", {**PLAIN, **more})


def grid(page: Page):
    return page.get_by_role("grid")
