"""Physical keys on a user's machine, a real browser, and the text of a real editor: docs/keyboards.md tells the truth.

A sample of the published matrix always: every key of some layouts on all levels. The whole of it, with every dead key
before letters, is marked `long`; `python -m tests.support.keyboard_matrix` measures and publishes the same.
"""

import pytest

from tests.support.keyboard_lab import keyboard_lab, main_block
from tests.support.keyboard_matrix import COLUMNS, LAYOUTS, Measured, published
from tests.support.xkb import Keyboard

TESTED = ("us(intl)", "de", "fr", "es", "ru", "gr")


def test_page_tells_of_every_layout_that_is_measured():
    assert set(published()) == set(LAYOUTS)
    assert len(LAYOUTS) >= 20


@pytest.mark.parametrize(("browser", "editor"), [("Chromium", "Qt"), ("Firefox", "GTK")])
async def test_text_of_each_layout_arrives(browser, editor, tmp_path):
    lost = {}
    async with keyboard_lab(tmp_path, browser) as lab:
        await lab.use(editor)
        for layout in TESTED:
            keyboard = Keyboard(layout)
            await lab.load(layout, LAYOUTS[layout])
            lost[layout] = await lab.wrong(editor, keyboard, main_block(keyboard))
    told = {layout: columns[browser, editor] for layout, columns in published().items()}
    untold = {layout: wrong for layout, wrong in lost.items() if set(wrong) - set(told[layout])}
    assert untold == {}


@pytest.mark.long
@pytest.mark.parametrize(("browser", "editor"), COLUMNS)
async def test_page_tells_all_that_does_not_arrive_of_any_layout(browser, editor):
    measured = Measured()
    await measured.measure(browser, editor)
    told = published()
    lost = {layout: columns[browser, editor] for layout, columns in measured.results.items()}
    assert lost == {layout: columns[browser, editor] for layout, columns in told.items()}
