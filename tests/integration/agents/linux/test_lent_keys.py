"""Characters that lie nowhere in the display's layout, read by a program as late as it likes."""

import struct

import pytest
import xcffib.xkb as xkb
import xcffib.xproto as xproto

from agents.linux.keyboard_map import CORE_KEYBOARD
from agents.linux.layout import SHIFT_MASK
from portcullis.protocol import messages as m
from tests.support.keyboard_typist import Typist
from tests.support.xkb import keysym_to_utf32
from tests.support.xserver import x_server

MANY = "".join(chr(0x4E00 + number) for number in range(400))
"""Several times as many as there are spare keys."""
LATE_SECONDS = 0.7
F24_KEY, F23 = 202, 0xFFD4
MAP_NOTIFY = 1


class Program:
    """Has the keyboard; looks up what a key gives when it reads the event, and answers pings then."""

    def __init__(self, server):
        self.text = ""
        self._xcb = server.connection()
        self._core, self._root = self._xcb.core, self._xcb.get_setup().roots[0].root
        self._window = self._xcb.generate_id()
        mask = xproto.EventMask.KeyPress
        self._core.CreateWindow(0, self._window, self._root, 0, 0, 9, 9, 0, 1, 0, xproto.CW.EventMask, [mask])
        for holder, name, kind, value in (
            (self._window, "WM_PROTOCOLS", xproto.Atom.ATOM, self._atom("_NET_WM_PING")),
            (self._root, "_NET_ACTIVE_WINDOW", xproto.Atom.WINDOW, self._window),
        ):
            self._core.ChangeProperty(xproto.PropMode.Replace, holder, self._atom(name), kind, 32, 1, [value])
        self._core.MapWindow(self._window)
        self._core.SetInputFocus(xproto.InputFocus.Parent, self._window, 0)
        self._sync()

    def read(self):
        self._sync()
        while (event := self._xcb.poll_for_event()) is not None:
            if isinstance(event, xproto.KeyPressEvent):
                keysyms = self._core.GetKeyboardMapping(event.detail, 1).reply().keysyms
                self.text += chr(keysym_to_utf32(keysyms[0]))
            elif isinstance(event, xproto.ClientMessageEvent):
                data = struct.pack("=5I", *event.data.data32)
                answer = struct.pack("=BBHII", 33, 32, 0, self._root, event.type) + data
                mask = xproto.EventMask.SubstructureNotify | xproto.EventMask.SubstructureRedirect
                self._core.SendEvent(False, self._root, mask, answer)
        self._sync()

    def change_map(self):
        """As a tool does that gives one key another meaning."""
        self._core.ChangeKeyboardMapping(1, F24_KEY, 1, [F23])
        self._sync()

    def _atom(self, name):
        return self._core.InternAtom(False, len(name), name).reply().atom

    def _sync(self):
        self._core.GetInputFocus().reply()


class LikeQt:
    """Asks for the state of the keyboard when it hears of a new map, besides hearing of each change; reads late."""

    def __init__(self, server):
        self._xcb = server.connection()
        self._xkb = self._xcb(xkb.key)
        self._xkb.UseExtension(1, 0).reply()
        core, root = self._xcb.core, self._xcb.get_setup().roots[0].root
        window, mask = self._xcb.generate_id(), xproto.EventMask.KeyPress
        core.CreateWindow(0, window, root, 0, 0, 9, 9, 0, 1, 0, xproto.CW.EventMask, [mask])
        core.MapWindow(window)
        core.SetInputFocus(xproto.InputFocus.Parent, window, 0)
        events = xkb.EventType.MapNotify | xkb.EventType.StateNotify
        self._xkb.SelectEvents(CORE_KEYBOARD, events, 0, events, 0xFF, 0xFF, [])
        self._modifiers = self._state()

    def read(self):
        """What each key gives, that is no Shift: its character, lent keys as they are."""
        core, text = self._xcb.core, ""
        core.GetInputFocus().reply()
        while (event := self._xcb.poll_for_event()) is not None:
            if isinstance(event, xproto.KeyPressEvent):
                keysyms = core.GetKeyboardMapping(event.detail, 1).reply().keysyms
                character = keysym_to_utf32(keysyms[1 if self._modifiers & SHIFT_MASK else 0])
                text += chr(character) if character else ""
            elif isinstance(event, xkb.NewKeyboardNotifyEvent) and event.xkbType == MAP_NOTIFY:
                self._modifiers = self._state()
            elif isinstance(event, xkb.NewKeyboardNotifyEvent):
                self._modifiers = xkb.StateNotifyEvent(event).mods
        return text

    def _state(self):
        return self._xkb.GetState(CORE_KEYBOARD).reply().mods


@pytest.fixture
def server():
    with x_server(width=640, height=480) as server:
        yield server


@pytest.fixture
async def typist(server):
    typist = Typist(server)
    yield typist
    typist.close()


async def test_key_gets_another_meaning_only_once_its_last_was_read(server, typist):
    program = Program(server)
    read_at = [0.0]

    def read_late(now):
        if now - read_at[0] > LATE_SECONDS:
            read_at[0] = now
            program.read()

    await typist.type(MANY, read_late)
    program.read()
    assert program.text == MANY


async def test_program_that_hangs_is_waited_for_once_and_holds_nothing_up_then(server, typist):
    Program(server)
    spare = 60
    """At least."""
    await typist.type(MANY, lambda now: None)
    assert typist.waited < 1.6 + 0.6 * (1 + len(MANY) / spare)


async def test_lent_keys_stay_spare_whatever_else_changes_in_the_map(server, typist):
    program = Program(server)
    for start in range(0, len(MANY), 40):
        await typist.type(MANY[start : start + 40], lambda now: program.read())
        program.change_map()
    program.read()
    assert program.text == MANY


async def test_program_that_is_behind_knows_what_was_held_after_a_key_was_lent(server, typist):
    program = LikeQt(server)
    await typist.key("ShiftLeft", "Shift", m.SHIFT, down=True)
    await typist.stroke("KeyO", "Ô", m.SHIFT)
    await typist.stroke("KeyE", "E", m.SHIFT)
    await typist.key("ShiftLeft", "Shift", 0, down=False)
    assert program.read() == "ÔE"
    await typist.stroke("KeyO", "ô")
    await typist.stroke("KeyE", "e")
    await typist.key("ShiftLeft", "Shift", m.SHIFT, down=True)
    assert program.read() == "ôe"
