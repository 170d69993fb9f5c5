"""axe-core finds nothing wrong in any view, nor in the dark on a phone. Pictures: tests/output/portal-*.png."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, expect

from portcullis.protocol import messages as m
from tests.integration.web_client.conftest import Visit, open_visit
from tests.support.fake_portal import ENROLMENT_CODES, PASSWORD, THEME, FakePortal, error
from tests.support.looks import OUTPUT, look, look_in_the_dark_on_a_phone, nothing_is_beyond_the_edge

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def sign_in_refused(visit: Visit) -> Page:
    page = await visit.page()
    await page.goto(visit.portal.url)
    await page.get_by_label("User name").fill("demo")
    await page.get_by_label("Password").fill("wrong")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("alert")).to_be_visible()
    return page


async def themed_sign_in(visit: Visit) -> Page:
    visit.portal.theme = THEME
    page = await sign_in_refused(visit)
    await expect(page.get_by_text("Initech Applications")).to_be_visible()
    return page


async def themed_catalogue(visit: Visit) -> Page:
    visit.portal.theme = THEME
    visit.portal.add_session("Terminal", age_seconds=7300)
    page = await visit.signed_in()
    await expect(page.get_by_text("Running sessions")).to_be_visible()
    return page


async def code(visit: Visit) -> Page:
    page = await visit.page()
    await page.goto(visit.portal.url)
    await page.get_by_label("User name").fill("demo")
    await page.get_by_label("Password").fill(PASSWORD)
    await page.keyboard.press("Enter")
    await expect(page.get_by_label("Verification code")).to_be_visible()
    return page


async def catalogue(visit: Visit) -> Page:
    visit.portal.add_session("Terminal", age_seconds=7300)
    visit.portal.add_session("Calculator", "active")
    page = await visit.signed_in()
    await expect(page.get_by_text("Running sessions")).to_be_visible()
    return page


async def unprivileged_trial(visit: Visit) -> Page:
    visit.portal.isolation = "none"
    page = await visit.signed_in()
    await expect(page.get_by_role("note")).to_contain_text("not walled off")
    return page


async def launch(visit: Visit) -> Page:
    visit.portal.hold_stages = True
    page = await visit.signed_in()
    await page.get_by_role("button", name="Text editor", exact=True).click()
    await expect(page.get_by_role("listitem").nth(0)).to_contain_text("done")
    for stage in ("accepted", "display"):
        visit.portal.tell(visit.portal.only_session, stage)
    await expect(page.get_by_role("listitem").nth(3)).to_contain_text("in progress")
    return page


async def queue(visit: Visit) -> Page:
    visit.portal.hold_stages = True
    page = await visit.signed_in()
    await page.get_by_role("button", name="Text editor", exact=True).click()
    await expect(page.get_by_role("listitem").nth(0)).to_contain_text("done")
    visit.portal.tell(visit.portal.only_session, "placed", position=3)
    await expect(page.get_by_role("listitem").nth(0)).to_contain_text("3rd in line")
    return page


async def failure(visit: Visit) -> Page:
    visit.portal.launch_refusal = error(409, "host_full", "Every place is taken.", reference="7f3a91c2")
    page = await visit.signed_in()
    await page.get_by_role("button", name="Firefox", exact=True).click()
    await expect(page.get_by_role("alert")).to_be_visible()
    return page


async def factor(visit: Visit) -> Page:
    visit.portal.wants_factor = True
    page = await visit.signed_in()
    await page.get_by_role("button", name="Firefox", exact=True).click()
    await page.get_by_label("Verification code").fill("000000")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("alert")).to_contain_text("wrong")
    return page


async def toolbar(visit: Visit) -> Page:
    page = await visit.working()
    await page.keyboard.press("Control+Alt+Home")
    await expect(page.get_by_role("button", name="Full screen")).to_be_focused()
    return page


async def quality_and_keys(visit: Visit) -> Page:
    page = await visit.working()
    await page.keyboard.press("Control+Alt+Shift+Home")
    await visit.portal.worker.send(m.Features(m.FEATURE_QUALITY))
    await visit.portal.worker.until(lambda: visit.portal.worker.of(m.WatchQuality))
    await visit.portal.worker.send(m.Quality(180_000, 90_000, 3_100, 40, 35, 1, "tiles + H.264 4:4:4"))
    await expect(page.get_by_role("status").filter(has_text="Your network is slow")).to_be_visible()
    await page.keyboard.press("Control+Alt+Home")
    await page.get_by_role("button", name="Keys", exact=True).click()
    await page.get_by_role("button", name="Ctrl", exact=True).click()
    await page.get_by_role("button", name="Shift", exact=True).dblclick()
    await page.mouse.move(500, 690)
    return page


async def log_off(visit: Visit) -> Page:
    page = await visit.working()
    await page.keyboard.press("Control+Alt+Home")
    await page.get_by_role("button", name="Log off").click()
    await expect(page.get_by_role("dialog")).to_be_visible()
    return page


async def reconnecting(visit: Visit) -> Page:
    page = await visit.working()
    visit.portal.worker.refuse_with = [4503] * 10
    await visit.portal.worker.lose_connection()
    await expect(page.get_by_text("Reconnecting…")).to_be_visible()
    return page


async def taken_over(visit: Visit) -> Page:
    page = await visit.working()
    other = await visit.page()
    await other.goto(page.url)
    await visit.drawn(other)
    await expect(page.get_by_role("alert")).to_be_visible()
    await page.bring_to_front()
    return page


async def enrolment_password(visit: Visit) -> Page:
    visit.portal.enrolment_token = "enrol_x"
    page = await visit.page()
    await page.goto(f"{visit.portal.url}/#/enrol/enrol_x")
    await page.get_by_label("New password").fill("password")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("alert")).to_contain_text("easy to guess")
    return page


async def enrolment_codes(visit: Visit) -> Page:
    page = await enrolment_password(visit)
    await page.get_by_label("New password").fill(PASSWORD)
    await page.keyboard.press("Enter")
    await page.get_by_text("I cannot scan it").click()
    return page


async def enrolment_second_code(visit: Visit) -> Page:
    visit.portal.seconds_to_next_code = 60
    page = await enrolment_codes(visit)
    await page.get_by_label("Code that is shown now").fill(ENROLMENT_CODES[0])
    await page.keyboard.press("Enter")
    await page.get_by_label("Next code").fill(ENROLMENT_CODES[0])
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("alert")).to_contain_text("first code again")
    return page


async def enrolment_recovery_codes(visit: Visit) -> Page:
    page = await enrolment_second_code(visit)
    await page.get_by_label("Next code").fill(ENROLMENT_CODES[1])
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("button", name="I have stored them")).to_be_visible()
    return page


async def enrolment_refused(visit: Visit) -> Page:
    page = await visit.page()
    await page.goto(f"{visit.portal.url}/#/enrol")
    await expect(page.get_by_role("alert")).to_be_visible()
    return page


VIEWS: list[Callable[[Visit], Awaitable[Page]]] = [
    sign_in_refused,
    code,
    catalogue,
    unprivileged_trial,
    themed_sign_in,
    themed_catalogue,
    launch,
    queue,
    failure,
    factor,
    toolbar,
    quality_and_keys,
    log_off,
    reconnecting,
    taken_over,
    enrolment_password,
    enrolment_codes,
    enrolment_second_code,
    enrolment_recovery_codes,
    enrolment_refused,
]


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.__name__)
async def test_axe_finds_nothing_in_the_light_nor_in_the_dark_on_a_phone(
    chromium: Browser, portal: FakePortal, axe: Path, view: Callable[[Visit], Awaitable[Page]]
) -> None:
    visit = await open_visit(chromium, portal, color_scheme="light")
    await visit.context.add_init_script(path=axe)
    page = await view(visit)
    await look(page, f"portal-{view.__name__}")
    await look_in_the_dark_on_a_phone(page, f"portal-{view.__name__}-phone")
    await visit.context.close()


async def test_a_touch_screen_has_a_tab_that_brings_the_toolbar(
    chromium: Browser, portal: FakePortal, axe: Path
) -> None:
    size = {"width": 360, "height": 740}
    visit = await open_visit(chromium, portal, viewport=size, has_touch=True, is_mobile=True)
    await visit.context.add_init_script(path=axe)
    page = await visit.working()
    tab = page.get_by_role("button", name="Show the toolbar")
    await page.screenshot(path=OUTPUT / "portal-tab-phone.png")
    await tab.tap()
    await expect(page.get_by_role("toolbar")).to_be_visible()
    assert portal.worker.of(m.Pointer) == []
    await page.get_by_role("button", name="Keyboard", exact=True).tap()
    await page.get_by_role("button", name="Fn: more keys").tap()
    await look(page, "portal-phone-keys")
    await nothing_is_beyond_the_edge(page)
    await tab.tap()
    await page.get_by_role("button", name="Disconnect").tap()
    await expect(page.get_by_role("button", name="Return to Text editor")).to_be_visible()
    await visit.context.close()


async def test_a_screen_with_a_mouse_shows_no_tab(portal: FakePortal, visit: Visit) -> None:
    page = await visit.working()
    await expect(page.get_by_role("button", name="Show the toolbar")).to_have_count(0)
