"""A composition that is open on the user's machine while something happens: its text is neither lost nor doubled.

Korean, for there the last syllable is always open: people click and turn elsewhere with it.
"""

import pytest

from tests.support.input_methods import ibus, use_ibus
from tests.support.keyboard_lab import BROWSERS, CONTROL, DELETE, keyboard_lab, place_of
from tests.support.patience import until
from tests.support.xkb import Keyboard, Stroke, strokes_of

KEYBOARD = Keyboard("us")
LINES = "\n" * 12
"""So many that a click into the text's first lines is elsewhere."""
IS_OPEN = "() => document.querySelector('textarea').style.opacity === '1'"
MODAL = """() => {
    const button = document.createElement("button");
    document.body.append(button);
    button.focus();
    button.remove();
    session.focus();
}"""
NARROWER = "() => { document.getElementById('session').style.width = '80%'; }"
STATE = "state => states.at(-1)?.startsWith(state)"


async def press_above(lab):
    window = (await lab.remote.run("xdotool", "search", "--onlyvisible", "--name", "mousepad.txt")).split()[
        -1
    ]
    place = await lab.remote.run("xdotool", "getwindowgeometry", "--shell", window)
    named = dict(line.split("=") for line in place.split())
    x, y = await lab.on_screen(int(named["X"]) + 200, int(named["Y"]) + 70)
    # As a hand does it: a press that the browser is told of ends no composition.
    await lab.machine.run("xdotool", "mousemove", str(x), str(y), "click", "1")


async def show_modal(lab):
    await lab.page.evaluate(MODAL)


async def resize(lab):
    await lab.page.evaluate(NARROWER)


async def lose_connection(lab):
    lab.site.may_attach.clear()
    lab.site.cut()
    await until(lambda: lab.page.evaluate(STATE, "reconnecting"))


@pytest.mark.parametrize("browser", BROWSERS)
async def test_text_of_an_open_composition_arrives_once_whatever_happens(browser, tmp_path):
    async with keyboard_lab(tmp_path, browser, machine_with=ibus) as lab:
        await lab.use("GTK")
        await lab.load("us", "en-US")
        await use_ibus(lab.machine, "hangul")
        await lab.composed("GTK", strokes_of("gksrmf "), "한글 ")
        arrived = {}
        for happening in (press_above, show_modal, resize, lose_connection):
            await lab.type([Stroke(place_of(KEYBOARD, "a"), (CONTROL,)), Stroke(DELETE)])
            await lab.type(strokes_of(LINES + "gksrmf"))
            await until(lambda: lab.page.evaluate(IS_OPEN))
            await happening(lab)
            await lab.type(strokes_of("3"))
            lab.site.may_attach.set()
            await until(lambda: lab.page.evaluate(STATE, "active"))
            arrived[happening.__name__] = (await _saved(lab)).lstrip("\n")
    above = arrived.pop("press_above")
    assert above.endswith("\n한글") and above.replace("\n", "") == "3한글"
    assert arrived == dict.fromkeys(("show_modal", "resize", "lose_connection"), "한글3")


async def _saved(lab):
    """By a shortcut, which is the application's again."""
    file = lab.files["GTK"]
    before = file.stat().st_mtime_ns
    await lab.type([Stroke(place_of(KEYBOARD, "s"), (CONTROL,))])
    await until(lambda: file.stat().st_mtime_ns != before and file.read_text())
    return file.read_text()
