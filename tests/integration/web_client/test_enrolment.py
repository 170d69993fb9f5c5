"""Setting up an account in the browser: the way through, and every way off it."""

from __future__ import annotations

from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Page, expect

from tests.integration.web_client.conftest import Visit, until_true
from tests.support.fake_portal import (
    ENROLMENT_CODES,
    PASSWORD,
    RECOVERY_CODES,
    TOTP_SECRET,
    FakePortal,
)

pytestmark = pytest.mark.asyncio(loop_scope="session")

TOKEN = "enrol_" + "0" * 16 + "_" + "a" * 64
FIRST, SECOND = ENROLMENT_CODES


@pytest_asyncio.fixture(loop_scope="session")
async def link(portal: FakePortal) -> str:
    portal.enrolment_token = TOKEN
    return f"{portal.url}/#/enrol/{TOKEN}"


async def opened(visit: Visit, link: str) -> Page:
    page = await visit.page()
    await page.goto(link)
    await expect(page.get_by_label("New password")).to_be_focused()
    return page


async def choose_password(page: Page, password: str = PASSWORD) -> None:
    await page.get_by_label("New password").fill(password)
    await page.keyboard.press("Enter")


async def at_codes(visit: Visit, link: str) -> Page:
    page = await opened(visit, link)
    await choose_password(page)
    await expect(page.get_by_label("Code that is shown now")).to_be_focused()
    return page


async def enter(page: Page, label: str, code: str) -> None:
    await page.get_by_label(label).fill(code)
    await page.keyboard.press("Enter")


async def at_recovery_codes(visit: Visit, link: str) -> Page:
    page = await at_codes(visit, link)
    await enter(page, "Code that is shown now", FIRST)
    await enter(page, "Next code", SECOND)
    await expect(page.get_by_role("heading", name="Keep your recovery codes")).to_be_focused()
    return page


async def test_a_person_sets_up_an_account_and_signs_in(visit: Visit, link: str) -> None:
    page = await opened(visit, link)
    await expect(page.get_by_role("heading")).to_have_text("Welcome, demo")
    await expect(page.get_by_text("Set up your account at acme.")).to_be_visible()
    await choose_password(page)
    await expect(page.get_by_role("img", name="QR code")).to_be_visible()
    await enter(page, "Code that is shown now", " 111 222 ")
    await enter(page, "Next code", SECOND)
    await expect(page.get_by_role("listitem")).to_have_text(RECOVERY_CODES)
    await page.get_by_role("button", name="I have stored them").click()
    await expect(page.get_by_text("Your account is set up. Sign in")).to_be_visible()
    await expect(page.get_by_label("User name")).to_have_value("demo")
    await expect(page.get_by_label("Password")).to_be_focused()
    assert visit.complaints == []


async def test_the_token_leaves_the_address_and_a_reload_goes_on(visit: Visit, link: str) -> None:
    page = await at_codes(visit, link)
    assert page.url.endswith("/#/enrol")
    await page.reload()
    await expect(page.get_by_label("New password")).to_be_visible()
    assert TOKEN not in page.url
    assert visit.complaints == []


async def test_a_link_that_was_used_says_so_and_leads_to_sign_in(
    visit: Visit, link: str, portal: FakePortal
) -> None:
    portal.enrolment_token = ""
    page = await visit.page()
    await page.goto(link)
    await expect(page.get_by_role("alert")).to_contain_text("This link does not work")
    await expect(page.get_by_role("alert")).to_contain_text("enrolment_refused")
    await page.get_by_role("button", name="Go to sign-in").click()
    await expect(page.get_by_label("User name")).to_be_focused()
    assert page.url == f"{portal.url}/#/"


async def test_the_address_without_a_token_says_so(visit: Visit, portal: FakePortal) -> None:
    page = await visit.page()
    await page.goto(f"{portal.url}/#/enrol")
    await expect(page.get_by_role("alert")).to_contain_text("enrolment_refused")
    assert visit.complaints == []


async def test_a_tab_learns_at_its_next_step_that_another_one_was_faster(visit: Visit, link: str) -> None:
    slow, fast = await at_codes(visit, link), await at_recovery_codes(visit, link)
    await slow.bring_to_front()
    await enter(slow, "Code that is shown now", FIRST)
    await expect(slow.get_by_role("alert")).to_contain_text("This link does not work")
    await slow.reload()
    await expect(slow.get_by_role("alert")).to_contain_text("This link does not work")
    await expect(fast.get_by_text(RECOVERY_CODES[0])).to_be_visible()


async def test_going_back_and_forward_begins_anew_while_the_link_is_good(visit: Visit, link: str) -> None:
    page = await visit.page()
    await page.goto(visit.portal.url)
    await expect(page.get_by_label("User name")).to_be_visible()
    await page.goto(link)
    await expect(page.get_by_label("New password")).to_be_visible()
    await page.go_back()
    await expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    await page.go_forward()
    await expect(page.get_by_label("New password")).to_be_visible()
    assert visit.complaints == []


async def test_going_back_after_it_is_done_shows_no_codes_again(visit: Visit, link: str) -> None:
    page = await at_recovery_codes(visit, link)
    await page.get_by_role("button", name="I have stored them").click()
    await expect(page.get_by_label("Password")).to_be_visible()
    await page.evaluate("location.hash = '#/enrol'")
    await expect(page.get_by_role("alert")).to_contain_text("This link does not work")
    await expect(page.get_by_text(RECOVERY_CODES[0])).to_have_count(0)


@pytest.mark.parametrize(("password", "said"), [("seven77", "at least 8"), ("password", "easy to guess")])
async def test_a_password_that_may_not_be_chosen_is_explained(
    visit: Visit, link: str, password: str, said: str
) -> None:
    page = await opened(visit, link)
    await choose_password(page, password)
    await expect(page.get_by_role("alert")).to_contain_text(said)
    await expect(page.get_by_label("New password")).to_be_focused()
    await choose_password(page)
    await expect(page.get_by_label("Code that is shown now")).to_be_visible()


async def test_the_password_can_be_shown_and_managers_learn_name_and_password(
    visit: Visit, link: str
) -> None:
    page = await opened(visit, link)
    password, name = page.get_by_label("New password"), page.get_by_label("User name")
    await expect(password).to_have_attribute("autocomplete", "new-password")
    await expect(name).to_have_attribute("autocomplete", "username")
    await expect(name).to_have_value("demo")
    await expect(password).to_have_attribute("type", "password")
    await page.get_by_label("Show the password").check()
    await expect(password).to_have_attribute("type", "text")
    await page.get_by_label("Show the password").uncheck()
    await expect(password).to_have_attribute("type", "password")


async def test_the_key_can_be_copied_instead_of_scanned(visit: Visit, link: str) -> None:
    page = await at_codes(visit, link)
    await page.get_by_text("I cannot scan it").click()
    await page.get_by_role("button", name="Copy the key").click()
    await expect(page.get_by_role("button", name="Copied")).to_be_visible()
    assert await page.evaluate("navigator.clipboard.readText()") == TOTP_SECRET
    href = await page.get_by_role("link", name="Open in an authenticator").get_attribute("href")
    assert href is not None and href.startswith("otpauth://totp/")


async def test_the_picture_holds_the_uri_of_the_key(visit: Visit, link: str) -> None:
    """Module by module, as the service sent it: read back from the pixels on the screen."""
    page = await at_codes(visit, link)
    modules = await page.evaluate(
        """async () => {
            const svg = document.querySelector('svg.qr');
            const side = Number(svg.getAttribute('viewBox').split(' ')[2]);
            const shape = new Path2D(svg.querySelector('path').getAttribute('d'));
            const context = new OffscreenCanvas(1, 1).getContext('2d');
            const module = (x, y) => Number(context.isPointInPath(shape, x + 0.5, y + 0.5));
            const row = (y) => Array.from({ length: side }, (_, x) => module(x, y));
            return Array.from({ length: side }, (_, y) => row(y).join(''));
        }"""
    )
    answer = await page.request.post(
        f"{visit.portal.url}/api/v1/enrolment/factor", data={"token": TOKEN, "password": PASSWORD}
    )
    assert modules == (await answer.json())["qr"]


async def test_a_wrong_first_code_is_explained_and_another_one_may_be_entered(
    visit: Visit, link: str
) -> None:
    page = await at_codes(visit, link)
    await enter(page, "Code that is shown now", "999999")
    await expect(page.get_by_role("alert")).to_contain_text("The code is wrong")
    await enter(page, "Code that is shown now", "12a")
    await expect(page.get_by_role("alert")).to_contain_text("six digits")
    await enter(page, "Code that is shown now", FIRST)
    await expect(page.get_by_label("Next code")).to_be_focused()


async def test_the_same_code_twice_is_explained_with_the_time_to_wait(
    visit: Visit, link: str, portal: FakePortal
) -> None:
    portal.seconds_to_next_code = 20
    page = await at_codes(visit, link)
    await enter(page, "Code that is shown now", FIRST)
    await expect(page.get_by_text("The next code comes in about")).to_be_visible()
    await enter(page, "Next code", FIRST)
    await expect(page.get_by_role("alert")).to_contain_text("That is the first code again. Wait about")
    await enter(page, "Next code", SECOND)
    await expect(page.get_by_text(RECOVERY_CODES[0])).to_be_visible()


async def test_codes_that_do_not_follow_each_other_may_be_entered_anew(visit: Visit, link: str) -> None:
    page = await at_codes(visit, link)
    await enter(page, "Code that is shown now", FIRST)
    await enter(page, "Next code", "999999")
    await expect(page.get_by_role("alert")).to_contain_text("follow each other")
    await page.get_by_role("button", name="Start again with another first code").click()
    await expect(page.get_by_label("Code that is shown now")).to_be_focused()
    await page.get_by_role("button", name="Back to the password").click()
    await expect(page.get_by_label("New password")).to_be_focused()


async def test_recovery_codes_can_be_copied_and_downloaded(visit: Visit, link: str, tmp_path: Path) -> None:
    page = await at_recovery_codes(visit, link)
    await page.get_by_role("button", name="Copy").click()
    await expect(page.get_by_role("button", name="Copied")).to_be_visible()
    assert await page.evaluate("navigator.clipboard.readText()") == "\n".join(RECOVERY_CODES)
    async with page.expect_download() as download:
        await page.get_by_role("button", name="Download").click()
    file = await download.value
    await file.save_as(tmp_path / file.suggested_filename)
    lines = (tmp_path / "portcullis-recovery-codes.txt").read_text().splitlines()
    assert lines == ["Recovery codes of demo at acme. Each is good once.", "", *RECOVERY_CODES]
    assert visit.complaints == []


async def test_recovery_codes_that_are_not_stored_are_not_lost_by_a_careless_key(
    visit: Visit, link: str
) -> None:
    page = await at_recovery_codes(visit, link)
    asked = []

    async def stay(dialog) -> None:  # type: ignore[no-untyped-def]
        asked.append(dialog.type)
        await dialog.dismiss()

    page.on("dialog", stay)
    await page.get_by_role("button", name="Copy").click()  # browsers ask only where somebody did something
    await page.close(run_before_unload=True)
    await expect(page.get_by_text(RECOVERY_CODES[0])).to_be_visible()
    await until_true(page, "true")
    assert asked == ["beforeunload"]


async def test_a_sign_out_in_another_window_takes_no_recovery_codes_away(
    visit: Visit, link: str, portal: FakePortal
) -> None:
    other = await visit.signed_in()
    page = await at_recovery_codes(visit, link)
    await other.get_by_role("button", name="Sign out").click()
    await expect(other.get_by_role("heading", name="Sign in")).to_be_visible()
    await expect(page.get_by_text(RECOVERY_CODES[0])).to_be_visible()


async def test_whoever_is_signed_in_here_makes_room_for_the_new_account(
    visit: Visit, link: str, portal: FakePortal
) -> None:
    page = await visit.signed_in()
    await page.evaluate("(link) => { location.href = link }", link)
    await choose_password(page)
    await enter(page, "Code that is shown now", FIRST)
    await enter(page, "Next code", SECOND)
    await page.get_by_role("button", name="I have stored them").click()
    await expect(page.get_by_text("Your account is set up. Sign in")).to_be_visible()
    assert not (await (await page.request.get(f"{portal.url}/api/v1/login")).json())["signed_in"]
    assert visit.complaints == []


async def test_a_recovery_code_takes_the_place_of_the_verification_code(visit: Visit) -> None:
    page = await visit.page()
    await page.goto(visit.portal.url)
    await page.get_by_label("User name").fill("demo")
    await enter(page, "Password", PASSWORD)
    await page.get_by_role("button", name="Use a recovery code").click()
    await enter(page, "Recovery code", "wrong")
    await expect(page.get_by_role("alert")).to_have_text("The recovery code is wrong or was used already.")
    await page.get_by_role("button", name="Use the authenticator").click()
    await expect(page.get_by_label("Verification code")).to_be_focused()
    await page.get_by_role("button", name="Use a recovery code").click()
    await enter(page, "Recovery code", RECOVERY_CODES[0].upper())
    await expect(page.get_by_text("You signed in with a recovery code: 9 left.")).to_be_visible()
