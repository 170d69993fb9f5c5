"""Keys that are pressed where they lie: which keycode, with what held, a program of the session is given."""

import pytest
import xcffib.xproto as xproto

from portcullis.protocol import messages as m
from tests.support.hand import set_layout
from tests.support.keyboard_typist import Typist
from tests.support.xkb import keysym_to_utf32
from tests.support.xserver import x_server

NOTHING = 0


class Program:
    """Has the keyboard, and tells of each key that is no modifier: its plain character, and what was held."""

    def __init__(self, server):
        self._xcb = server.connection()
        core, root = self._xcb.core, self._xcb.get_setup().roots[0].root
        window, mask = self._xcb.generate_id(), xproto.EventMask.KeyPress
        core.CreateWindow(0, window, root, 0, 0, 9, 9, 0, 1, 0, xproto.CW.EventMask, [mask])
        core.MapWindow(window)
        core.SetInputFocus(xproto.InputFocus.Parent, window, 0)
        core.GetInputFocus().reply()

    def read(self):
        core, strokes = self._xcb.core, []
        core.GetInputFocus().reply()
        while (event := self._xcb.poll_for_event()) is not None:
            if isinstance(event, xproto.KeyPressEvent):
                plain = core.GetKeyboardMapping(event.detail, 1).reply().keysyms[0]
                strokes += [(chr(keysym_to_utf32(plain)), event.state)] if keysym_to_utf32(plain) else []
        return strokes


@pytest.fixture
def typing():
    """Of a layout: what types, and what reads."""
    closed = []
    with x_server(width=64, height=64) as server:

        def start(layout):
            set_layout(server, layout)
            typist = Typist(server)
            closed.append(typist.close)
            return typist, Program(server)

        yield start
        for close in closed:
            close()


@pytest.mark.parametrize(
    ("layout", "code", "character"),
    [
        ("fi", "Digit5", "‰"),  # X's own keysym for it is one that GTK does not know
        ("ara,us", "IntlBackslash", "|"),  # has no third level
    ],
)
async def test_key_of_which_the_browser_tells_no_text_gives_what_the_layout_has(
    typing, layout, code, character
):
    typist, program = typing(layout)
    await typist.key("AltRight", "AltGraph", 0, down=True)
    await typist.stroke(code, "", m.ALT_GRAPH)
    ((arrived, held),) = program.read()
    assert arrived == character
    assert character == "‰" or held == NOTHING


async def test_small_letter_of_a_key_that_is_no_letter_s_arrives_under_caps_lock(typing):
    typist, program = typing("fr")
    await typist.key("ShiftLeft", "Shift", m.SHIFT, down=True)
    await typist.stroke("KeyZ", "à", m.SHIFT, m.CAPS_LOCK)
    assert program.read() == [("à", NOTHING)]


async def test_lam_with_alif_arrives_as_the_letters_that_it_is_made_of(typing):
    typist, program = typing("ara,us")
    await typist.stroke("KeyB", "\ufefb")
    await typist.stroke("KeyG", "\ufef7", m.SHIFT)
    assert program.read() == [("ل", NOTHING), ("ا", NOTHING), ("ل", NOTHING), ("ا", m.SHIFT)]  # أ is above ا
