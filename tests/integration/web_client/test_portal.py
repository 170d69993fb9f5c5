"""The portal in real Chromium: sign-in, catalogue, launches and their ends, under the gateway's real policy."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from portcullis.reasons import REASONS
from tests.integration.web_client.conftest import until_true
from tests.support.fake_portal import CODE, PASSWORD, RECOVERY_CODES, THEME, FakePortal, error

pytestmark = pytest.mark.asyncio(loop_scope="session")

OUTPUT = Path(__file__).parents[2] / "output"


async def submit_password(page: Page, username: str = "demo", password: str = PASSWORD) -> None:
    await page.get_by_label("User name").fill(username)
    await page.get_by_label("Password").fill(password)
    await page.keyboard.press("Enter")


# --- sign-in


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


# --- catalogue


async def test_tiles_bear_exactly_the_names_and_are_searched_as_one_types(portal: FakePortal, visit) -> None:
    page = await visit.signed_in()
    for name in portal.names:
        await expect(page.get_by_role("button", name=name, exact=True)).to_be_visible()
    await expect(page.get_by_role("note")).to_be_hidden()
    await page.get_by_label("Search applications").fill("ED")
    await expect(page.locator(".tile")).to_have_text(["Text editor"])
    await page.get_by_label("Search applications").fill("nothing like it")
    await expect(page.get_by_role("status")).to_contain_text("nothing like it")
    await page.get_by_label("Search applications").fill("edit")
    await page.keyboard.press("Enter")
    await visit.drawn(page)


async def test_a_running_session_is_returned_to_and_logged_off(portal: FakePortal, visit) -> None:
    session = portal.add_session("Terminal", age_seconds=7300)
    page = await visit.signed_in()
    await expect(page.get_by_text("on host-1 · started 2 hours ago")).to_be_visible()
    await page.get_by_role("button", name="Return to Terminal").click()
    await visit.drawn(page)
    assert page.url.endswith(f"#/session/{session.id}")
    await page.go_back()
    await page.get_by_role("button", name="Log off Terminal").click()
    await page.get_by_role("dialog").get_by_role("button", name="Log off", exact=True).click()
    await expect(page.get_by_text("Running sessions")).to_be_hidden()
    assert portal.sessions == {}
    assert visit.complaints == []


async def test_a_user_without_applications_is_told_so(portal: FakePortal, visit) -> None:
    portal.names = ()
    page = await visit.signed_in()
    await expect(page.get_by_role("status")).to_contain_text("No application is published")


# --- launch


async def test_stages_are_ticked_off_as_they_happen(portal: FakePortal, visit) -> None:
    portal.hold_stages = True
    page = await visit.signed_in()
    await page.get_by_role("button", name="Firefox", exact=True).click()
    stages = page.get_by_role("listitem")
    await expect(stages).to_have_count(6)
    await expect(stages.nth(0)).to_contain_text("done")
    await expect(stages.nth(1)).to_contain_text("in progress")
    for stage in ("accepted", "display", "application"):
        portal.tell(portal.only_session, stage)
    await expect(stages.nth(3)).to_contain_text("done")
    await expect(stages.nth(4)).to_contain_text("in progress")
    portal.ready(portal.only_session)
    await visit.drawn(page)
    assert await page.title() == "Firefox · Portcullis"
    assert visit.complaints == []


async def test_the_place_in_line_is_shown_as_it_changes_until_the_host_starts_it(
    portal: FakePortal, visit
) -> None:
    portal.hold_stages = True
    page = await visit.signed_in()
    await page.clock.install()
    await page.get_by_role("button", name="Firefox", exact=True).click()
    place = page.get_by_role("listitem").nth(0)
    await expect(place).to_contain_text("done")
    for position, text in ((12, "12th in line"), (2, "2nd in line"), (1, "next in line")):
        portal.tell(portal.only_session, "placed", position=position)
        await expect(place).to_contain_text(f"Waiting for a place: {text}")
        await expect(place).to_contain_text("in progress")
    await page.clock.run_for(20_000)
    await expect(page.get_by_text("You keep your place if you go back.")).to_be_visible()
    portal.tell(portal.only_session, "placed")
    await expect(place).to_contain_text("Finding a place")
    await expect(page.get_by_role("listitem").nth(1)).to_contain_text("in progress")
    await expect(page.get_by_text("You keep your place if you go back.")).to_have_count(0)
    portal.ready(portal.only_session)
    await visit.drawn(page)
    assert visit.complaints == []


async def test_a_refused_launch_says_code_and_reference_and_leads_back(portal: FakePortal, visit) -> None:
    portal.launch_refusal = error(409, "host_full", "Every place is taken.", reference="7f3a91c2")
    page = await visit.signed_in()
    await page.get_by_role("button", name="Firefox", exact=True).click()
    alert = page.get_by_role("alert")
    await expect(alert).to_contain_text("Firefox did not start")
    for text in ("Every place is taken.", "host_full", "7f3a91c2", REASONS["host_full"].user):
        await expect(alert).to_contain_text(text)
    await expect(page.get_by_role("button", name="Back")).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(page.get_by_label("Search applications")).to_be_visible()


async def test_an_application_that_wants_a_new_code_asks_for_it_and_starts(portal: FakePortal, visit) -> None:
    portal.wants_factor = True
    page = await visit.signed_in()
    await page.get_by_role("button", name="Firefox", exact=True).click()
    code = page.get_by_label("Verification code")
    await expect(code).to_be_focused()
    await page.keyboard.type("000000")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("alert")).to_contain_text("The code is wrong or was used already")
    await expect(code).to_be_focused()
    await page.keyboard.type(f"{CODE[:3]} {CODE[3:]}")
    await page.keyboard.press("Enter")
    await visit.drawn(page)
    assert portal.bad_signatures == 0


async def test_a_code_that_is_wanted_can_be_left_for_the_catalogue(portal: FakePortal, visit) -> None:
    portal.wants_factor = True
    page = await visit.signed_in()
    await page.get_by_role("button", name="Firefox", exact=True).click()
    await page.get_by_role("button", name="Back").click()
    await expect(page.get_by_label("Search applications")).to_be_visible()
    assert portal.sessions == {}


async def test_a_session_on_a_host_that_is_gone_can_be_given_up_for_a_new_one(
    portal: FakePortal, visit
) -> None:
    message = "Your session of Firefox is on h1, which does not answer. Wait for it, or end it."
    portal.launch_refusal = error(409, "host_offline", message, reference="7f3a91c2", session="5" * 16)
    page = await visit.signed_in()
    await page.get_by_role("button", name="Firefox", exact=True).click()
    await expect(page.get_by_role("alert")).to_contain_text(message)
    await expect(page.get_by_role("button", name="Try again")).to_be_visible()
    portal.launch_refusal = None
    async with page.expect_request(lambda request: request.method == "DELETE") as ended:
        await page.get_by_role("button", name="End it and start anew").click()
    assert (await ended.value).url.endswith("/sessions/" + "5" * 16)
    await visit.drawn(page)


async def test_a_launch_that_fails_on_the_host_says_why(portal: FakePortal, visit) -> None:
    portal.hold_stages = True
    page = await visit.signed_in()
    await page.get_by_role("button", name="Firefox", exact=True).click()
    await expect(page.get_by_role("listitem").nth(0)).to_contain_text("done")
    portal.fail(
        portal.only_session, "application_missing", "The command does not exist on the host.", "abcd1234"
    )
    alert = page.get_by_role("alert")
    for text in ("The command does not exist on the host.", "application_missing", "abcd1234"):
        await expect(alert).to_contain_text(text)
    assert visit.complaints == []


async def test_a_launch_can_be_left_while_it_starts(portal: FakePortal, visit) -> None:
    portal.hold_stages = True
    page = await visit.signed_in()
    await page.get_by_role("button", name="Firefox", exact=True).click()
    await page.get_by_role("button", name="Back to applications").click()
    await expect(page.get_by_role("button", name="Return to Firefox")).to_be_visible()
    assert portal.worker.attaches == []
    assert visit.complaints == []


# --- the session's frame


async def test_a_launch_left_before_its_answer_stays_left(portal: FakePortal, visit) -> None:
    portal.may_launch.clear()
    page = await visit.signed_in()
    await page.get_by_role("button", name="Firefox", exact=True).click()
    await page.get_by_role("button", name="Back to applications").click()
    async with page.expect_response("**/api/v1/sessions"):
        portal.may_launch.set()
    await page.reload()
    await expect(page.get_by_role("button", name="Return to Firefox")).to_be_visible()
    assert page.url.endswith("#/")
    assert portal.worker.attaches == []


async def test_a_launch_that_takes_long_says_so(portal: FakePortal, visit) -> None:
    portal.hold_stages = True
    page = await visit.signed_in()
    await page.clock.install()
    await page.get_by_role("button", name="Firefox", exact=True).click()
    await expect(page.get_by_role("listitem").nth(0)).to_contain_text("done")
    await expect(page.get_by_role("heading", name="Starting Firefox")).to_be_focused()
    await page.clock.run_for(10_000)
    await expect(page.get_by_text("This takes longer than usual.")).to_be_visible()
    portal.tell(portal.only_session, "accepted")
    await expect(page.get_by_text("This takes longer than usual.")).to_have_count(0)


async def test_a_catalogue_that_does_not_come_says_so_and_is_asked_for_again(
    portal: FakePortal, visit
) -> None:
    portal.may_list.clear()
    page = await visit.signed_in()
    await expect(page.get_by_text("Loading the applications…")).to_be_visible()
    portal.outage = True
    portal.may_list.set()
    await expect(page.get_by_role("alert")).to_contain_text("The service does not answer.")
    await expect(page.get_by_text("Loading the applications…")).to_have_count(0)
    portal.outage = False
    await expect(page.get_by_role("button", name="Terminal", exact=True)).to_be_visible()
    await expect(page.get_by_role("alert")).to_have_count(0)


async def test_an_address_that_was_left_while_it_loaded_stays_left(portal: FakePortal, visit) -> None:
    session = portal.add_session("Terminal")
    page = await visit.signed_in()
    portal.may_list.clear()
    await page.evaluate("(id) => { location.hash = `#/session/${id}`; }", session.id)
    await expect(page.get_by_text("Loading…")).to_be_visible()
    await page.go_back()
    portal.may_list.set()
    await expect(page.get_by_role("button", name="Return to Terminal")).to_be_visible()
    assert session.worker.attaches == []


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
