"""The canvases of the view in real Chromium: whatever is drawn in whatever order, they show together what was sent."""

from __future__ import annotations

import json
import random

import pytest
from playwright.async_api import Browser, Page

from tests.integration.web_client.conftest import open_visit, until_true
from tests.support.fake_portal import FakePortal

pytestmark = pytest.mark.asyncio(loop_scope="session")

WIDTH, HEIGHT = 640, 360

# What the canvases show, one over the other, and what it should be: a plain canvas that every picture is put on.
SCENE = """async ([width, height]) => {
    const { Screen } = await import("/core/display/screen.js");
    const element = document.createElement("div");
    element.style.cssText = `position: fixed; inset: 0; z-index: 9`;
    document.body.append(element);
    const screen = new Screen(element);
    screen.resize(width, height);
    const truth = new OffscreenCanvas(width, height).getContext("2d", { alpha: false });
    const shown = () => {
        const all = new OffscreenCanvas(width, height).getContext("2d", { alpha: false });
        const origin = screen.canvas.getBoundingClientRect();
        for (const canvas of element.querySelectorAll("canvas")) {
            const { left, top } = canvas.getBoundingClientRect();
            all.drawImage(canvas, (left - origin.left) * devicePixelRatio, (top - origin.top) * devicePixelRatio);
        }
        return all.getImageData(0, 0, width, height).data;
    };
    const same = (one, other) => {
        const [words, others] = [new Uint32Array(one.buffer), new Uint32Array(other.buffer)];
        return words.every((word, at) => word === others[at]);
    };
    globalThis.scene = {
        screen,
        canvases: () => element.querySelectorAll("canvas").length,
        draw({ x, y, width, height, seed }) {
            const pixels = new Uint32Array(width * height);
            for (let at = 0; at < pixels.length; at++)
                pixels[at] = 0xff000000 | ((seed * 2654435761 + at * 40503) & 0xffffff);
            const parts = [{ x, y, width, height, offset: 0 }];
            screen.draw({ message: "PICTURE", parts, pixels: pixels.buffer });
            truth.putImageData(new ImageData(new Uint8ClampedArray(pixels.buffer), width, height), x, y);
        },
        isTrue: () => same(shown(), truth.getImageData(0, 0, width, height).data),
        isSettled: () => same(screen.canvas.getContext("2d").getImageData(0, 0, width, height).data,
                              truth.getImageData(0, 0, width, height).data),
    };
}"""


async def scene(page: Page, portal: FakePortal) -> None:
    await page.goto(portal.url)
    await page.evaluate(SCENE, [WIDTH, HEIGHT])


def letter(rnd: random.Random, x: int, y: int) -> dict[str, int]:
    return {"x": x, "y": y, "width": 9, "height": 18, "seed": rnd.randrange(1 << 20)}


async def draw(page: Page, box: dict[str, int]) -> None:
    await page.evaluate("box => scene.draw(box)", box)


async def test_typing_is_drawn_on_a_small_canvas_which_the_large_one_catches_up_with(
    portal: FakePortal, visit
) -> None:
    page = await visit.context.new_page()
    await scene(page, portal)
    rnd = random.Random(1)
    for number in range(6):
        await draw(page, letter(rnd, 100 + number * 9, 200))
    assert await page.evaluate("scene.canvases()") == 2
    assert await page.evaluate("scene.isTrue()")
    await until_true(page, "() => scene.isSettled()")
    assert visit.complaints == []


@pytest.mark.parametrize("ratio", [1, 1.25])
@pytest.mark.parametrize("seed", range(2))
async def test_pictures_in_any_order_are_shown_exactly(
    chromium: Browser, portal: FakePortal, ratio: float, seed: int
) -> None:
    visit = await open_visit(chromium, portal, device_scale_factor=ratio)
    page = await visit.context.new_page()
    await scene(page, portal)
    rnd = random.Random(seed)
    at = (100, 100)
    for number in range(80):
        kind = rnd.random()
        if kind < 0.75:
            at = (
                (min(at[0] + 9, WIDTH - 9), at[1])
                if kind < 0.7
                else (rnd.randrange(WIDTH - 9), rnd.randrange(HEIGHT - 18))
            )
            box = letter(rnd, *at)
        else:
            width, height = rnd.randrange(1, WIDTH), rnd.randrange(1, HEIGHT)
            x, y = rnd.randrange(WIDTH - width + 1), rnd.randrange(HEIGHT - height + 1)
            box = {"x": x, "y": y, "width": width, "height": height, "seed": number}
        await draw(page, box)
        assert await page.evaluate("scene.isTrue()"), json.dumps({"step": number, **box})
    await visit.context.close()
