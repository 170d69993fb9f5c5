"""An input method within the session, as an application may be published with: the user's keys reach it as keys."""

import functools

import pytest

from tests.support.input_methods import ibus, use_ibus
from tests.support.keyboard_lab import keyboard_lab
from tests.support.xkb import SHIFT, Stroke, strokes_of

TYPED = {
    "libpinyin": ("nihao zhongguo ", "你好中国"),
    "hangul": ("gksrmf dlqslek ", "한글 입니다 "),
}
HANGUL = 130
"""The key of Korean keyboards."""


@pytest.mark.parametrize(("browser", "editor"), [("Chromium", "Qt"), ("Firefox", "GTK")])
async def test_keys_reach_an_input_method_of_the_session_as_keys(browser, editor, tmp_path):
    with_ibus = functools.partial(ibus, panel=True)
    async with keyboard_lab(tmp_path, browser, remote_with=with_ibus) as lab:
        await lab.use(editor)
        await lab.load("us", "en-US")
        arrived = {}
        for engine, (keys, text) in TYPED.items():
            await use_ibus(lab.remote, engine)
            arrived[engine] = await lab.composed(editor, strokes_of(keys), text)
        assert arrived == {engine: text for engine, (_, text) in TYPED.items()}
        # Its own key, and Shift alone, turn an input method off and on.
        for engine, key, keys, text in (
            ("hangul", HANGUL, "gksrmf ", "한글 "),
            ("libpinyin", SHIFT, "nihao ", "你好"),
        ):
            await use_ibus(lab.remote, engine)
            strokes = [*strokes_of(keys), Stroke(key), *strokes_of(keys), Stroke(key), *strokes_of(keys)]
            wanted = text + keys + text
            assert await lab.composed(editor, strokes, wanted) == wanted
