"""axe-core finds nothing wrong on any screen of applications, people and machines; no page is wider than a phone.

Pictures: tests/output/console-*.png.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from tests.support.console_desk import Desk
from tests.support.console_site import ConsoleSite, console_site
from tests.support.looks import ON_PHONES, PHONE, look, look_in_the_dark_on_a_phone
from tests.support.pages import be_patient

pytestmark = pytest.mark.asyncio(loop_scope="session")

SCREENS = (
    *(
        "overview",
        "applications",
        "applications/Text editor",
        "applications/+",
        "users",
        "users/demo",
        "users/+",
    ),
    *("sessions", "session", "hosts", "hosts/h1", "hosts/+", "hostgroups", "hostgroups/gpu"),
    *("gateways", "gateways/gw", "brokers"),
)


async def furnish(site: ConsoleSite) -> str:
    """Answers with the id of a session."""
    body = {"command": ["mousepad", "--new"], "entitled": {"users": ["demo"], "groups": ["staff"]}}
    await site.api("PUT", "applications/Text%20editor", {**body, "host_groups": ["gpu"]})
    for name in ("Calculator", "Image viewer", "Terminal"):
        await site.api(
            "PUT", f"applications/{name.replace(' ', '%20')}", {**body, "disabled": name == "Terminal"}
        )
    for name in ("ann", "bob"):
        await site.api("POST", "users", {"name": name, "groups": ["staff", "artists"]})
    await site.api("POST", "users/bob/disable", {})
    await site.api("PUT", "hosts/h1", {"groups": ["gpu", "eu"]})
    application = site.broker.parts.applications.by_name(site.broker.tenant, "Calculator")
    assert application is not None
    return (await site.broker.launch(application)).id


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def desk(
    chromium: Browser, axe: Path, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[tuple[Desk, Page, str]]:
    async with (
        console_site(tmp_path_factory.mktemp("console")) as site,
        site.broker.agent() as agent,
    ):
        await agent.heartbeat(0.42)
        session = await furnish(site)
        context = await chromium.new_context(locale="en-US")
        be_patient(context)
        await context.add_init_script(path=axe)
        await site.let_in(context)
        desk = Desk(site, context)
        yield desk, await desk.open("overview"), session
        assert desk.complaints == []
        await context.close()


@pytest.mark.parametrize("screen", SCREENS)
async def test_axe_finds_nothing_in_the_light_nor_in_the_dark_on_a_phone(
    desk: tuple[Desk, Page, str], screen: str
) -> None:
    _, page, session = desk
    address = f"sessions/{session}" if screen == "session" else screen
    await page.set_viewport_size({"width": 1280, "height": 800})
    await page.emulate_media(color_scheme="light")
    await page.evaluate("(address) => (location.hash = `#/${address}`)", address)
    await expect(page.locator("[aria-busy=true], .loading")).to_have_count(0)
    await expect(
        page.locator("main :is(h2, .grid-row[aria-rowindex='2'], .table-message)").first
    ).to_be_attached()
    name = screen.replace("/", "-").replace(" ", "-").lower()
    await look(page, f"console-{name}")
    await look_in_the_dark_on_a_phone(page, f"console-{name}-phone")


async def test_questions_keys_and_conflicts_are_accessible_as_well(
    desk: tuple[Desk, Page, str],
) -> None:
    there, page, _ = desk
    await page.set_viewport_size({"width": 1280, "height": 800})
    await page.emulate_media(color_scheme="light")
    await page.evaluate("location.hash = '#/users'")
    await expect(page.locator(".grid-body .grid-row").first).to_be_visible()
    await page.keyboard.press("?")
    await look(page, "console-keys")
    await page.keyboard.press("Escape")
    await page.keyboard.press("Control+a")
    await page.get_by_role("button", name="Delete").click()
    await look(page, "console-question")
    await page.keyboard.press("Escape")
    await page.evaluate("location.hash = '#/applications/Image viewer'")
    await page.get_by_label("Command").fill("mine")
    await there.site.api(
        "PUT", "applications/Image%20viewer", {"command": ["theirs"], "entitled": {"users": [], "groups": []}}
    )
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_role("dialog")).to_be_visible()
    await look(page, "console-conflict")
    await page.emulate_media(color_scheme="dark")
    await page.set_viewport_size(PHONE)
    await look(page, "console-conflict-phone", ON_PHONES)
    await page.keyboard.press("Escape")
    await page.get_by_label("Command").fill("")
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_role("alert").first).to_be_visible()
    await look(page, "console-field-error-phone", ON_PHONES)
