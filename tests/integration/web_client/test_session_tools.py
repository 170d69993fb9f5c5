"""The quality display, the menu of keys and full screen, used by mouse and by keyboard in real Chromium."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import Browser, Page, expect

from portcullis.protocol import messages as m
from tests.integration.web_client.conftest import Visit, open_visit
from tests.support.fake_portal import FakePortal
from tests.support.fake_stream import FakeWorker

pytestmark = pytest.mark.asyncio(loop_scope="session")

GOOD = m.Quality(23_400, 0, 3_100, 100, 35, 0, "tiles + H.264 4:4:4")
NARROW = m.Quality(23_400, 90_000, 3_100, 40, 35, 1, "tiles")


async def with_quality(portal: FakePortal, visit: Visit) -> tuple[Page, FakeWorker]:
    page = await visit.working()
    await portal.worker.send(m.Features(m.FEATURE_QUALITY))
    return page, portal.worker


async def type_and_see(page: Page, worker: FakeWorker, text: str = "x") -> None:
    await page.keyboard.press(text)
    await worker.until(lambda: worker.typed()[-1:] == [text])
    await worker.send_frame()


def strokes(worker: FakeWorker) -> list[str]:
    return [f"{'+' if each.down else '-'}{each.text}" for each in worker.inputs if isinstance(each, m.Key)]


# --- quality


async def test_the_figures_are_live_while_they_are_shown_and_the_work_goes_on(
    portal: FakePortal, visit: Visit
) -> None:
    page, worker = await with_quality(portal, visit)
    panel = page.get_by_role("region", name="Quality of the session")
    await page.keyboard.press("Control+Alt+Shift+Home")
    await expect(panel).to_be_visible()
    await worker.until(lambda: worker.of(m.WatchQuality) == [m.WatchQuality(True)])
    await type_and_see(page, worker)
    await worker.send(GOOD)
    await expect(panel).to_contain_text("tiles + H.264 4:4:4")
    for text in ("23 ms", "100 %", "load 35 %, encoding 3.1 ms", "1000 × 700", "at worst"):
        await expect(panel).to_contain_text(text)
    await expect(panel.get_by_role("img")).to_have_accessible_name(re.compile("^Input to picture"))
    await worker.send(NARROW)
    await expect(panel.get_by_role("status")).to_contain_text("Your network is slow")
    await page.keyboard.press("Control+Alt+Shift+Home")
    await expect(panel).to_have_count(0)
    await worker.until(lambda: worker.of(m.WatchQuality)[-1] == m.WatchQuality(False))
    await expect(page.locator("textarea")).to_be_focused()
    assert "Home" not in worker.typed()
    assert visit.complaints == []


async def test_a_worker_that_tells_nothing_is_asked_nothing(portal: FakePortal, visit: Visit) -> None:
    page = await visit.working()
    await page.keyboard.press("Control+Alt+Home")
    button = page.get_by_role("button", name="Quality")
    await button.click()
    await expect(button).to_have_attribute("aria-pressed", "true")
    panel = page.get_by_role("region", name="Quality of the session")
    await page.keyboard.press("Escape")
    await type_and_see(page, portal.worker)
    await expect(panel).to_contain_text("at worst")
    await expect(panel.get_by_text("Encoder")).to_be_hidden()
    assert portal.worker.of(m.WatchQuality) == []


async def test_the_help_desk_gets_text_with_the_reference_of_the_launch(
    portal: FakePortal, visit: Visit
) -> None:
    page, worker = await with_quality(portal, visit)
    await page.keyboard.press("Control+Alt+Shift+Home")
    await worker.until(lambda: worker.of(m.WatchQuality))
    await worker.send(NARROW)
    panel = page.get_by_role("region", name="Quality of the session")
    await expect(panel).to_contain_text("40 %")
    await panel.get_by_role("button", name="Copy as text").click()
    await expect(panel.get_by_role("button", name="Copied")).to_be_visible()
    # The application keeps the keyboard.
    await expect(page.locator("textarea")).to_be_focused()
    text = await page.evaluate("navigator.clipboard.readText()")
    for part in ("Text editor", "Reference: 7f3a91c2", "Your network is slow", "Encoder: tiles", "Browser: "):
        assert part in text
    assert "demo" not in text


async def test_the_figures_make_room_and_close_by_keyboard(portal: FakePortal, visit: Visit) -> None:
    page = await visit.working()
    await page.keyboard.press("Control+Alt+Shift+Home")
    panel = page.get_by_role("region", name="Quality of the session")
    right = await panel.bounding_box()
    await panel.get_by_role("button", name="Move").click()
    left = await panel.bounding_box()
    assert right is not None and left is not None
    assert left["x"] + left["width"] <= right["x"]
    await page.keyboard.press("Control+Alt+Home")
    await page.get_by_role("button", name="Log off").focus()
    await page.keyboard.press("Tab")
    await expect(panel.get_by_role("button", name="Copy as text")).to_be_focused()
    await page.keyboard.press("Tab")
    await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")
    await expect(panel).to_have_count(0)
    await expect(page.locator("textarea")).to_be_focused()


# --- keys


async def open_keys(page: Page) -> None:
    await page.keyboard.press("Control+Alt+Home")
    await page.get_by_role("button", name="Keys", exact=True).click()
    await expect(page.get_by_role("group", name="Chords")).to_be_visible()


async def test_a_chord_of_the_menu_arrives_as_a_keyboard_sends_it(portal: FakePortal, visit: Visit) -> None:
    page = await visit.working()
    await open_keys(page)
    worker = portal.worker
    worker.inputs.clear()
    await page.get_by_role("button", name="Ctrl+Alt+Del").click()
    await page.get_by_role("button", name="F11").click()
    await page.get_by_role("button", name="Super", exact=True).last.click()
    expected = [
        "+Control",
        "+Alt",
        "+Delete",
        "-Delete",
        "-Alt",
        "-Control",
        "+F11",
        "-F11",
        "+Meta",
        "-Meta",
    ]
    await worker.until(lambda: strokes(worker) == expected)
    deleted = next(each for each in worker.inputs if isinstance(each, m.Key) and each.text == "Delete")
    assert deleted.modifiers == m.CONTROL | m.ALT


async def test_a_modifier_that_is_held_steps_through_windows_until_the_menu_closes(
    portal: FakePortal, visit: Visit
) -> None:
    page = await visit.working()
    await open_keys(page)
    worker = portal.worker
    worker.inputs.clear()
    alt = page.get_by_role("button", name="Alt", exact=True)
    await alt.click()
    await alt.click()
    await expect(alt).to_have_attribute("title", "Held. Press again to let it go.")
    tab = page.get_by_role("button", name="Tab", exact=True)
    await tab.click()
    await tab.click()
    # A press on the application may be meant for what is held: the menu stays.
    await page.mouse.click(500, 600)
    await worker.until(lambda: any(each.buttons == 1 for each in worker.of(m.Pointer)))
    assert all(each.modifiers == m.ALT for each in worker.of(m.Pointer) if each.y == 600)
    await page.get_by_role("button", name="Keys", exact=True).click()
    await worker.until(lambda: strokes(worker) == ["+Alt", "+Tab", "-Tab", "+Tab", "-Tab", "-Alt"])
    await expect(alt).to_be_hidden()


async def test_the_menu_of_keys_is_used_by_keyboard_alone(portal: FakePortal, visit: Visit) -> None:
    page = await visit.working()
    await page.keyboard.press("Control+Alt+Home")
    await page.keyboard.press("ArrowRight")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("button", name="Keys", exact=True)).to_have_attribute(
        "aria-expanded", "true"
    )
    await page.get_by_role("button", name="Log off").focus()
    await page.keyboard.press("ArrowRight")
    await expect(page.get_by_role("button", name="Ctrl", exact=True)).to_be_focused()
    await page.keyboard.press("Enter")
    await page.keyboard.press("Escape")
    await expect(page.locator("textarea")).to_be_focused()
    await page.keyboard.press("x")
    worker = portal.worker
    await worker.until(lambda: "x" in worker.typed())
    # What was held was let go with the menu.
    typed = next(each for each in worker.inputs if isinstance(each, m.Key) and each.text == "x")
    assert typed.modifiers == 0


async def test_nothing_stays_held_when_the_page_is_left(portal: FakePortal, visit: Visit) -> None:
    page = await visit.working()
    await open_keys(page)
    await page.get_by_role("button", name="Ctrl", exact=True).click()
    await page.mouse.click(500, 600)
    await page.evaluate("document.activeElement.blur()")
    await expect(page.get_by_role("button", name="Ctrl", exact=True)).to_have_attribute(
        "aria-pressed", "false"
    )
    await portal.worker.until(lambda: m.ReleaseAll in map(type, portal.worker.inputs))


# --- full screen


async def test_who_enters_full_screen_is_told_how_to_leave(visit: Visit) -> None:
    page = await visit.working()
    await page.keyboard.press("Control+Alt+Home")
    await page.keyboard.press("Enter")
    await expect(page.get_by_text("Hold Escape to leave full screen.")).to_be_visible()
    await expect(page.locator("textarea")).to_be_focused()
    # In passing: it takes no press from the application.
    events = "getComputedStyle(document.querySelector('.passing')).pointerEvents"
    assert await page.evaluate(events) == "none"


async def test_a_browser_that_lends_no_keys_says_so(chromium: Browser, portal: FakePortal) -> None:
    visit = await open_visit(chromium, portal)
    await visit.context.add_init_script("Object.defineProperty(navigator, 'keyboard', { value: undefined })")
    page = await visit.working()
    await open_keys(page)
    await expect(page.get_by_text("This browser keeps some keys for itself")).to_be_visible()
    await page.get_by_role("button", name="Full screen").click()
    await expect(page.get_by_text("Escape leaves full screen.")).to_be_visible()
    await visit.context.close()
