"""A workstation's own screen in the browser: its person lets somebody in, sees that they are there, and ends it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import numpy as np
import pytest
import xcffib
import xcffib.xproto as xproto
from playwright.async_api import expect

from tests.e2e.conftest import Installation, Visitor
from tests.e2e.portal import Person, picture, sign_in, until, view
from tests.support.workstation import Workstation, workstation

pytestmark = pytest.mark.asyncio(loop_scope="session")

DESK = "Front desk"
ALLOW, END = (-88, -42), (-36, 17)


@pytest.fixture(scope="module")
def desk() -> Iterator[Workstation]:
    with workstation() as made:
        asyncio.run(made.begin())
        yield made


@pytest.fixture(scope="module", autouse=True)
def published(
    installation: Installation, desk: Workstation, tmp_path_factory: pytest.TempPathFactory
) -> None:
    document = tmp_path_factory.mktemp("apply") / "desk.yaml"
    document.write_text(
        f"kind: application\nname: {DESK}\ndesktop: {{display: ':{desk.display[1:]}'}}\n"
        "entitled: {groups: [staff]}\n"
    )
    installation.cli("apply", "-f", str(document))


def screen_of(desk: Workstation) -> np.ndarray:
    """RGB, shape (height, width, 3), without the pointer."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XAUTHORITY", str(desk.authority))
        x = xcffib.connect(desk.display)
    width, height = desk.size
    root, form = x.get_setup().roots[0].root, xproto.ImageFormat.ZPixmap
    data = x.core.GetImage(form, root, 0, 0, width, height, 0xFFFFFFFF).reply().data
    pixels = np.frombuffer(data.buf(), np.uint8).reshape(height, width, 4)
    x.disconnect()
    return pixels[..., 2::-1]


async def test_a_person_lets_somebody_in_and_ends_it(
    visitor: Visitor, installation: Installation, person: Person, desk: Workstation
) -> None:
    page = await visitor.page()
    await sign_in(page, installation.url, person)
    await page.get_by_role("button", name=DESK, exact=True).click()
    await expect(page.get_by_text("Whoever is at that screen is asked")).to_be_visible()
    await desk.answer(f"{person.username} asks for your screen", *ALLOW)
    await expect(view(page)).to_be_visible()
    await desk.window("can see and use this screen")  # names of more than 24 letters are cut

    async def is_the_same() -> bool:
        shown = await picture(page)
        return shown.shape[:2] == desk.size[::-1] and bool((shown[..., :3] == screen_of(desk)).all())

    await until(is_the_same)  # at rest every pixel is that of the person's screen
    box = await view(page).bounding_box()
    assert box is not None
    scale = box["width"] / desk.size[0]
    await page.mouse.click(box["x"] + 300 * scale, box["y"] + 400 * scale)
    await page.keyboard.type("hello from afar\n")
    await until(lambda: desk.typed)
    assert desk.typed == "hello from afar\n"
    await desk.click("this screen", *END)
    await expect(page.get_by_text("Whoever is at that desktop ended the connection.")).to_be_visible()
    assert not await desk.shows("this screen")
    said = installation.cli("audit", "--type", "desktop_asked,desktop_agreed,session_ended").stdout
    assert "desktop_asked" in said
    assert "desktop_agreed" in said
    assert "desktop_ended" in said
    assert not visitor.complaints
