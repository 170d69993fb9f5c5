"""The session library in real Chromium against a fake worker: pixels, input, clipboard, resume."""

from __future__ import annotations

import base64
import io

import numpy as np
import pytest
from PIL import Image
from playwright.async_api import Browser, Page, expect

from portcullis.protocol import messages as m
from portcullis.protocol import operations as o
from tests.integration.web_client.conftest import Visit, open_visit, until_true
from tests.support.fake_portal import FakePortal
from tests.support.fake_stream import FakeWorker

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def canvas_pixels(page: Page) -> np.ndarray:
    width, height, encoded = await page.evaluate(
        """() => {
            const canvas = document.querySelector('canvas');
            const data = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
            let text = '';
            for (let at = 0; at < data.length; at += 32768)
                text += String.fromCharCode(...data.subarray(at, at + 32768));
            return [canvas.width, canvas.height, btoa(text)];
        }"""
    )
    return np.frombuffer(base64.b64decode(encoded), np.uint8).reshape(height, width, 4)[:, :, :3]


async def until_size(page: Page, width: int, height: int) -> None:
    await until_true(
        page,
        "([w, h]) => { const c = document.querySelector('canvas'); return c.width === w && c.height === h; }",
        [width, height],
    )


async def until_acknowledged(worker: FakeWorker) -> None:
    await worker.until(lambda: any(each.sequence == worker._sequence for each in worker.of(m.Acknowledge)))


async def test_the_canvas_and_the_screen_show_every_pixel_as_it_was_sent(portal: FakePortal, visit) -> None:
    page = await visit.working()
    await until_size(page, 1000, 700)
    await until_acknowledged(portal.worker)
    assert np.array_equal(await canvas_pixels(page), portal.worker.picture)
    screen = np.asarray(Image.open(io.BytesIO(await page.screenshot())).convert("RGB"))
    assert np.array_equal(screen, portal.worker.picture)
    assert visit.complaints == []


@pytest.mark.parametrize("ratio", [1.25, 2])
async def test_a_display_pixel_is_a_device_pixel_at_any_ratio(
    chromium: Browser, portal: FakePortal, ratio: float
) -> None:
    visit = await open_visit(chromium, portal, device_scale_factor=ratio)
    page = await visit.working()
    width, height = round(1000 * ratio), round(700 * ratio)
    await until_size(page, width, height)
    await until_acknowledged(portal.worker)
    assert portal.worker.of(m.Resize)[-1] == m.Resize(width, height, round(ratio * 100))
    screen = np.asarray(Image.open(io.BytesIO(await page.screenshot())).convert("RGB"))
    assert np.array_equal(screen, portal.worker.picture)
    await page.mouse.move(333, 222)
    await portal.worker.until(
        lambda: any(
            (each.x, each.y) == (int(333 * ratio), int(222 * ratio)) for each in portal.worker.of(m.Pointer)
        )
    )
    await visit.context.close()


@pytest.mark.parametrize(("launched", "now"), [(2, 1), (1, 2), (1.5, 2)])
async def test_at_another_ratio_than_the_launchs_the_picture_is_scaled(
    chromium: Browser, portal: FakePortal, launched: float, now: float
) -> None:
    session = portal.add_session("Terminal")
    session.device_pixel_ratio = launched
    visit = await open_visit(chromium, portal, device_scale_factor=now)
    page = await visit.signed_in()
    await page.get_by_role("button", name="Return to Terminal").click()
    await visit.drawn(page)
    await until_size(page, int(1000 * launched), int(700 * launched))
    box = await page.locator("canvas").first.bounding_box()
    assert box == {"x": 0, "y": 0, "width": 1000, "height": 700}
    await page.mouse.move(500, 300)
    at = (int(500 * launched), int(300 * launched))
    await session.worker.until(lambda: at in [(each.x, each.y) for each in session.worker.of(m.Pointer)])
    await visit.context.close()


async def test_a_display_that_cannot_fill_the_view_stands_in_its_middle(portal: FakePortal, visit) -> None:
    session = portal.add_session("Terminal")
    session.worker.largest = (601, 400)
    page = await visit.signed_in()
    await page.get_by_role("button", name="Return to Terminal").click()
    await visit.drawn(page)
    await until_size(page, 601, 400)
    box = await page.locator("canvas").first.bounding_box()
    assert box == {"x": 199, "y": 150, "width": 601, "height": 400}
    await page.mouse.move(199 + 10, 150 + 20)
    at = (10, 20)
    await session.worker.until(lambda: at in [(each.x, each.y) for each in session.worker.of(m.Pointer)])


async def test_the_display_follows_the_window(portal: FakePortal, visit) -> None:
    page = await visit.working()
    await page.set_viewport_size({"width": 811, "height": 533})
    await until_size(page, 811, 533)
    await until_acknowledged(portal.worker)
    assert np.array_equal(await canvas_pixels(page), portal.worker.picture)
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")


async def test_a_picture_stays_while_the_display_changes_its_size(portal: FakePortal, visit) -> None:
    page = await visit.working()
    await until_acknowledged(portal.worker)
    before = portal.worker.picture
    await portal.worker.send(m.Resized(600, 900))
    await until_size(page, 600, 900)
    assert np.array_equal((await canvas_pixels(page))[:700], before[:, :600])


async def test_keys_arrive_with_code_text_and_modifiers(portal: FakePortal, visit) -> None:
    page = await visit.working()
    await page.keyboard.type("aB€")
    await page.keyboard.press("Control+s")
    await page.keyboard.press("ArrowLeft")
    worker = portal.worker
    await worker.until(lambda: "ArrowLeft" in worker.typed())
    # What a keyboard without a euro key types comes as text.
    assert worker.typed() == ["a", "B", "Control", "s", "ArrowLeft"]
    assert [each.text for each in worker.inputs if isinstance(each, m.CommittedText)] == ["€"]
    save = next(each for each in worker.inputs if isinstance(each, m.Key) and each.text == "s")
    assert (save.code, save.modifiers, save.down) == ("KeyS", m.CONTROL, True)
    assert [each.sequence for each in worker.inputs] == list(range(1, len(worker.inputs) + 1))


async def test_composed_text_arrives_as_text(portal: FakePortal, visit) -> None:
    page = await visit.working()
    session = await page.context.new_cdp_session(page)
    await session.send("Input.imeSetComposition", {"text": "かん", "selectionStart": 2, "selectionEnd": 2})
    await session.send("Input.insertText", {"text": "漢"})
    worker = portal.worker
    await worker.until(lambda: any(isinstance(each, m.CommittedText) for each in worker.inputs))
    assert [each.text for each in worker.inputs if isinstance(each, m.CommittedText)] == ["漢"]
    assert worker.typed() == []


async def test_every_button_arrives_in_order_and_the_wheel_in_notches(portal: FakePortal, visit) -> None:
    page = await visit.working()
    worker = portal.worker
    await page.mouse.move(100, 200)
    for button in ("left", "right", "middle"):
        await page.mouse.down(button=button)
        await page.mouse.up(button=button)
    await page.mouse.wheel(0, 300)
    await worker.until(lambda: worker.of(m.Wheel))
    changes = [each.buttons for each in worker.of(m.Pointer)]
    assert [now for now, before in zip(changes[1:], changes, strict=False) if now != before] == [
        1,
        0,
        2,
        0,
        4,
        0,
    ]
    (wheel,) = worker.of(m.Wheel)
    assert (wheel.x, wheel.y, wheel.dx, wheel.dy) == (100, 200, 0, 360)


async def test_a_drag_goes_on_beyond_the_edge(portal: FakePortal, visit) -> None:
    page = await visit.working()
    worker = portal.worker
    await page.mouse.move(500, 300)
    await page.mouse.down()
    await page.mouse.move(-50, 300)
    await page.mouse.up()
    await worker.until(
        lambda: (
            worker.of(m.Pointer) and worker.of(m.Pointer)[-1].buttons == 0 and len(worker.of(m.Pointer)) > 3
        )
    )
    held = [(each.x, each.y) for each in worker.of(m.Pointer) if each.buttons == 1]
    assert held[-1] == (0, 300)


async def test_leaving_releases_everything(portal: FakePortal, visit) -> None:
    page = await visit.working()
    await page.keyboard.down("Shift")
    await page.evaluate("document.activeElement.blur()")
    await portal.worker.until(lambda: portal.worker.of(m.ReleaseAll))
    assert isinstance(portal.worker.inputs[-1], m.ReleaseAll)


async def test_a_hidden_page_says_so_and_comes_back(portal: FakePortal, visit) -> None:
    page = await visit.working()
    for state in ("hidden", "visible"):
        await page.evaluate(
            """(state) => {
                Object.defineProperty(document, 'visibilityState', { value: state, configurable: true });
                document.dispatchEvent(new Event('visibilitychange'));
            }""",
            state,
        )
    await portal.worker.until(lambda: len(portal.worker.of(m.Visibility)) == 2)
    assert portal.worker.of(m.Visibility) == [m.Visibility(False), m.Visibility(True)]


# --- clipboard


async def test_what_was_copied_elsewhere_arrives_before_the_stroke_that_pastes_it(
    portal: FakePortal, visit
) -> None:
    page = await visit.working()
    worker = portal.worker
    for text in ("first: Grüße\nzweite Zeile", "second"):
        await page.evaluate("(text) => navigator.clipboard.writeText(text)", text)
        await page.keyboard.press("Control+v")
    await worker.until(lambda: worker.typed().count("v") == 2)
    order = [
        each.text
        for each in worker.received
        if isinstance(each, m.ClipboardText) or (isinstance(each, m.Key) and each.down and each.text == "v")
    ]
    assert order == ["first: Grüße\nzweite Zeile", "v", "second", "v"]


async def test_pasting_works_without_the_permission_to_read(chromium: Browser, portal: FakePortal) -> None:
    visit = await open_visit(chromium, portal)
    page = await visit.working()
    await page.evaluate("navigator.clipboard.writeText('by the paste event')")
    await visit.context.clear_permissions()
    await page.keyboard.press("Control+v")
    worker = portal.worker
    await worker.until(lambda: "v" in worker.typed())
    assert [each.text for each in worker.of(m.ClipboardText)] == ["by the paste event"]
    await visit.context.close()


STUB_CLIPBOARD = """() => {
    navigator.permissions.query = async () => ({ state: 'prompt' });
    globalThis.reads = 0;
    navigator.clipboard.readText = async () => { globalThis.reads++; return 'for the menu'; };
}"""


async def test_the_secondary_button_asks_once_whether_the_clipboard_may_be_read(
    portal: FakePortal, visit
) -> None:
    """Headless Chromium has nobody to ask, so the two calls are ours; what the page makes of them is not."""
    page = await visit.working()
    await page.evaluate(STUB_CLIPBOARD)
    await page.mouse.click(300, 300)
    await page.mouse.click(300, 300, button="right")
    await portal.worker.until(lambda: portal.worker.of(m.ClipboardText))
    await page.mouse.click(300, 300, button="right")
    await page.keyboard.press("x")
    await portal.worker.until(lambda: "x" in portal.worker.typed())
    assert [each.text for each in portal.worker.of(m.ClipboardText)] == ["for the menu"]
    assert await page.evaluate("reads") == 1


SLOW_CLIPBOARD = """() => {
    globalThis.written = [];
    navigator.clipboard.writeText = async (text) => { globalThis.written.push(text); };
    navigator.clipboard.readText = () => new Promise((resolve) => { globalThis.answer = resolve; });
}"""


async def test_a_look_at_the_clipboard_from_before_a_copy_does_not_undo_it(portal: FakePortal, visit) -> None:
    page = await visit.working()
    await page.evaluate(SLOW_CLIPBOARD)
    await page.mouse.click(300, 300)
    await until_true(page, "'answer' in globalThis")
    await portal.worker.send(m.ClipboardText(1, "copied in the application"))
    await until_true(page, "written.length === 1")
    await page.evaluate("answer('copied before')")
    await page.keyboard.press("x")
    await portal.worker.until(lambda: "x" in portal.worker.typed())
    assert portal.worker.of(m.ClipboardText) == []


async def test_the_same_text_is_sent_once(portal: FakePortal, visit) -> None:
    page = await visit.working()
    await page.evaluate("navigator.clipboard.writeText('once')")
    for _ in range(3):
        await page.keyboard.press("Control+v")
    await portal.worker.until(lambda: portal.worker.typed().count("v") == 3)
    assert len(portal.worker.of(m.ClipboardText)) == 1


async def test_what_the_application_copies_is_in_the_browsers_clipboard(portal: FakePortal, visit) -> None:
    page = await visit.working()
    await portal.worker.send(m.ClipboardText(1, "from the application"))
    await until_true(page, "async () => await navigator.clipboard.readText() === 'from the application'")
    await page.keyboard.press("Control+v")
    await portal.worker.until(lambda: "v" in portal.worker.typed())
    assert portal.worker.of(m.ClipboardText) == []


# --- display's other messages


async def test_what_an_administrator_says_is_shown_as_text_and_can_be_dismissed(
    portal: FakePortal, visit
) -> None:
    page = await visit.working()
    await portal.worker.send(m.Notice("Please save <b>now</b>: we restart at six."))
    notice = page.get_by_role("status").filter(has_text="Your administrator says")
    await expect(notice).to_contain_text("Please save <b>now</b>: we restart at six.")
    await notice.get_by_role("button", name="Dismiss").click()
    await expect(notice).to_have_count(0)


async def test_why_the_screen_cannot_be_seen_is_said_for_as_long_as_it_is_so(
    portal: FakePortal, visit
) -> None:
    page = await visit.working()
    said = page.get_by_role("status")
    await portal.worker.send(m.Covered("locked"))
    await expect(said).to_contain_text("The computer is locked.")
    await portal.worker.send(m.Covered("prompt"))
    await expect(said).to_contain_text("Windows asks for permission")
    await portal.worker.send(m.Covered("of a later release"))
    await expect(said).to_contain_text("cannot be shown now")
    await portal.worker.send(m.Covered(""))
    await expect(said).to_have_count(0)
    await portal.worker.send(m.Covered("off"))
    await expect(said).to_have_count(1)
    await portal.worker.lose_connection()
    await expect(said).to_have_count(0, timeout=15_000)
    assert visit.complaints == []


async def test_the_applications_cursor_and_title_are_shown(portal: FakePortal, visit) -> None:
    page = await visit.working()
    pixels = bytes([255, 0, 0, 255]) * (16 * 16)
    await portal.worker.send(m.CursorUse(5), m.Cursor(5, 3, 4, 16, 16, pixels), m.Title("notes.txt – Größe"))
    await expect(page).to_have_title("notes.txt – Größe")
    await until_true(page, "document.querySelector('canvas').style.cursor.startsWith('url(\"blob:')")
    assert "3 4, default" in await page.evaluate("document.querySelector('canvas').style.cursor")
    await portal.worker.send(m.CursorUse(0))
    await until_true(page, "document.querySelector('canvas').style.cursor === 'none'")
    assert visit.complaints == []


async def test_an_operation_of_the_future_is_skipped_and_a_refresh_asked_for(
    portal: FakePortal, visit
) -> None:
    page = await visit.working()
    worker = portal.worker
    await until_acknowledged(worker)
    worker._sequence += 1
    operations = (o.UnknownOperation(0x7F, b"later"), o.Fill(0, 0, 10, 10, 1, 2, 3))
    await worker.send(m.Frame(worker._sequence, 0, 0, operations))
    await worker.until(lambda: worker.of(m.Refresh))
    await until_acknowledged(worker)
    assert (await canvas_pixels(page))[:10, :10].reshape(-1, 3).tolist() == [[1, 2, 3]] * 100


@pytest.mark.parametrize(
    "operation",
    [o.Fill(990, 0, 20, 10, 1, 2, 3), o.TileZstd(0, 0, 10, 10, b"not zstd")],
    ids=["a box beyond the display", "a damaged tile"],
)
async def test_a_worker_that_breaks_the_protocol_is_left(portal: FakePortal, visit, operation) -> None:
    page = await visit.working()
    await until_size(page, 1000, 700)
    stream = portal.worker.stream
    await portal.worker.send(m.Frame(99, 0, 0, (operation,)))
    await expect(page.get_by_role("alert")).to_contain_text("protocol_error")
    await portal.worker.until(lambda: stream.closed)
    assert stream.close_code == 4400


# --- resume


async def test_typing_through_a_lost_connection_loses_and_repeats_nothing(
    portal: FakePortal, visit: Visit
) -> None:
    page = await visit.working()
    worker = portal.worker
    text = "".join(chr(97 + number % 26) for number in range(120))
    for at in range(0, len(text), 20):
        await page.keyboard.type(text[at : at + 20])
        if at in (40, 80):
            await worker.until(lambda: worker.stream is not None)
            await worker.lose_connection()
    await worker.until(lambda: len(worker.typed()) >= len(text))
    assert "".join(worker.typed()) == text
    assert worker.attaches == ["ticket", "grant", "grant"]
    assert worker.r == 2
    assert np.array_equal(await canvas_pixels(page), worker.picture)


async def test_a_longer_loss_is_said_and_mended(portal: FakePortal, visit: Visit) -> None:
    page = await visit.working()
    worker = portal.worker
    worker.refuse_with = [4503, 4503, 4503, 4503]
    await worker.lose_connection()
    await expect(page.get_by_text("Reconnecting…")).to_be_visible()
    await page.keyboard.type("kept")
    await worker.until(lambda: "".join(worker.typed()) == "kept", seconds=20)
    await expect(page.get_by_text("Reconnecting…")).to_be_hidden()
    await expect(page.locator("textarea")).to_be_focused()


async def test_what_was_typed_while_away_survives_a_refused_grant(portal: FakePortal, visit: Visit) -> None:
    page = await visit.working()
    worker = portal.worker
    worker.refuse_with = [4503, 4503, 4503, 4403]
    await worker.lose_connection()
    await expect(page.get_by_text("Reconnecting…")).to_be_visible()
    await page.keyboard.type("kept")
    await worker.until(lambda: worker.attaches[-2:] == ["grant", "ticket"] and worker.of(m.Resize)[1:])
    await page.keyboard.type(" on")
    await worker.until(lambda: "".join(worker.typed()) == "kept on")


async def test_a_session_that_ended_meanwhile_is_not_tried_for_ever(portal: FakePortal, visit: Visit) -> None:
    page = await visit.working()
    session = portal.only_session
    session.worker.refuse_with = [4503] * 10
    await session.worker.lose_connection()
    await expect(page.get_by_text("Reconnecting…")).to_be_visible()
    portal.gone.add(session.id)
    await expect(page.get_by_role("status").first).to_contain_text("has ended")
