"""In real Chromium: what is installed on a host is published at once; applications are tried, copied, weighed; the
organisation gets its look. Pictures: tests/output/console-*.png.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, Page, expect

from portcullis.protocol.discovery import FEATURE, Discover, Discovered, Installed, Picture
from portcullis.protocol.orders import Desired
from tests.support.agent_channel import TestAgent
from tests.support.console_site import ConsoleSite, console_site
from tests.support.looks import look, look_in_the_dark_on_a_phone
from tests.support.pages import be_patient
from tests.support.pictures import png

pytestmark = pytest.mark.asyncio(loop_scope="session")

HOSTILE = '"><img src=x onerror=boom()>'
INSTALLED = (
    Installed("a.desktop", "Anagram", ("anagram",), "Plays with words", ("Game",), icon=True),
    Installed("b.desktop", "Blender", ("blender", "--new"), "Draws", ("Graphics", "3DGraphics"), icon=True),
    Installed("c.desktop", HOSTILE, ("sh", HOSTILE), HOSTILE, (HOSTILE,), window_class=HOSTILE),
)


async def play(agent: TestAgent) -> None:
    while True:
        try:
            asked = await agent.expect(Discover)
        except TimeoutError:
            continue  # nobody asked for a while
        pictures = tuple(Picture(each, png(64, 64, 40 + ord(each[0]))) for each in asked.icons)
        await agent.send(Discovered(asked.id, "done", () if asked.icons else INSTALLED, icons=pictures))


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def site(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[ConsoleSite]:
    async with AsyncExitStack() as undo:
        site = await undo.enter_async_context(console_site(tmp_path_factory.mktemp("publishing")))
        agent = await undo.enter_async_context(site.broker.agent(features=frozenset({FEATURE})))
        await agent.expect(Desired)
        await site.api("PUT", "hosts/h1", {"groups": ["office"]})
        playing = asyncio.ensure_future(play(agent))
        yield site
        playing.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await playing


class Seen:
    """A window, and what it complained of."""

    def __init__(self, page: Page, site: ConsoleSite) -> None:
        self.page = page
        self.site = site
        self.complaints: list[str] = []
        page.on("pageerror", lambda error: self.complaints.append(str(error)))

    async def at(self, address: str) -> Page:
        await self.page.goto("about:blank")
        await self.page.goto(f"{self.site.url}/admin.html#/{address}")
        return self.page

    async def looks_right(self, name: str) -> None:
        await look(self.page, f"console-{name}")
        await look_in_the_dark_on_a_phone(self.page, f"console-{name}-phone")
        await self.page.emulate_media(color_scheme="light")
        await self.page.set_viewport_size({"width": 1280, "height": 800})


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def context(chromium: Browser, axe: Path, site: ConsoleSite) -> AsyncIterator[BrowserContext]:
    context = await chromium.new_context(
        locale="en-US", reduced_motion="reduce", viewport={"width": 1280, "height": 800}
    )
    be_patient(context)
    await context.add_init_script(path=axe)
    await site.let_in(context)
    yield context
    await context.close()


@pytest_asyncio.fixture(loop_scope="session")
async def seen(context: BrowserContext, site: ConsoleSite) -> AsyncIterator[Seen]:
    for application in (await site.api("GET", "applications"))["items"]:
        await site.api("DELETE", f"applications/{application['name']}")
    page = await context.new_page()
    seen = Seen(page, site)
    yield seen
    await page.close()
    assert seen.complaints == []


async def published(site: ConsoleSite) -> dict[str, dict[str, object]]:
    return {each["name"]: each for each in (await site.api("GET", "applications"))["items"]}


async def test_what_is_ticked_is_published_at_once_for_a_group_and_taken_back(seen: Seen) -> None:
    page = await seen.at("applications")
    await page.get_by_role("link", name="Add from a host").click()
    await expect(page.get_by_text("Plays with words")).to_be_visible()
    await expect(page.locator(".grid-body img.icon")).to_have_count(2)
    await seen.looks_right("installed")
    await page.get_by_role("grid").focus()
    await page.keyboard.press("Control+a")
    await page.get_by_role("button", name="Publish…").click()
    await page.get_by_role("combobox", name="Groups", exact=True).fill("staff")
    await page.get_by_label("Anagram", exact=True).fill("Word game")
    await seen.looks_right("installed-publish")
    await page.get_by_role("button", name="Publish 3 applications").click()
    await expect(page.get_by_text("3 applications are published.")).to_be_visible()
    now = await published(seen.site)
    assert now.keys() == {"Word game", "Blender", '"><img src=x onerror=boom()>'.replace("/", "-")}
    assert now["Blender"]["command"] == ["blender", "--new"]
    assert now["Blender"]["entitled"] == {"users": [], "groups": ["staff"]}
    assert str(now["Blender"]["icon"]).startswith("/api/v1/icons/")
    entries = (await seen.site.api("GET", "history?kind=application&limit=3"))["items"]
    assert len({each["revision"] for each in entries}) == 1, "one change"
    await expect(page.locator(".badge", has_text="published")).to_have_count(3)
    await page.get_by_role("button", name="Undo").click()
    await expect(page.get_by_text("Undone.")).to_be_visible()
    assert await published(seen.site) == {}


async def test_a_name_that_is_taken_is_refused_at_its_field(seen: Seen) -> None:
    await seen.site.api(
        "PUT", "applications/Blender", {"command": ["other"], "entitled": {"users": [], "groups": []}}
    )
    page = await seen.at("installed?host_group=office&search=Blender")
    await expect(page.locator(".grid-row.active")).to_contain_text("Blender")
    await page.get_by_role("grid").focus()
    await page.keyboard.press("x")
    await page.get_by_role("button", name="Publish…").click()
    name = page.get_by_label("Blender", exact=True)
    await expect(name).to_have_value("Blender 2")
    await name.fill("blender")
    await page.get_by_role("button", name="Publish", exact=True).click()
    await expect(page.locator(".field-error", has_text="published already")).to_be_visible()
    assert (await published(seen.site)).keys() == {"Blender"}
    assert (await published(seen.site))["Blender"]["command"] == ["other"]


async def test_a_form_is_weighed_before_it_is_saved_and_a_copy_keeps_the_icon(seen: Seen) -> None:
    icon = {"content_type": "image/png", "data": base64.b64encode(png(32, 32, 200)).decode()}
    body = {"command": ["paint"], "entitled": {"users": [], "groups": []}, "icon": icon}
    await seen.site.api("PUT", "applications/Paint", body)
    page = await seen.at("applications/Paint")
    await page.get_by_role("combobox", name="Users", exact=True).fill("demo")
    await page.get_by_role("button", name="What if?").click()
    answer = page.get_by_role("dialog", name="What if this were saved?")
    await expect(answer.get_by_text(re.compile("1 object changes"))).to_be_visible()
    await answer.get_by_role("button", name="Close").click()
    assert (await published(seen.site))["Paint"]["entitled"] == {"users": [], "groups": []}
    page = await seen.at("applications/Paint")
    await page.get_by_role("link", name="Clone").click()
    await page.get_by_role("button", name="Publish", exact=True).click()
    await expect(page.get_by_text("Paint 2 is published.")).to_be_visible()
    now = await published(seen.site)
    assert now["Paint 2"]["icon"] == now["Paint"]["icon"]


async def test_a_test_launch_that_is_refused_leads_to_the_reason_and_to_a_simulation(seen: Seen) -> None:
    await seen.site.api(
        "PUT", "applications/Paint", {"command": ["paint"], "entitled": {"users": [], "groups": []}}
    )
    page = await seen.at("applications/Paint")
    await page.get_by_role("button", name="Test launch").click()
    refusal = page.get_by_role("dialog", name="Paint was not started")
    await expect(refusal.get_by_role("alert")).to_contain_text("Reference")
    await expect(refusal.get_by_role("link", name="How it was decided")).to_be_visible()
    await refusal.get_by_role("link", name="Simulate it, the host asked too").click()
    await expect(page.get_by_role("heading", name="Simulation", level=1)).to_be_visible()
    assert {"user=admin", "application=Paint", "dry_run=1"} <= set(page.url.partition("?")[2].split("&"))


async def test_the_look_of_the_organisation_is_shown_before_it_is_saved(seen: Seen) -> None:
    page = await seen.at("tenant")
    await page.get_by_label("Shown name").fill("Acme Engineering")
    await page.get_by_label("Colour", exact=True).fill("#ffcc00")
    await page.get_by_label("Logo").set_input_files(
        {"name": "logo.png", "mimeType": "image/png", "buffer": png(64, 64, 90)}
    )
    preview = page.get_by_role("group", name="How it will look")
    await expect(preview.get_by_text("#ffcc00 would be hard to read")).to_be_visible()
    await expect(preview.locator("img.logo")).to_have_count(2)
    await seen.looks_right("tenant-look")
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_text("acme is saved.")).to_be_visible()
    own = await seen.site.api("GET", "tenant")
    assert (own["title"], own["theme"]["accent"]) == ("Acme Engineering", "#ffcc00")
    assert own["theme"]["logo"].startswith("/api/v1/logos/")
    await expect(page.locator(".icon-field img")).to_have_attribute("src", own["theme"]["logo"])
    await page.get_by_role("button", name="No logo").click()
    await page.get_by_role("button", name="The usual one").click()
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_text("acme is saved.")).to_have_count(2)
    await expect(preview.get_by_text("would be hard to read")).to_have_count(0)
    own = await seen.site.api("GET", "tenant")
    assert own["theme"] == {"accent": None, "logo": None}


async def test_a_group_whose_name_no_path_can_hold_is_opened_and_saved(seen: Seen) -> None:
    await seen.site.api("PUT", "groups/-?name=R%2FD%20100%25", {"description": "before", "users": ["demo"]})
    page = await seen.at("groups")
    await page.get_by_role("grid").get_by_text("R/D 100%").click()
    await page.get_by_label("Description").fill("after")
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_text("R/D 100% is saved.")).to_be_visible()
    group = (await seen.site.api("GET", "groups/-?name=R%2FD%20100%25"))["group"]
    assert (group["description"], group["users"]) == ("after", ["demo"])
