"""Every screen that a person may sit at: phones, tablets, dense and zoomed monitors, tabs that were away for long."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from playwright.async_api import Browser, Page, expect

from tests.e2e.conftest import EDITOR, OUTPUT, Complaints, Installation, Visitor
from tests.e2e.portal import Person, launch, picture, sign_in, until_exact, view
from tests.support.pages import be_patient
from tests.support.patience import patient, until

pytestmark = pytest.mark.asyncio(loop_scope="session")

PHONE = {
    "viewport": {"width": 390, "height": 844},
    "device_scale_factor": 3,
    "has_touch": True,
    "is_mobile": True,
}
SCREENS = {
    "phone-upright": (PHONE, 2.5),
    "zoomed-out": ({"viewport": {"width": 1280, "height": 720}, "device_scale_factor": 0.5}, 0.5),
    "dense": ({"viewport": {"width": 480, "height": 300}, "device_scale_factor": 4}, 4),
}


@pytest.mark.parametrize("name", SCREENS)
async def test_the_display_fills_the_view_and_stays_exact(
    chromium: Browser, installation: Installation, person: Person, name: str
) -> None:
    screen, ratio = SCREENS[name]
    context = await chromium.new_context(**screen)
    be_patient(context)
    complaints = Complaints()
    page = await context.new_page()
    complaints.watch(page)
    await sign_in(page, installation.url, person)
    session_id = await launch(page, EDITOR)
    await page.keyboard.type("readable", delay=10)
    shown = await until_exact(page, session_id)
    await page.screenshot(path=OUTPUT / f"screen-{name}.png")
    width, height = screen["viewport"]["width"], screen["viewport"]["height"]
    assert shown.shape == (round(height * ratio), round(width * ratio), 3)
    assert await view(page).bounding_box() == {"x": 0, "y": 0, "width": width, "height": height}
    assert complaints == []
    await context.close()


async def test_no_control_of_a_session_leaves_a_narrow_phone(
    chromium: Browser, installation: Installation, person: Person
) -> None:
    context = await chromium.new_context(**{**PHONE, "viewport": {"width": 320, "height": 480}})
    be_patient(context)
    page = await context.new_page()
    await sign_in(page, installation.url, person)
    await launch(page, EDITOR)
    await page.get_by_role("button", name="Show the toolbar").tap()
    for name in ("Full screen", "Disconnect", "Log off"):
        box = await page.get_by_role("button", name=name).bounding_box()
        assert box is not None
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 320
    await context.close()


async def set_visible(page: Page, visible: bool) -> None:
    """Headless Chromium hides no page: it is told so, as a browser tells it."""
    await page.evaluate(
        """(state) => {
            Object.defineProperty(document, 'visibilityState', { value: state, configurable: true });
            document.dispatchEvent(new Event('visibilitychange'));
        }""",
        "visible" if visible else "hidden",
    )


async def test_a_tab_hidden_for_an_hour_comes_back_exact_and_takes_the_next_key(
    installation: Installation, visitor: Visitor, person: Person
) -> None:
    page = await visitor.page()
    await page.clock.install()
    await sign_in(page, installation.url, person)
    session_id = await launch(page, EDITOR)
    await page.keyboard.type("before", delay=10)
    await until_exact(page, session_id)
    await set_visible(page, False)
    await page.clock.fast_forward("01:00:00")
    await set_visible(page, True)
    before = await until_exact(page, session_id)
    await page.keyboard.type(" and after", delay=10)

    async def has_typed() -> bool:
        return bool(np.any(await picture(page) != before))

    await until(has_typed)
    await until_exact(page, session_id)
    assert [text for text in visitor.complaints if "page error" in text] == []


async def test_a_frozen_tab_is_drawn_anew_when_it_thaws(
    installation: Installation, visitor: Visitor, person: Person, tmp_path: Path
) -> None:
    ticking = tmp_path / "ticking.yaml"
    script = "while :; do date +%s.%N; sleep 0.05; done"
    command = json.dumps(["xterm", "-geometry", "100x30", "-e", "sh", "-c", script])
    ticking.write_text(
        f"kind: application\nname: Ticking\ncommand: {command}\nentitled: {{groups: [staff]}}\n"
    )
    installation.cli("apply", "-f", str(ticking))
    page = await visitor.page()
    await sign_in(page, installation.url, person)
    await page.get_by_role("button", name="Ticking", exact=True).click()
    await expect(view(page)).to_be_visible(timeout=1000 * patient(60))
    devtools = await page.context.new_cdp_session(page)
    await devtools.send("Page.setWebLifecycleState", {"state": "frozen"})
    other = await visitor.page()
    await other.goto(installation.url)  # time passes in another tab
    await expect(other.get_by_label("Search applications")).to_be_visible()
    await devtools.send("Page.setWebLifecycleState", {"state": "active"})
    before = await picture(page)

    async def ticks() -> bool:
        return bool(np.any(await picture(page) != before))

    await until(ticks)
    assert visitor.complaints == []
