"""Input messages as Windows' events."""

import pytest

from agents.windows.injection import Injector
from agents.windows.keymap import VK_CAPITAL, VK_NUMLOCK, VK_RETURN
from agents.windows.strokes import KeyEvent, MouseEvent
from agents.worker.damage import Box
from portcullis.protocol import messages as m
from tests.support.windows_keyboard import FakeKeyboard

SHIFT, CONTROL, ALT, ALT_RIGHT, META = 0xA0, 0xA2, 0xA4, 0xA5, 0x5B
MASK = 0xE8


class Hand:
    def __init__(self, layout="us"):
        self.keyboard = FakeKeyboard(layout)
        self.injector = Injector(self.keyboard, self.keyboard.send, lambda: Box(-100, 0, 1280, 800))

    def do(self, *messages):
        """The strokes of these alone."""
        self.keyboard.events.clear()
        for message in messages:
            for _ in self.injector.apply(message):
                pass
        return self.keyboard.strokes()

    def down(self, code, text, modifiers=0, locks=0):
        return self.do(m.Key(1, True, modifiers, locks, code, text))

    def up(self, code, text, modifiers=0, locks=0):
        return self.do(m.Key(1, False, modifiers, locks, code, text))


def test_character_is_the_key_that_gives_it_with_its_scan_code():
    hand = Hand()
    hand.down("KeyA", "a")
    assert hand.keyboard.events == [KeyEvent(0x41, 0x1E)]
    hand.up("KeyA", "a")
    assert hand.keyboard.events == [KeyEvent(0x41, 0x1E, is_up=True)]


def test_characters_go_by_the_session_s_layout_and_not_by_the_place():
    assert Hand("de").down("KeyZ", "z") == [("+", ord("Y"))]


def test_alt_graph_is_pressed_around_the_character_that_needs_it_and_never_held():
    hand = Hand("de")
    assert hand.down("AltRight", "AltGraph", m.ALT_GRAPH) == []
    assert hand.down("KeyE", "€", m.ALT_GRAPH) == [
        ("+", CONTROL), ("+", ALT_RIGHT), ("+", ord("E")), ("-", ALT_RIGHT), ("-", CONTROL),
    ]  # fmt: skip
    assert hand.up("KeyE", "€", m.ALT_GRAPH) == [("-", ord("E"))]
    assert hand.up("AltRight", "AltGraph") == []
    assert hand.keyboard.down == set()


def test_alt_graph_of_windows_which_came_as_control_and_alt_is_taken_back():
    hand = Hand("de")
    hand.down("ControlLeft", "Control", m.CONTROL)
    assert hand.down("KeyQ", "@", m.ALT_GRAPH)[0] == ("-", CONTROL)


@pytest.mark.parametrize("text", ["é", "漢", "😀", "ñ"])
def test_character_that_lies_on_no_key_goes_as_a_character(text):
    hand = Hand()
    assert hand.down("", text) == []
    assert hand.keyboard.text() == text
    assert hand.up("", text) == []


def test_surrogates_go_down_both_before_they_go_up():
    hand = Hand()
    hand.do(m.CommittedText(1, "😀"))
    assert [event.is_up for event in hand.keyboard.events] == [False, False, True, True]


def test_dead_key_is_not_pressed_for_its_character():
    hand = Hand("de")
    assert hand.down("Backquote", "^") == []
    assert hand.keyboard.text() == "^"


def test_shift_is_lifted_for_a_character_that_lies_plainly():
    hand = Hand()
    hand.down("ShiftLeft", "Shift", m.SHIFT)
    assert hand.down("Digit7", "/", m.SHIFT) == [("-", SHIFT), ("+", 0xBA + 46), ("+", SHIFT)]
    assert (SHIFT, False) in hand.keyboard.down


def test_capital_needs_shift_unless_caps_lock_is_on():
    hand = Hand()
    assert hand.do(m.CommittedText(1, "A")) == [("+", SHIFT), ("+", 0x41), ("-", SHIFT), ("-", 0x41)]
    assert hand.down("KeyA", "A", locks=m.CAPS_LOCK) == [("+", VK_CAPITAL), ("-", VK_CAPITAL), ("+", 0x41)]
    hand.up("KeyA", "A", locks=m.CAPS_LOCK)
    assert hand.down("KeyA", "a") == [("+", VK_CAPITAL), ("-", VK_CAPITAL), ("+", 0x41)]


def test_locks_follow_before_the_key_they_count_for():
    hand = Hand()
    hand.down("Numpad5", "5", locks=m.NUM_LOCK)
    assert hand.keyboard.strokes() == [("+", VK_NUMLOCK), ("-", VK_NUMLOCK), ("+", 0x65)]
    assert hand.keyboard.locked == m.NUM_LOCK


def test_a_lock_s_own_key_is_not_pressed():
    assert Hand().down("CapsLock", "CapsLock", locks=m.CAPS_LOCK) == []


def test_shortcut_is_the_letter_s_key_with_the_modifiers():
    hand = Hand("de")
    assert hand.down("ControlLeft", "Control", m.CONTROL) == [("+", CONTROL)]
    assert hand.down("KeyZ", "z", m.CONTROL) == [("+", ord("Y"))]  # where the layout has z
    assert hand.down("KeyC", "C", m.CONTROL | m.SHIFT)[-1] == ("+", ord("C"))
    assert (SHIFT, False) in hand.keyboard.down


def test_shortcut_of_another_script_is_the_letter_beside_it():
    hand = Hand()
    hand.down("ControlLeft", "Control", m.CONTROL)
    assert hand.down("KeyC", "с", m.CONTROL) == [("+", ord("C"))]


def test_keys_that_windows_has_not_are_chords():
    assert Hand().down("Copy", "Copy") == [("+", CONTROL), ("+", ord("C")), ("-", CONTROL)]


def test_option_text_of_a_mac_lifts_alt_without_opening_a_menu():
    hand = Hand()
    hand.down("AltLeft", "Alt", m.ALT)
    strokes = hand.down("KeyO", "ø", m.ALT)
    assert hand.keyboard.text() == "ø"
    assert strokes == [("+", MASK), ("-", MASK), ("-", ALT), ("+", ALT), ("+", MASK), ("-", MASK)]


def test_repetition_is_a_press_without_a_release():
    hand = Hand()
    hand.down("KeyA", "a")
    assert hand.down("KeyA", "a") == [("+", 0x41)]
    assert hand.up("KeyA", "a") == [("-", 0x41)]
    assert hand.keyboard.down == set()


def test_what_was_pressed_for_a_key_is_released_whatever_its_release_says():
    hand = Hand()
    hand.down("ShiftLeft", "Shift", m.SHIFT)
    hand.down("KeyA", "A", m.SHIFT)
    hand.up("ShiftLeft", "Shift", 0)
    assert hand.up("KeyA", "a") == [("-", 0x41)]
    assert hand.keyboard.down == set()


def test_release_that_was_lost_heals_with_the_next_event():
    hand = Hand()
    hand.down("ControlLeft", "Control", m.CONTROL)
    assert hand.do(m.Pointer(2, 5, 5, 0, 0))[0] == ("-", CONTROL)


def test_modifier_whose_press_was_lost_is_pressed_with_the_next_event():
    assert Hand().do(m.Pointer(1, 5, 5, 0, m.META)) == [("+", META)]


def test_nothing_stays_down_when_a_client_goes():
    hand = Hand()
    hand.down("ShiftLeft", "Shift", m.SHIFT)
    hand.down("KeyA", "A", m.SHIFT)
    hand.down("ArrowUp", "ArrowUp", m.SHIFT)
    hand.do(m.Pointer(4, 5, 5, 0b10011, m.SHIFT))
    hand.do(m.ReleaseAll(5))
    assert hand.keyboard.down == set()
    ups = [event.flags for event in hand.keyboard.events if isinstance(event, MouseEvent)]
    assert sorted(ups) == [0x0004, 0x0010, 0x0100]
    assert hand.do(m.ReleaseAll(6)) == []


def test_so_many_keys_that_nobody_has_the_fingers_are_released():
    hand = Hand()
    for number in range(70):
        hand.down(f"Key{number}", "ArrowUp" if number % 2 else "a")
    hand.do(m.ReleaseAll(9))
    assert hand.keyboard.down == set()


def test_key_without_a_text_is_known_by_its_place():
    assert Hand().down("KeyQ", "") == [("+", ord("Q"))]


def test_name_that_nobody_knows_is_not_typed():
    hand = Hand()
    assert hand.down("Lang1", "KeyboardOfTomorrow") == []
    assert hand.keyboard.text() == ""


def test_text_of_several_characters_is_typed():
    hand = Hand()
    hand.down("KeyG", "لا")
    assert hand.keyboard.text() == "لا"


def test_lines_and_tabs_of_a_text_are_keys():
    hand = Hand()
    strokes = hand.do(m.CommittedText(1, "a\r\n\tb\x07"))
    assert [key for sign, key in strokes if sign == "+"] == [0x41, VK_RETURN, 0x09, 0x42]
    assert hand.keyboard.text() == ""


def test_long_text_gives_the_event_loop_its_turn_and_all_of_it_arrives():
    hand = Hand()
    pauses = list(hand.injector.apply(m.CommittedText(1, "漢" * 300)))
    assert len(pauses) == 4
    assert hand.keyboard.text() == "漢" * 300


def test_events_of_one_message_go_in_one_call():
    hand = Hand("de")
    hand.down("KeyE", "€", m.ALT_GRAPH)
    assert hand.keyboard.calls == 1


def test_keypad_s_arrow_with_num_lock_is_not_shifted():
    hand = Hand()
    hand.down("ShiftLeft", "Shift", m.SHIFT, m.NUM_LOCK)
    strokes = hand.down("Numpad8", "ArrowUp", m.SHIFT, m.NUM_LOCK)
    assert strokes[-3:] == [("-", SHIFT), ("+", 0x26), ("+", SHIFT)]
