"""The console's screens about who may what, before a whole broker: hostile names everywhere, axe-core, by keys alone.

Pictures: tests/output/console-*.png.
"""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Page, expect

from portcullis.ids import new_id
from portcullis.model.host import Host
from tests.integration.web_client.conftest import REPORT_VIOLATIONS
from tests.integration.web_client.test_accessibility import RULES, assert_nothing_is_beyond_the_edge, settled
from tests.support.console_site import ConsoleSite, console_site

pytestmark = pytest.mark.asyncio(loop_scope="session")

OUTPUT = Path(__file__).parents[2] / "output"
HOSTILE = '"><img src=x onerror=boom()>'
"""A user, an application, a group, a role, a note: whatever has a name."""
DISPLAY = {
    "width": 800,
    "height": 600,
    "device_pixel_ratio": 1,
    "locale": "en",
    "layout": "us",
    "time_zone": "UTC",
}
ON_PHONES = {"type": "rule", "values": ["color-contrast", "target-size", "scrollable-region-focusable"]}
EXPECTED = re.compile(r"the server responded with a status of (4|5)\d\d")
"""What the browser says of every refusal."""


class Desk:
    """The administrator's browser on a seeded site, and what its pages complained of."""

    def __init__(self, site: ConsoleSite, context: BrowserContext, reference: str) -> None:
        self.site = site
        self.context = context
        self.reference = reference
        self.complaints: list[str] = []
        self._page: Page | None = None

    async def page_at(self, address: str) -> Page:
        """In the one page that goes from screen to screen, as people do."""
        if self._page is None:
            self._page = await self.open(address)
        else:
            await self._page.evaluate("(address) => (location.hash = `#/${address}`)", address)
        return self._page

    async def open(self, address: str) -> Page:
        page = await self.context.new_page()
        page.set_default_timeout(10_000)
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.complaints.append(f"page error: {error}"))
        await page.goto(f"{self.site.url}/admin.html#/{address}")
        return page

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and not EXPECTED.search(message.text):
            self.complaints.append(f"{message.type}: {message.text}")


async def seed(site: ConsoleSite) -> str:
    """Answers with the reference of a launch that was refused."""
    name = quote(HOSTILE, safe="")
    await site.api("POST", "users", {"name": HOSTILE, "groups": [HOSTILE, "staff"]})
    await site.api("POST", "users", {"name": "ann", "groups": ["staff"]})
    await site.api("PUT", f"groups/{name}", {"description": HOSTILE, "members": {"groups": ["staff"]}})
    command = ["mousepad", HOSTILE]
    entitled = {"users": [HOSTILE], "groups": [HOSTILE]}
    await site.api("PUT", f"applications/{name}", {"command": command, "entitled": entitled})
    await site.api(
        "PUT", "applications/Editor", {"command": ["mousepad"], "entitled": {"users": ["ann"], "groups": []}}
    )
    await site.api(
        "PUT", "policies/tenant/-", {"values": {"clipboard": "to_application"}, "locked": ["clipboard"]}
    )
    hours = [{"days": ["mon", "tue", "wed", "sat"], "from": "00:00", "to": "24:00"}]
    await site.api("PUT", f"policies/group/{name}", {"values": {"clipboard": "both", "idle_minutes": 30}})
    await site.api("PUT", f"policies/user/{name}", {"values": {"hours": hours}})
    await site.api("PUT", f"roles/{name}", {"permissions": ["applications.read", "simulate"]})
    await site.api(
        "POST", "tokens", {"note": HOSTILE, "permissions": ["audit.read"], "networks": ["192.0.2.0/24"]}
    )
    await put_hosts(site)
    applications = (await site.api("GET", "applications"))["items"]
    wanted = next(each["id"] for each in applications if each["name"] == HOSTILE)
    with pytest.raises(AssertionError) as refused:
        await site.api("POST", "../sessions", {"application": wanted, "display": DISPLAY})
    return str(json.loads(refused.value.args[0][3])["error"]["reference"])


async def put_hosts(site: ConsoleSite) -> None:
    parts = site.broker.parts
    for number in range(14):
        host = Host(new_id(), f"h{number}", 4, frozenset({site.broker.tenant}), draining=number % 5 == 4)
        await parts.stores.commit(parts.stores.site.put(("host", host.id), host.to_json()))


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def seeded(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[tuple[ConsoleSite, str]]:
    async with console_site(tmp_path_factory.mktemp("console")) as site:
        yield site, await seed(site)


async def new_desk(chromium: Browser, seeded: tuple[ConsoleSite, str], axe: Path, **options: Any) -> Desk:
    site, reference = seeded
    context = await chromium.new_context(locale="en-US", reduced_motion="reduce", **options)
    await context.grant_permissions(["clipboard-read", "clipboard-write"], origin=site.url)
    await context.add_init_script(REPORT_VIOLATIONS)
    await context.add_init_script(path=axe)
    await site.let_in(context)
    return Desk(site, context, reference)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def desk(chromium: Browser, seeded: tuple[ConsoleSite, str], axe: Path) -> AsyncIterator[Desk]:
    desk = await new_desk(chromium, seeded, axe, viewport={"width": 1280, "height": 800})
    yield desk
    await desk.context.close()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def dark_phone(chromium: Browser, seeded: tuple[ConsoleSite, str], axe: Path) -> AsyncIterator[Desk]:
    size = {"width": 390, "height": 844}
    desk = await new_desk(chromium, seeded, axe, viewport=size, color_scheme="dark")
    yield desk
    await desk.context.close()


# --- every screen


NAME = quote(HOSTILE, safe="")
SCREENS = {
    "simulation": (f"simulation?user={NAME}&application={NAME}", "could not start"),
    "launches": ("launches", "not_entitled"),
    "launch": ("launches/REFERENCE", "If it were tried now"),
    "entitlements-application": (f"entitlements/application%2F{NAME}", "by name"),
    "entitlements-user": (f"entitlements/user%2F{NAME}", "by name"),
    "entitlements-group": ("entitlements/group%2Fstaff", "enabled"),
    "group": (f"groups/{NAME}", "Whoever is in one of them"),
    "policies": ("policies", "everybody"),
    "policy": (f"policies/group%2F{NAME}", "has no effect here"),
    "policy-hours": (f"policies/user%2F{NAME}", "Add hours"),
    "effective": (f"effective?user={NAME}", "without effect"),
    "role": (f"roles/{NAME}", "See the applications"),
    "token-new": ("tokens/%2B", "Days until it expires"),
    "tokens": ("tokens", "made by init"),
    "history": ("history", "idle_minutes"),
    "rollback": ("history/12", "objects change"),
    "audit": ("audit", "not_entitled"),
}


@pytest.mark.parametrize("name", SCREENS)
async def test_axe_finds_nothing_and_no_name_is_markup(desk: Desk, dark_phone: Desk, name: str) -> None:
    address, text = SCREENS[name]
    for each, rules in ((desk, RULES), (dark_phone, ON_PHONES)):
        page = await each.page_at(address.replace("REFERENCE", each.reference))
        await expect(page.get_by_text(text).first).to_be_visible()
        await look(page, f"{name}-{'phone' if each is dark_phone else 'desk'}", rules)
        await assert_nothing_is_beyond_the_edge(page)
        assert await page.locator("img[src=x]").count() == 0
        assert each.complaints == []


async def look(page: Page, name: str, rules: list[str] | dict[str, Any]) -> None:
    await settled(page)
    OUTPUT.mkdir(exist_ok=True)
    await page.screenshot(path=OUTPUT / f"console-{name}.png")
    found = await page.evaluate("(rules) => axe.run({ runOnly: rules })", rules)
    assert [(each["id"], [node["html"] for node in each["nodes"]]) for each in found["violations"]] == []
    assert found["passes"]
