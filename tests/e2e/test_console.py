"""The console on a whole installation: published, tried, watched and ended from one page to the next."""

from __future__ import annotations

import json
import re
import time

import pytest
from playwright.async_api import expect

from tests.e2e.conftest import OUTPUT, Installation, Visitor
from tests.e2e.portal import Person, sign_in, wait_for_picture
from tests.support.browser import ApiBrowser
from tests.support.enrolling import enrol_early

pytestmark = pytest.mark.asyncio(loop_scope="session")

NAME = "Published in the console"


async def administrator(installation: Installation) -> Person:
    words = ("user", "add", "console-admin", "--role", "administrator", "--group", "staff", "--json")
    made = json.loads(installation.cli(*words).stdout)
    async with ApiBrowser(installation.url) as browser:
        enrolled = await enrol_early(browser, made["enrolment"]["link"], time.time)
    return Person("console-admin", enrolled.password, enrolled.totp_secret, enrolled.used_step)


async def test_an_application_is_published_tried_watched_and_ended_in_the_console(
    installation: Installation, visitor: Visitor
) -> None:
    page = await visitor.page()
    await sign_in(page, installation.url, await administrator(installation))
    await page.get_by_role("link", name="Administration").click()
    await expect(page.get_by_text("Busiest hosts")).to_be_visible()
    await page.screenshot(path=OUTPUT / "console-overview.png")

    await page.keyboard.press("g")
    await page.keyboard.press("a")
    await page.get_by_role("button", name="New application").click()
    await page.get_by_label("Name", exact=True).fill(NAME)
    await page.get_by_label("Command").fill("xterm\n-geometry\n80x24")
    await page.get_by_label("Groups", exact=True).fill("staff")
    await page.get_by_role("button", name="Publish").click()
    await expect(page.get_by_text(f"{NAME} is published.")).to_be_visible()

    async with visitor.context.expect_page() as opened:
        await page.get_by_role("button", name="Test launch").click()
    session = await opened.value
    visitor.complaints.watch(session)
    await wait_for_picture(session)

    await page.bring_to_front()
    await page.get_by_role("navigation").get_by_role("link", name="Sessions").click()
    row = page.locator(".grid-body .grid-row").filter(has_text=NAME)
    await expect(row).to_contain_text("Active")
    await row.click()
    await page.get_by_role("button", name="Show processes").click()
    await expect(page.get_by_role("row", name=re.compile("xterm")).first).to_be_visible()
    await page.get_by_role("button", name="Message").click()
    await page.get_by_label("Text").fill("Please save your work.")
    await page.get_by_role("button", name="Send").click()
    await expect(session.get_by_text("Please save your work.")).to_be_visible()
    await page.screenshot(path=OUTPUT / "console-session.png")
    await page.get_by_role("button", name="Log off").click()
    await page.get_by_role("dialog").get_by_role("button", name="Log off").click()
    await expect(row).to_have_count(0)
    await expect(session.get_by_label("Search applications")).to_be_visible()
    assert visitor.complaints == []
