"""Fingers, a pen and a phone's keyboard in real Chromium: what arrives, and what happens to the picture."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

import pytest
import pytest_asyncio
from playwright.async_api import Browser, CDPSession, Page, ViewportSize, expect

from portcullis.protocol import messages as m
from portcullis.protocol.operations import Fill
from tests.integration.web_client.conftest import Visit, open_visit, until_true
from tests.support.fake_portal import FakePortal
from tests.support.fake_stream import FakeWorker
from tests.support.patience import patient

pytestmark = pytest.mark.asyncio(loop_scope="session")

VIEW = ViewportSize(width=390, height=700)
PHONE = {"viewport": VIEW, "has_touch": True, "is_mobile": True}
RATIO = 2
WHEEL_A_PIXEL = 2
"""Of the wheel's 120 a notch, for a pixel of a finger's way."""
AT_REST = {"x": 0, "y": 0, "width": 390, "height": 700}


@dataclass
class Phone:
    page: Page
    worker: FakeWorker
    visit: Visit
    cdp: CDPSession

    async def touch(self, kind: str, *points: tuple[float, float], at: float | None = None) -> None:
        """`at`: the time that the event bears, if not that of its arrival."""
        touches = [{"x": x, "y": y, "id": number} for number, (x, y) in enumerate(points)]
        when = {} if at is None else {"timestamp": at}
        await self.cdp.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": touches, **when})

    async def tap(self, x: float, y: float) -> None:
        await self.touch("touchStart", (x, y))
        await self.touch("touchEnd")

    async def pinch(self, *, apart: float, steps: int = 4) -> None:
        """Two fingers around (200, 300), from 100 pixels apart."""
        await self.touch("touchStart", (150, 300), (250, 300))
        for step in range(1, steps + 1):
            half = 50 + (apart - 100) / 2 * step / steps
            await self.touch("touchMove", (200 - half, 300), (200 + half, 300))
        await self.touch("touchEnd")

    async def until_buttons(self, *expected: tuple[int, int, int]) -> None:
        """Changes of the buttons, each where it happened in display pixels."""
        await self.worker.until(lambda: len(self.changes()) >= len(expected))
        assert self.changes() == list(expected)

    def changes(self) -> list[tuple[int, int, int]]:
        found, before = [], 0
        for each in self.worker.of(m.Pointer):
            if each.buttons != before:
                found.append((each.buttons, each.x, each.y))
            before = each.buttons
        return found

    async def picture(self) -> dict[str, float]:
        box = await self.page.locator("canvas").first.bounding_box()
        assert box is not None
        return {name: round(value, 1) for name, value in box.items()}

    async def until_picture(self, condition: Callable[[dict[str, float]], bool]) -> dict[str, float]:
        async with asyncio.timeout(patient(10)):
            while not condition(box := await self.picture()):
                await asyncio.sleep(0.02)
        return box

    async def until_mode(self, mode: str) -> None:
        """Whether a keyboard comes with the focus: `text`, or `none`."""
        await until_true(self.page, "(mode) => document.activeElement.inputMode === mode", mode)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def only_phone(chromium: Browser) -> AsyncIterator[Phone]:
    async with FakePortal() as portal:
        visit = await open_visit(chromium, portal, device_scale_factor=RATIO, **PHONE)
        page = await visit.working()
        await until_true(page, "document.querySelector('canvas').width === 780")
        yield Phone(page, portal.worker, visit, await page.context.new_cdp_session(page))
        await visit.context.close()


@pytest_asyncio.fixture(loop_scope="session")
async def phone(only_phone: Phone) -> AsyncIterator[Phone]:
    """As if it were just unlocked: nothing enlarged, no keyboard, nothing arrived yet."""
    yield only_phone
    assert only_phone.visit.complaints == []
    await only_phone.page.set_viewport_size(VIEW)
    if await only_phone.picture() != AT_REST or await only_phone.page.locator(".extra-keys").is_visible():
        await only_phone.page.reload()
        await only_phone.visit.drawn(only_phone.page)
    await until_true(only_phone.page, "document.querySelector('canvas').width === 780")
    only_phone.worker.received.clear()
    only_phone.worker.inputs.clear()


# --- one finger


async def test_a_tap_is_a_click_that_arrives_before_it_presses(phone: Phone) -> None:
    await phone.tap(100, 200)
    await phone.until_buttons((1, 200, 400), (0, 200, 400))
    first = phone.worker.of(m.Pointer)[0]
    assert (first.x, first.y, first.buttons) == (200, 400, 0)


async def test_a_tap_calls_no_keyboard(phone: Phone) -> None:
    await phone.tap(100, 200)
    await expect(phone.page.locator("textarea")).to_be_focused()
    await phone.until_mode("none")


async def test_two_taps_that_miss_each_other_by_a_finger_click_at_one_place(phone: Phone) -> None:
    await phone.tap(100, 200)
    await phone.tap(108, 205)
    await phone.until_buttons(*[(1, 200, 400), (0, 200, 400)] * 2)


async def test_a_long_press_is_the_right_button(phone: Phone) -> None:
    await phone.touch("touchStart", (100, 200))
    await phone.until_buttons((2, 200, 400), (0, 200, 400))
    await phone.touch("touchEnd")
    await phone.tap(300, 600)
    await phone.worker.until(lambda: len(phone.changes()) == 4)
    assert phone.changes()[2:] == [(1, 600, 1200), (0, 600, 1200)]


async def test_a_finger_drags_from_where_it_came_down(phone: Phone) -> None:
    await phone.touch("touchStart", (100, 200))
    for x in (104, 130, 180, 240):
        await phone.touch("touchMove", (x, 200))
    await phone.touch("touchEnd")
    await phone.worker.until(lambda: len(phone.changes()) == 2)
    assert phone.changes() == [(1, 200, 400), (0, 480, 400)]
    held = [each.x for each in phone.worker.of(m.Pointer) if each.buttons == 1]
    assert held == sorted(held)


async def test_a_finger_that_the_system_takes_away_lets_go(phone: Phone) -> None:
    await phone.touch("touchStart", (100, 200))
    await phone.touch("touchMove", (180, 200))
    await phone.touch("touchCancel")
    await phone.worker.until(lambda: len(phone.changes()) == 2)
    assert [buttons for buttons, _, _ in phone.changes()] == [1, 0]


# --- several


async def test_two_fingers_turn_the_wheel_so_that_the_content_follows_them(phone: Phone) -> None:
    await phone.touch("touchStart", (100, 400), (200, 400))
    for y in range(390, 190, -20):
        await phone.touch("touchMove", (100, y), (200, y))
    await phone.touch("touchEnd")
    await phone.worker.until(lambda: sum(each.dy for each in phone.worker.of(m.Wheel)) >= 300)
    wheels = phone.worker.of(m.Wheel)
    assert all(each.dy > 0 and each.dx == 0 and (each.x, each.y) == (300, 800) for each in wheels)
    assert phone.worker.of(m.Pointer) == []
    assert (await phone.picture()) == AT_REST


async def test_what_fingers_set_going_goes_on_until_one_touches_it(phone: Phone) -> None:
    # As fast as a finger is, however busy the machine: the speed is that of the times which the events bear.
    start = time.time()
    await phone.touch("touchStart", (100, 600), (200, 600), at=start)
    for number, y in enumerate(range(560, 200, -40), 1):
        await phone.touch("touchMove", (100, y), (200, y), at=start + 0.016 * number)
    await phone.touch("touchEnd", at=start + 0.16)
    by_fingers = (600 - 240) * WHEEL_A_PIXEL
    await phone.worker.until(lambda: sum(each.dy for each in phone.worker.of(m.Wheel)) > by_fingers + 120)
    await phone.tap(100, 200)
    await phone.until_buttons((1, 200, 400), (0, 200, 400))
    last = max(index for index, each in enumerate(phone.worker.inputs) if isinstance(each, m.Wheel))
    press = next(
        index
        for index, each in enumerate(phone.worker.inputs)
        if isinstance(each, m.Pointer) and each.buttons == 1
    )
    assert last < press


async def test_a_pinch_enlarges_the_picture_here_and_a_tap_still_meets_its_pixel(phone: Phone) -> None:
    await phone.pinch(apart=200)
    picture = await phone.until_picture(lambda box: 1.5 * 390 < box["width"] < 2.2 * 390)
    scale = picture["width"] / 390
    # What was between the fingers stays there.
    assert abs(picture["x"] + 200 * scale - 200) < 3
    assert abs(picture["y"] + 300 * scale - 300) < 3
    assert phone.worker.inputs == []
    await phone.tap(200, 300)
    await phone.worker.until(lambda: len(phone.changes()) == 2)
    _, x, y = phone.changes()[0]
    assert abs(x - 400) <= 3
    assert abs(y - 600) <= 3
    assert await phone.page.evaluate("visualViewport.scale") == 1


async def test_each_pixel_of_an_enlarged_picture_stays_sharp(phone: Phone) -> None:
    canvas = "document.querySelector('canvas').style.imageRendering"
    await phone.pinch(apart=130)
    await until_true(
        phone.page, f"{canvas} === '' && parseFloat(document.querySelector('canvas').style.width) > 400"
    )
    await phone.pinch(apart=300)
    await until_true(phone.page, f"{canvas} !== ''")
    assert await phone.page.evaluate(canvas) == "pixelated"


async def test_an_enlarged_picture_is_moved_by_two_fingers_and_never_leaves_its_view(phone: Phone) -> None:
    await phone.pinch(apart=300)
    for dx, dy in ((600, 900), (-900, -1500)):
        await phone.touch("touchStart", (150, 300), (250, 300))
        for step in range(1, 6):
            x, y = dx * step / 5, dy * step / 5
            await phone.touch("touchMove", (150 + x, 300 + y), (250 + x, 300 + y))
        await phone.touch("touchEnd")
        box = await phone.picture()
        assert box["x"] <= 0 and box["y"] <= 0
        assert box["x"] + box["width"] >= 389.5 and box["y"] + box["height"] >= 699.5
    assert phone.worker.inputs == []


async def test_the_toolbar_says_how_far_the_picture_is_enlarged_and_puts_it_back(phone: Phone) -> None:
    await phone.pinch(apart=300)
    await phone.page.get_by_role("button", name="Show the toolbar").tap()
    await phone.page.get_by_role("button", name="reset").tap()
    await until_true(phone.page, "document.querySelector('canvas').getBoundingClientRect().width === 390")
    await expect(phone.page.get_by_role("button", name="reset")).to_have_count(0)


async def test_pinching_back_leaves_the_picture_exactly_as_it_was(phone: Phone) -> None:
    await phone.pinch(apart=200)
    await phone.touch("touchStart", (100, 300), (300, 300))
    for half in (90, 70, 50, 40):
        await phone.touch("touchMove", (200 - half, 300), (200 + half, 300))
    await phone.touch("touchEnd")
    assert await phone.until_picture(lambda box: box["width"] <= AT_REST["width"]) == AT_REST


async def test_the_browser_does_nothing_of_its_own_with_fingers(phone: Phone) -> None:
    await phone.touch("touchStart", (200, 100))
    for y in (200, 400, 600):
        await phone.touch("touchMove", (200, y))
    await phone.touch("touchEnd")
    await phone.worker.until(lambda: len(phone.changes()) == 2)
    styles = await phone.page.evaluate(
        """() => [getComputedStyle(document.documentElement).overscrollBehaviorY,
            getComputedStyle(document.querySelector('.display')).touchAction, scrollY]"""
    )
    assert styles == ["none", "none", 0]


# --- a pen


async def test_a_pen_hovers_presses_and_has_its_buttons(phone: Phone) -> None:
    async def pen(kind: str, x: int, buttons: int, button: str = "none") -> None:
        await phone.cdp.send(
            "Input.dispatchMouseEvent",
            {
                "type": kind,
                "x": x,
                "y": 200,
                "buttons": buttons,
                "button": button,
                "pointerType": "pen",
                "clickCount": int(kind != "mouseMoved"),
            },
        )

    await pen("mouseMoved", 100, 0)
    await pen("mousePressed", 100, 1, "left")
    await pen("mouseMoved", 140, 1)
    await pen("mouseReleased", 140, 0, "left")
    await pen("mousePressed", 140, 2, "right")
    await pen("mouseReleased", 140, 0, "right")
    await phone.until_buttons((1, 200, 400), (0, 280, 400), (2, 280, 400), (0, 280, 400))
    first = phone.worker.of(m.Pointer)[0]
    assert (first.x, first.buttons) == (200, 0)


# --- the system's keyboard


async def call_keyboard(phone: Phone) -> None:
    await phone.page.get_by_role("button", name="Show the toolbar").tap()
    await phone.page.get_by_role("button", name="Keyboard", exact=True).tap()
    await expect(phone.page.locator("textarea")).to_be_focused()


async def cover(phone: Phone, height: int) -> None:
    """As the system's keyboard does, which no emulation has: less of the page is seen."""
    await phone.page.evaluate(
        """(height) => {
            Object.defineProperty(visualViewport, 'height', { value: height, configurable: true });
            visualViewport.dispatchEvent(new Event('resize'));
        }""",
        height,
    )


async def test_the_toolbar_calls_the_keyboard_and_three_fingers_do(phone: Phone) -> None:
    await call_keyboard(phone)
    await phone.until_mode("text")
    await phone.page.get_by_role("button", name="Hide the keyboard").tap()
    await phone.until_mode("none")
    await phone.touch("touchStart", (100, 300), (200, 300), (300, 300))
    await phone.touch("touchEnd")
    await phone.until_mode("text")
    assert phone.worker.of(m.Pointer) == []


async def test_the_keys_that_a_phone_has_not_lie_above_its_keyboard(phone: Phone) -> None:
    await call_keyboard(phone)
    await cover(phone, 400)
    keys = phone.page.get_by_role("button", name="Esc")
    box = await keys.bounding_box()
    assert box is not None
    assert box["y"] + box["height"] <= 400
    await keys.tap()
    await phone.page.get_by_role("button", name="Up", exact=True).tap()
    await phone.page.get_by_role("button", name="Fn: more keys").tap()
    await phone.page.get_by_role("button", name="F5", exact=True).tap()
    await phone.worker.until(lambda: phone.worker.typed() == ["Escape", "ArrowUp", "F5"])
    await expect(phone.page.locator("textarea")).to_be_focused()


async def test_a_held_modifier_makes_a_key_of_what_the_keyboard_writes(phone: Phone) -> None:
    await call_keyboard(phone)
    control = phone.page.get_by_role("button", name="Ctrl", exact=True)
    await control.tap()
    await expect(control).to_have_attribute("aria-pressed", "true")
    await phone.cdp.send("Input.insertText", {"text": "s"})
    await phone.worker.until(lambda: phone.worker.typed() == ["Control", "s"])
    save = next(each for each in phone.worker.inputs if isinstance(each, m.Key) and each.text == "s")
    assert (save.code, save.modifiers) == ("KeyS", m.CONTROL)
    await expect(control).to_have_attribute("aria-pressed", "false")
    await phone.cdp.send("Input.insertText", {"text": "swiped"})
    await phone.worker.until(
        lambda: any(
            isinstance(each, m.CommittedText) and each.text == "swiped" for each in phone.worker.inputs
        )
    )


async def test_a_resting_finger_repeats_an_arrow(phone: Phone) -> None:
    await call_keyboard(phone)
    box = await phone.page.get_by_role("button", name="Left", exact=True).bounding_box()
    assert box is not None
    await phone.touch("touchStart", (box["x"] + 10, box["y"] + 10))
    await phone.worker.until(lambda: phone.worker.typed().count("ArrowLeft") >= 4)
    await phone.touch("touchEnd")
    await phone.page.get_by_role("button", name="Tab", exact=True).tap()
    await phone.worker.until(lambda: "Tab" in phone.worker.typed())
    typed = phone.worker.typed()
    assert typed.index("Tab") == len(typed) - 1


async def test_the_keyboard_moves_the_picture_to_the_caret_and_resizes_nothing(phone: Phone) -> None:
    await phone.tap(100, 650)
    await call_keyboard(phone)
    resizes = len(phone.worker.of(m.Resize))
    await cover(phone, 400)
    row = await phone.page.locator(".extra-keys").bounding_box()
    assert row is not None
    box = await phone.until_picture(lambda box: 0 < 650 + box["y"] < row["y"])
    assert (box["width"], box["height"]) == (390, 700)
    # Typed text moves the caret up: the picture follows.
    await phone.cdp.send("Input.insertText", {"text": "x"})
    await phone.worker.until(lambda: any(isinstance(each, m.CommittedText) for each in phone.worker.inputs))
    phone.worker._sequence += 1
    echo = (Fill(200, 60, 20, 30, 1, 2, 3),)
    await phone.worker.send(m.Frame(phone.worker._sequence, phone.worker.last_input, 0, echo))
    await until_true(phone.page, "document.querySelector('canvas').getBoundingClientRect().top > -40")
    await cover(phone, 700)
    await expect(phone.page.locator(".extra-keys")).to_be_hidden()
    await phone.until_picture(lambda box: box == AT_REST)
    await phone.until_mode("none")
    assert len(phone.worker.of(m.Resize)) == resizes


async def test_turning_the_phone_keeps_the_whole_view_in_use(phone: Phone) -> None:
    await phone.pinch(apart=300)
    await phone.page.set_viewport_size({"width": 700, "height": 390})
    await until_true(phone.page, "document.querySelector('canvas').width === 1400")
    box = await phone.until_picture(lambda box: box["x"] + box["width"] >= 699)
    assert box["x"] <= 0


async def test_a_mouse_beside_a_touch_screen_works_as_ever(phone: Phone) -> None:
    await phone.page.mouse.move(50, 60)
    await phone.page.mouse.down()
    await phone.page.mouse.up()
    await phone.until_buttons((1, 100, 120), (0, 100, 120))
