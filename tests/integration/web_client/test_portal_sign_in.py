"""Signing in and out in real Chromium, at the fake portal."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from tests.support.fake_portal import CODE, PASSWORD, RECOVERY_CODES, THEME, FakePortal

pytestmark = pytest.mark.asyncio(loop_scope="session")


OUTPUT = Path(__file__).parents[2] / "output"


async def submit_password(page: Page, username: str = "demo", password: str = PASSWORD) -> None:
    await page.get_by_label("User name").fill(username)
    await page.get_by_label("Password").fill(password)
    await page.keyboard.press("Enter")


async def test_signing_in_takes_password_and_code_and_only_the_keyboard(portal: FakePortal, visit) -> None:
    page = await visit.page()
    await page.goto(portal.url)
    await expect(page.get_by_label("User name")).to_be_focused()
    await page.keyboard.type("demo")
    await page.keyboard.press("Tab")
    await page.keyboard.type(PASSWORD)
    await page.keyboard.press("Enter")
    await expect(page.get_by_label("Verification code")).to_be_focused()
    await page.keyboard.type(f"{CODE[:3]} {CODE[3:]}")
    await page.keyboard.press("Enter")
    await expect(page.get_by_label("Search applications")).to_be_focused()
    assert portal.bad_signatures == 0
    assert visit.complaints == []


async def test_fields_tell_password_managers_what_they_are(portal: FakePortal, visit) -> None:
    page = await visit.page()
    await page.goto(portal.url)
    await expect(page.get_by_label("User name")).to_have_attribute("autocomplete", "username")
    await expect(page.get_by_label("Password")).to_have_attribute("autocomplete", "current-password")
    await expect(page.get_by_label("Organisation")).to_have_count(0)
    await submit_password(page)
    await expect(page.get_by_label("Verification code")).to_have_attribute("autocomplete", "one-time-code")


async def test_the_organisation_is_asked_for_only_where_there_are_several(portal: FakePortal, visit) -> None:
    portal.organisations = ["?"]
    page = await visit.page()
    await page.goto(portal.url)
    await expect(page.get_by_label("Organisation")).to_be_focused()


async def test_refusals_stand_in_an_alert(portal: FakePortal, visit) -> None:
    page = await visit.page()
    await page.goto(portal.url)
    await submit_password(page, password="wrong")
    await expect(page.get_by_role("alert")).to_contain_text("is wrong")
    await expect(page.get_by_label("Password")).to_be_focused()
    await submit_password(page, username="blocked")
    await expect(page.get_by_role("alert")).to_contain_text("in 30 seconds")
    await submit_password(page)
    await page.get_by_label("Verification code").fill("000000")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("alert")).to_contain_text("The code is wrong or was used already.")
    await page.get_by_label("Verification code").fill(CODE)
    await page.keyboard.press("Enter")
    await expect(page.get_by_label("Search applications")).to_be_visible()


async def test_a_closed_tab_opened_again_is_still_signed_in(portal: FakePortal, visit) -> None:
    page = await visit.signed_in()
    await page.close()
    page = await visit.page()
    await page.goto(portal.url)
    await page.get_by_role("button", name="Terminal", exact=True).click()
    await visit.drawn(page)
    assert portal.bad_signatures == 0


async def test_signing_out_reaches_every_tab(portal: FakePortal, visit) -> None:
    first = await visit.signed_in()
    second = await visit.page()
    await second.goto(portal.url)
    await expect(second.get_by_label("Search applications")).to_be_visible()
    await first.get_by_role("button", name="Sign out").click()
    await expect(first.get_by_label("User name")).to_be_visible()
    await expect(second.get_by_label("User name")).to_be_visible()
    await expect(second.get_by_role("status")).to_contain_text("in another window")
    await first.reload()
    await expect(first.get_by_label("User name")).to_be_visible()
    assert visit.complaints == []


async def test_a_login_that_ended_elsewhere_leads_to_the_sign_in_page(portal: FakePortal, visit) -> None:
    page = await visit.signed_in()
    portal.forget_logins()
    await page.get_by_role("button", name="Terminal", exact=True).click()
    await expect(page.get_by_label("User name")).to_be_focused()
    await expect(page.get_by_role("status")).to_contain_text("signed out")


async def test_signing_out_everywhere_asks_first_and_reaches_this_browser_too(
    portal: FakePortal, visit
) -> None:
    portal.failed_sign_ins = 14
    page = await visit.signed_in()
    portal.failed_sign_ins = 0
    await expect(page.get_by_role("status").filter(has_text="failed 14 times in a row")).to_be_visible()
    other = await visit.page()
    await other.goto(portal.url)
    await page.get_by_text("Your account").click()
    await page.screenshot(path=OUTPUT / "portal-account.png", full_page=True)
    await page.get_by_role("button", name="Sign out everywhere").click()
    await page.get_by_role("button", name="Cancel").click()
    await expect(page.get_by_label("Search applications")).to_be_visible()
    await page.get_by_role("button", name="Sign out everywhere").click()
    await page.get_by_role("dialog").get_by_role("button", name="Sign out everywhere").click()
    for each in (page, other):
        await expect(each.get_by_label("User name")).to_be_visible()
        await each.reload()
        await expect(each.get_by_label("User name")).to_be_visible()
    assert visit.complaints == []


async def test_new_recovery_codes_take_a_code_of_now_and_are_shown_once(portal: FakePortal, visit) -> None:
    page = await visit.signed_in()
    await page.get_by_text("Your account").click()
    await page.get_by_role("button", name="New recovery codes").click()
    await expect(page.get_by_label("Verification code")).to_be_focused()
    await page.keyboard.type("000000")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("alert").filter(has_text="code")).to_be_visible()
    await page.get_by_label("Verification code").fill(CODE)
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("listitem").filter(has_text=RECOVERY_CODES[-1])).to_be_visible()
    await page.screenshot(path=OUTPUT / "portal-recovery-codes.png", full_page=True)
    await page.get_by_role("button", name="I have stored them").click()
    await expect(page.get_by_text(RECOVERY_CODES[-1])).to_have_count(0)
    await expect(page.get_by_label("Verification code")).to_be_hidden()


async def test_an_address_leads_to_the_sign_in_of_an_organisation(portal: FakePortal, visit) -> None:
    portal.organisations = ["?"]
    page = await visit.page()
    await page.goto(f"{portal.url}/#/at/Initech%20Ltd")
    await expect(page.get_by_label("Organisation")).to_have_value("Initech Ltd")
    await expect(page.get_by_label("User name")).to_be_focused()
    await page.goto(f"{portal.url}/#/at/%E0%A4%A")
    await page.reload()
    await expect(page.get_by_label("Organisation")).to_have_value("")


async def test_the_colours_of_a_tenant_go_with_its_login(portal: FakePortal, visit) -> None:
    accent = "getComputedStyle(document.documentElement).getPropertyValue('--accent')"
    page = await visit.page()
    await page.goto(portal.url)
    plain = await page.evaluate(accent)
    portal.theme = THEME
    await page.reload()
    await expect(page.get_by_text("Initech Applications")).to_be_visible()
    assert await page.evaluate(accent) != plain
    assert await page.title() == "Sign in · Initech Applications"
    portal.theme = {**THEME, "accent": "red; --danger: blue", "logo": "https://elsewhere.example/x.svg"}
    await page.reload()
    await expect(page.get_by_text("Initech Applications")).to_be_visible()
    assert await page.evaluate(accent) == plain
    assert await page.locator(".brand img").get_attribute("src") == "styles/icon.svg"
