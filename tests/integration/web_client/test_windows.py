"""One session in several browser windows, each a monitor, in real Chromium against a fake worker."""

from __future__ import annotations

import base64

import numpy as np
import pytest
from playwright.async_api import Page, expect

from portcullis.protocol import messages as m
from tests.integration.web_client.conftest import Visit
from tests.support.fake_portal import FakePortal
from tests.support.patience import until

pytestmark = pytest.mark.asyncio(loop_scope="session")

SHOWN = """() => {
    const canvas = document.querySelector('canvas');
    const box = canvas.parentElement.getBoundingClientRect();
    const width = Math.min(canvas.width, Math.round(box.width));
    const height = Math.min(canvas.height, Math.round(box.height));
    const left = -Math.round(parseFloat(canvas.style.left)), top = -Math.round(parseFloat(canvas.style.top));
    const copy = new OffscreenCanvas(width, height).getContext('2d', {willReadFrequently: true});
    copy.drawImage(canvas, left, top, width, height, 0, 0, width, height);
    const data = copy.getImageData(0, 0, width, height).data;
    let text = '';
    for (let at = 0; at < data.length; at += 32768) text += String.fromCharCode(...data.subarray(at, at + 32768));
    return [width, height, btoa(text)];
}"""


async def shown(page: Page) -> np.ndarray:
    """What the window shows of the display."""
    width, height, encoded = await page.evaluate(SHOWN)
    return np.frombuffer(base64.b64decode(encoded), np.uint8).reshape(height, width, 4)[:, :, :3]


async def further_window(page: Page, portal: FakePortal) -> Page:
    before = len(portal.worker.of(m.Monitors))
    await page.keyboard.press("Control+Alt+Home")
    async with page.expect_popup() as opening:
        await page.get_by_role("button", name="New window").click()
    further = await opening.value
    await portal.worker.until(lambda: len(portal.worker.of(m.Monitors)) > before)
    # A browser opens it in one size and may lay it out in another.
    size = tuple(await further.evaluate("[innerWidth, innerHeight]"))
    await portal.worker.until(lambda: size_of(portal.worker.of(m.Monitors)[-1].monitors[1]) == size)
    await until_acknowledged(portal)
    return further


def size_of(monitor: m.Monitor) -> tuple[int, int]:
    return monitor.width, monitor.height


async def until_acknowledged(portal: FakePortal) -> None:
    worker = portal.worker
    await worker.until(lambda: any(each.sequence == worker._sequence for each in worker.of(m.Acknowledge)))


async def opened(visit: Visit, portal: FakePortal) -> tuple[Page, Page, m.Monitors]:
    page = await visit.working()
    further = await further_window(page, portal)
    return page, further, portal.worker.of(m.Monitors)[-1]


async def until_exact(portal: FakePortal, *pages: Page) -> None:
    """Each window shows its part, as it was told last: a browser may still move and resize a window that it opened."""

    async def are() -> bool:
        monitors = portal.worker.of(m.Monitors)[-1].monitors
        return all(
            [
                np.array_equal(await shown(page), part(portal, monitor))
                for page, monitor in zip(pages, monitors, strict=True)
            ]
        )

    await until(are)


def part(portal: FakePortal, monitor: m.Monitor) -> np.ndarray:
    rows = slice(monitor.y, monitor.y + monitor.height)
    return portal.worker.picture[rows, monitor.x : monitor.x + monitor.width]


async def test_each_window_shows_its_part_of_the_display(portal: FakePortal, visit: Visit) -> None:
    page, further, told = await opened(visit, portal)
    own, other = told.monitors
    assert size_of(own) == (1000, 700)
    assert (own.x, other.x) in ((0, own.width), (other.width, 0))
    await until_exact(portal, page, further)
    portal.worker.picture = portal.worker.picture[::-1].copy()
    await portal.worker.send_frame()
    await until_exact(portal, page, further)
    assert visit.complaints == []


async def test_pointer_and_keyboard_of_a_further_window_reach_the_application(
    portal: FakePortal, visit: Visit
) -> None:
    page, further, _ = await opened(visit, portal)
    await until_exact(portal, page, further)
    other = portal.worker.of(m.Monitors)[-1].monitors[1]
    await further.mouse.click(30, 40)
    at = (other.x + 30, other.y + 40, 1)
    await portal.worker.until(
        lambda: at in [(each.x, each.y, each.buttons) for each in portal.worker.of(m.Pointer)]
    )
    await further.keyboard.type("there")
    await portal.worker.until(lambda: "there" in "".join(portal.worker.typed()))
    await page.bring_to_front()
    await page.mouse.click(30, 40)
    await page.keyboard.type("+here")
    await portal.worker.until(lambda: "".join(portal.worker.typed()).endswith("here+here"))
    assert visit.complaints == []


async def test_a_window_that_is_closed_leaves_one_monitor(portal: FakePortal, visit: Visit) -> None:
    page, further, _ = await opened(visit, portal)
    resizes = len(portal.worker.of(m.Resize))
    await further.close()
    await portal.worker.until(lambda: len(portal.worker.of(m.Resize)) > resizes)
    await until_acknowledged(portal)
    assert (portal.worker.of(m.Resize)[-1].width, portal.worker.of(m.Resize)[-1].height) == (1000, 700)
    assert np.array_equal(await shown(page), portal.worker.picture)


async def test_a_window_that_is_resized_resizes_its_monitor(portal: FakePortal, visit: Visit) -> None:
    page, further, _ = await opened(visit, portal)
    await further.set_viewport_size({"width": 640, "height": 480})
    await portal.worker.until(
        lambda: (
            (640, 480)
            in [(one.width, one.height) for told in portal.worker.of(m.Monitors) for one in told.monitors[1:]]
        )
    )
    await until_exact(portal, page, further)


async def test_leaving_the_session_closes_its_windows(portal: FakePortal, visit: Visit) -> None:
    page, further, _ = await opened(visit, portal)
    await page.bring_to_front()
    await page.mouse.click(300, 300)
    await page.keyboard.press("Control+Alt+Home")
    async with further.expect_event("close"):
        await page.get_by_role("button", name="Disconnect").click()
    assert further.is_closed()


async def test_the_windows_are_monitors_again_after_a_lost_connection(
    portal: FakePortal, visit: Visit
) -> None:
    page, further, _ = await opened(visit, portal)
    before = len(portal.worker.of(m.Monitors))
    await portal.worker.lose_connection()
    await portal.worker.until(lambda: len(portal.worker.of(m.Monitors)) > before)
    await until_exact(portal, page, further)


async def test_a_worker_that_takes_no_monitors_gets_none(portal: FakePortal, visit: Visit) -> None:
    session = portal.add_session("Terminal")
    session.worker.features = 0
    page = await visit.signed_in()
    await page.get_by_role("button", name="Return to Terminal").click()
    await visit.drawn(page)
    await page.keyboard.press("Control+Alt+Home")
    await expect(page.get_by_role("button", name="Disconnect")).to_be_visible()
    await expect(page.get_by_role("button", name="New window")).to_have_count(0)


async def test_a_finger_on_a_further_window_presses_there(portal: FakePortal, visit: Visit) -> None:
    _, further, monitors = await opened(visit, portal)
    left = monitors.monitors[1]
    cdp = await further.context.new_cdp_session(further)
    for kind, touches in (("touchStart", [{"x": 40, "y": 50}]), ("touchEnd", [])):
        await cdp.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": touches})
    worker = portal.worker
    await worker.until(lambda: any(each.buttons == 1 for each in worker.of(m.Pointer)))
    press = next(each for each in worker.of(m.Pointer) if each.buttons == 1)
    assert (press.x, press.y) == (left.x + 40, left.y + 50)
