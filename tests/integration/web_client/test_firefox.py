"""The session in Debian's Firefox: pixels, input, videos; and without WebCodecs, as older ones and insecure pages."""

from __future__ import annotations

import io
import random
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest
import pytest_asyncio
from PIL import Image

from portcullis.protocol import messages as m
from portcullis.protocol import operations as o
from tests.integration.web_client.test_display import (
    bgra,
    config_operation,
    encoder,
    end_operation,
    photograph,
    random_operation,
    video_operation,
)
from tests.support.fake_portal import CODE, PASSWORD, FakePortal
from tests.support.firefox import Firefox, FirefoxPage, firefox
from tests.support.viewer import Viewer, psnr

pytestmark = pytest.mark.asyncio(loop_scope="session")

WIDTH, HEIGHT = 1000, 700


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def browser(_decoder: None, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Firefox]:
    async with firefox(tmp_path_factory.mktemp("firefox")) as browser:
        yield browser


async def working(browser: Firefox, portal: FakePortal) -> FirefoxPage:
    page = await browser.page(WIDTH, HEIGHT)
    await page.goto(portal.url)
    await page.fill("input[autocomplete=username]", "demo")
    await page.fill("input[type=password]", PASSWORD)
    await page.press("Enter")
    await page.fill("input[autocomplete=one-time-code]", CODE)
    await page.press("Enter")
    await page.click(".tile")
    await page.until("() => document.querySelector('canvas')?.width === 1000")
    await portal.worker.until(lambda: portal.worker.picture.shape[1] == WIDTH)
    await portal.worker.until_drawn()
    return page


async def seen(page: FirefoxPage) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(await page.screenshot())).convert("RGB"))


async def test_firefox_shows_what_is_sent_and_sends_what_is_typed(
    browser: Firefox, portal: FakePortal
) -> None:
    page = await working(browser, portal)
    worker = portal.worker
    viewer = Viewer(WIDTH, HEIGHT)
    viewer.picture, viewer.sequence = worker.picture.copy(), worker._sequence
    rnd, slots = random.Random(5), dict[int, tuple[int, int]]()
    for _ in range(6):
        viewer.take(await worker.draw(*(random_operation(rnd, slots) for _ in range(5))))
    for number in range(5):
        viewer.take(await worker.draw(o.fill_operation(300 + 9 * number, 300, 9, 18, rnd.randbytes(3))))
    await worker.until_drawn()
    assert viewer.differing(await seen(page)) == 0
    await page.press("a", "B", "Control+s")
    await page.click((333, 222))
    await worker.until(lambda: any(each.buttons == 1 for each in worker.of(m.Pointer)))
    assert worker.typed() == ["a", "B", "Control", "s"]
    press = next(each for each in worker.of(m.Pointer) if each.buttons == 1)
    assert (press.x, press.y) == (333, 222)
    assert page.complaints == []
    await page.close()


async def test_firefox_shows_the_videos_that_it_decodes(browser: Firefox, portal: FakePortal) -> None:
    page = await working(browser, portal)
    worker = portal.worker
    wanted = o.VIDEO_H264 | o.VIDEO_VP8 | o.VIDEO_VP9
    await worker.until(lambda: any(each.video & wanted == wanted for each in worker.of(m.Capabilities)))
    offered = worker.of(m.Capabilities)[-1].video
    viewer = Viewer(WIDTH, HEIGHT)
    viewer.picture, viewer.sequence = worker.picture.copy(), worker._sequence
    for stream, video in enumerate(each for each in (1, 2, 4, 8) if offered & each):
        source = encoder(321, 243, video)
        x, y = 11, 7
        viewer.take(await worker.draw(config_operation(stream, source, (x, y, 321, 243))))
        for number in range(4):
            pixels = photograph(321, 243, stream + number / 3)
            unit = source.encode(bgra(pixels), key=number == 0, quality=1.0)
            viewer.take(await worker.draw(video_operation(stream, unit, key=number == 0)))
        await worker.until_drawn()
        shown = await seen(page)
        assert psnr(shown, viewer.picture) > 40, source.name
        viewer.take(await worker.draw(o.move_operation(500, 300, 321, 243, x, y), end_operation(stream)))
        await worker.until_drawn()
        moved = await seen(page)
        assert (moved[300 : 300 + 243, 500 : 500 + 321] == shown[y : y + 243, x : x + 321]).all()
    assert (moved[600:] == worker.picture[600:]).all()
    assert page.complaints == []
    await page.close()


async def test_without_webcodecs_tiles_are_drawn_and_no_video_is_offered(
    _decoder: None, portal: FakePortal, tmp_path: Path
) -> None:
    async with firefox(tmp_path, preferences={"dom.media.webcodecs.enabled": False}) as browser:
        page = await working(browser, portal)
        worker = portal.worker
        assert await page.evaluate("() => typeof VideoDecoder") == "undefined"
        assert [each.video for each in worker.of(m.Capabilities)] == [0]
        assert (await seen(page) == worker.picture).all()
        assert page.complaints == []


async def test_firefox_has_the_figures_and_the_keys_that_it_keeps_for_itself(
    browser: Firefox, portal: FakePortal
) -> None:
    page = await working(browser, portal)
    worker = portal.worker
    await worker.send(m.Features(m.FEATURE_QUALITY))
    await page.press("Control+Alt+Shift+Home")
    await worker.until(lambda: worker.of(m.WatchQuality) == [m.WatchQuality(True)])
    await worker.send(m.Quality(180_000, 90_000, 3_100, 40, 35, 1, "tiles"))
    await page.until("() => document.querySelector('.quality').textContent.includes('Your network is slow')")
    await page.press("Control+Alt+Home")
    await page.until("() => document.querySelector('.toolbar').getBoundingClientRect().top === 0")
    await page.click(".toolbar [aria-controls=toolbar-keys]")
    await page.until(
        "() => document.querySelector('.keys .hint')?.textContent.startsWith('This browser keeps')"
    )
    await page.click(".keys [aria-label=Chords] button")
    await worker.until(lambda: worker.typed()[-3:] == ["Control", "Alt", "Delete"])
    assert page.complaints == []
