"""Input methods themselves: IBus as Debian has it, typed on a user's machine; read from an editor of the session."""

import pytest

from tests.support.input_methods import ibus, use_ibus
from tests.support.keyboard_lab import keyboard_lab
from tests.support.xkb import strokes_of

TYPED = {
    "libpinyin": ("nihao zhongguo ", "你好中国"),
    "anthy": ("nihongo \ntoukyou \n", "日本語東京"),
    "hangul": ("gksrmf dlqslek ", "한글 입니다 "),
}


@pytest.mark.parametrize("browser", ["Chromium", "Firefox"])
async def test_words_of_input_methods_on_the_users_machine_arrive_as_they_are(browser, tmp_path):
    async with keyboard_lab(tmp_path, browser, machine_with=ibus) as lab:
        await lab.use("GTK")
        await lab.load("us", "en-US")
        arrived = {}
        for engine, (keys, text) in TYPED.items():
            await use_ibus(lab.machine, engine)
            arrived[engine] = await lab.composed("GTK", strokes_of(keys), text)
    assert arrived == {engine: text for engine, (_, text) in TYPED.items()}
