"""A Compose key on the user's machine: what it composes in a real browser arrives in a real editor, once."""

import pytest

from tests.support.keyboard_lab import keyboard_lab
from tests.support.xkb import Keyboard, Stroke, strokes_of

RIGHT_ALT = 108
COMPOSED = {
    "'e": "é",
    "=C": "€",
    '"u': "ü",
    "`A": "À",
    "~n": "ñ",
    ",c": "ç",
    "oo": "°",
    "12": "½",
    "ss": "ß",
    "--.": "–",
}


@pytest.mark.parametrize(("browser", "editor"), [("Chromium", "GTK"), ("Firefox", "GTK"), ("Chromium", "Qt")])
async def test_what_a_compose_key_composes_arrives_once(browser, editor, tmp_path):
    strokes = [each for keys in COMPOSED for each in (Stroke(RIGHT_ALT), *strokes_of(keys), *strokes_of("x"))]
    wanted = "".join(f"{text}x" for text in COMPOSED.values())
    async with keyboard_lab(tmp_path, browser) as lab:
        await lab.use(editor)
        await lab.load("us", "en-US")
        lab.hand.load("us", "compose:ralt")
        assert await lab.typed(editor, Keyboard("us"), strokes, 0.03) == wanted
