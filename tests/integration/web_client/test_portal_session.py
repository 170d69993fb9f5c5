"""The frame around a session: its toolbar, and how it is left, ended, lost and found again."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import expect

from tests.integration.web_client.conftest import until_true
from tests.support.fake_portal import FakePortal

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_a_reload_returns_to_the_session(portal: FakePortal, visit) -> None:
    page = await visit.working()
    await page.reload()
    await visit.drawn(page)
    assert portal.worker.attaches == ["ticket", "ticket"]
    assert visit.complaints == []


async def test_an_address_of_a_session_that_is_gone_leads_to_the_catalogue(portal: FakePortal, visit) -> None:
    page = await visit.signed_in()
    await page.goto(f"{portal.url}/#/session/{'0' * 16}")
    await expect(page.get_by_role("status").first).to_contain_text("does not run any more")
    assert visit.complaints == []


async def test_the_toolbar_comes_at_the_top_edge_and_goes_again(visit) -> None:
    page = await visit.working()
    toolbar = page.get_by_role("toolbar")
    await expect(toolbar).to_have_count(0)
    await page.mouse.move(500, 0)
    await expect(toolbar.get_by_role("button")).to_have_text(
        ["Full screen", "Keys", "Quality", "New window", "Disconnect", "Log off"]
    )
    await page.mouse.move(500, 400)
    await expect(toolbar).to_have_count(0)


async def test_the_toolbar_is_reached_and_left_by_keyboard(portal: FakePortal, visit) -> None:
    page = await visit.working()
    await page.keyboard.press("Control+Alt+Home")
    await expect(page.get_by_role("button", name="Full screen")).to_be_focused()
    await page.keyboard.press("ArrowRight")
    await expect(page.get_by_role("button", name="Keys")).to_be_focused()
    await page.keyboard.press("Escape")
    await expect(page.locator("textarea")).to_be_focused()
    await page.keyboard.press("x")
    await portal.worker.until(lambda: "x" in portal.worker.typed())
    assert "Home" not in portal.worker.typed()


async def test_full_screen_holds_the_session_and_its_toolbar(portal: FakePortal, visit) -> None:
    page = await visit.working()
    await page.keyboard.press("Control+Alt+Home")
    await page.keyboard.press("Enter")
    await until_true(page, "document.fullscreenElement?.className === 'session'")
    await expect(page.locator("textarea")).to_be_focused()
    await page.keyboard.press("Control+Alt+Home")
    await page.get_by_role("button", name="Leave full screen").click()
    await until_true(page, "document.fullscreenElement === null")


async def test_disconnecting_leaves_the_session_running(portal: FakePortal, visit) -> None:
    page = await visit.working()
    await page.mouse.move(500, 0)
    await page.get_by_role("button", name="Disconnect").click()
    await expect(page.get_by_role("status").first).to_contain_text("goes on running")
    await expect(page.get_by_role("button", name="Return to Text editor")).to_be_visible()
    await portal.worker.until(lambda: portal.worker.stream.closed)
    assert visit.complaints == []


async def test_logging_off_is_asked_and_can_be_taken_back(portal: FakePortal, visit) -> None:
    page = await visit.working()
    for leave in ("Escape", "Enter"):
        await page.mouse.move(500, 0)
        await page.get_by_role("button", name="Log off").click()
        dialog = page.get_by_role("dialog", name="Log off Text editor?")
        await expect(dialog).to_contain_text("not saved")
        await page.keyboard.press(leave)
        await expect(dialog).to_have_count(0)
        await expect(page.locator("textarea")).to_be_focused()
    await page.keyboard.press("x")
    await portal.worker.until(lambda: "x" in portal.worker.typed())
    assert not portal.worker.stream.closed


async def test_logging_off_ends_it(portal: FakePortal, visit) -> None:
    page = await visit.working()
    await page.mouse.move(500, 0)
    await page.get_by_role("button", name="Log off").click()
    await page.get_by_role("button", name="Log off").click()
    await expect(page.get_by_role("status").first).to_contain_text("was logged off")
    await expect(page.get_by_text("Running sessions")).to_be_hidden()
    assert portal.sessions == {}
    assert visit.complaints == []


@pytest.mark.parametrize(
    ("state", "words"), [("active", "Text editor has ended."), ("ending", "by an administrator")]
)
async def test_a_session_that_ends_under_ones_hands_says_how_and_is_not_listed(
    portal: FakePortal, visit, state: str, words: str
) -> None:
    """The stream knows before the broker does: it still lists the session."""
    page = await visit.working()
    portal.only_session.state = state
    await portal.worker.stream.close(code=4410)
    notice = page.get_by_role("status").first
    await expect(notice).to_contain_text(words)
    await expect(notice).to_be_focused()
    await expect(page.get_by_role("button", name="Terminal", exact=True)).to_be_visible()
    await expect(page.get_by_text("Running sessions")).to_be_hidden()
    assert visit.complaints == []


async def test_a_session_that_ended_a_while_ago_says_how(portal: FakePortal, visit) -> None:
    page = await visit.working()
    session = portal.end(portal.only_session.id, "logged_off")
    await session.worker.stream.close(code=4410)
    await expect(page.get_by_role("status").first).to_contain_text("by an administrator")
    assert visit.complaints == []


async def test_a_session_that_breaks_shows_code_and_reference(portal: FakePortal, visit) -> None:
    page = await visit.working()
    worker = portal.only_session.worker
    portal.end(portal.only_session.id, "display_failed")
    await worker.stream.close(code=4410)
    alert = page.get_by_role("alert")
    await expect(alert).to_contain_text("display_failed")
    await expect(alert).to_contain_text("7f3a2b1c")
    assert visit.complaints == []


@pytest.mark.parametrize("code", ["idle_limit", "disconnected_limit"])
async def test_a_session_that_a_policy_ended_says_which_limit_was_reached(
    portal: FakePortal, visit, code: str
) -> None:
    page = await visit.working()
    worker = portal.only_session.worker
    portal.end(portal.only_session.id, code)
    await worker.stream.close(code=4410)
    alert = page.get_by_role("alert")
    await expect(alert).to_contain_text(code)
    await expect(alert).to_contain_text("You were logged off because nobody")


async def test_a_session_taken_over_stays_away_until_it_is_asked_back(portal: FakePortal, visit) -> None:
    first = await visit.working()
    second = await visit.page()
    await second.goto(first.url)
    await visit.drawn(second)
    await expect(first.get_by_role("alert")).to_contain_text("another window")
    # An Enter that was on its way to the application takes nothing back.
    await first.keyboard.press("Enter")
    await first.keyboard.press("Tab")
    await expect(first.get_by_role("button", name="Use it here")).to_be_focused()
    assert portal.worker.attaches == ["ticket", "ticket"]
    await first.get_by_role("button", name="Use it here").click()
    await visit.drawn(first)
    await expect(second.get_by_role("alert")).to_contain_text("another window")
    assert visit.complaints == []


async def test_who_was_disconnected_stays_away_until_they_ask(portal: FakePortal, visit) -> None:
    page = await visit.working()
    await portal.worker.stream.close(code=4413)
    alert = page.get_by_role("alert")
    await expect(alert).to_contain_text("An administrator disconnected this window")
    await expect(alert).to_contain_text("session_disconnected")
    assert portal.worker.attaches == ["ticket"]
    await page.get_by_role("button", name="Try again").click()
    await visit.drawn(page)
    assert portal.worker.attaches == ["ticket", "ticket"]


async def test_a_login_cut_by_the_broker_leads_to_the_sign_in_page(portal: FakePortal, visit) -> None:
    page = await visit.working()
    portal.forget_logins()
    await portal.worker.stream.close(code=4411)
    await expect(page.get_by_label("User name")).to_be_visible()
    await expect(page.get_by_role("status")).to_contain_text("signed out")
    assert visit.complaints == []


async def test_a_stream_that_fails_for_good_says_its_code(portal: FakePortal, visit) -> None:
    page = await visit.working()
    await portal.worker.stream.close(code=4405)
    await expect(page.get_by_role("alert")).to_contain_text("proof_refused")
    await page.get_by_role("button", name="Try again").click()
    await visit.drawn(page)


async def test_a_host_that_does_not_answer_is_tried_again_and_said(portal: FakePortal, visit) -> None:
    portal.hold_stages = True
    page = await visit.signed_in()
    await page.get_by_role("button", name="Firefox", exact=True).click()
    await page.wait_for_url(re.compile("#/session/"))
    portal.worker.refuse_with = [4503, 4503]
    portal.ready(portal.only_session)
    await expect(page.get_by_text("The host does not answer. Trying again…")).to_be_visible()
    await visit.drawn(page)
    assert portal.worker.attaches == ["ticket", "ticket", "ticket"]
