"""Fcitx 5 as Debian has it, typed on a user's machine; read from an editor of the session."""

import pytest

from tests.support.input_methods import fcitx, use_fcitx
from tests.support.keyboard_lab import keyboard_lab
from tests.support.patience import until
from tests.support.xkb import Stroke, strokes_of

TYPED = {
    "chewing": ("su3cl3\n", "你好"),
    "anthy": ("nihongo \ntoukyou \n", "日本語東京"),
    "hangul": ("gksrmf dlqslek ", "한글 입니다 "),
}
DOWN = 116
"""With which Chewing shows its candidates."""
NEAR = 60


@pytest.mark.parametrize(("browser", "editor"), [("Chromium", "GTK"), ("Firefox", "Qt")])
async def test_words_of_input_methods_on_the_users_machine_arrive_as_they_are(browser, editor, tmp_path):
    async with keyboard_lab(tmp_path, browser, machine_with=fcitx) as lab:
        await lab.use(editor)
        await lab.load("us", "en-US")
        arrived = {}
        for method, (keys, text) in TYPED.items():
            await use_fcitx(lab.machine, method)
            arrived[method] = await lab.composed(editor, strokes_of(keys), text)
        assert arrived == {method: text for method, (_, text) in TYPED.items()}
        await use_fcitx(lab.machine, "chewing")
        await _candidates_are_shown_where_the_user_clicked(lab)


async def _candidates_are_shown_where_the_user_clicked(lab):
    await lab.type([*strokes_of("su3"), Stroke(DOWN)])
    shown = await lab.machine.window("--name", "Fcitx5 Input Window")
    area = """() => {
        const { left, bottom } = document.querySelector("textarea").getBoundingClientRect();
        return [Math.round(left), Math.round(bottom)];
    }"""

    async def is_near():
        words = await lab.machine.run("xdotool", "getwindowgeometry", "--shell", str(shown))
        place = dict(line.split("=") for line in words.split())
        x, y = await lab.on_screen(*await lab.page.evaluate(area))
        return abs(int(place["X"]) - x) < NEAR and abs(int(place["Y"]) - y) < NEAR

    await until(is_near)
