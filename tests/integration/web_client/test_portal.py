"""The catalogue and a launch in real Chromium, at the fake portal."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

from portcullis.reasons import REASONS
from tests.support.fake_portal import CODE, FakePortal, error

pytestmark = pytest.mark.asyncio(loop_scope="session")


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


async def test_stages_are_ticked_off_as_they_happen(portal: FakePortal, visit) -> None:
    portal.hold_stages = True
    portal.may_attach.clear()  # which it does while the application starts
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
    portal.may_attach.set()
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
