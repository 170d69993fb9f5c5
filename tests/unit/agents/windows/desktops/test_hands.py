"""What is down because of a worker, and what lets go of it."""

from agents.windows.desktops.hands import Held
from agents.windows.strokes import KeyEvent, MouseEvent
from agents.windows.structures import LLKHF_EXTENDED, LLKHF_INJECTED, LLKHF_UP

MARK, SHIFT = 0x504F5254, (0xA0, 0x2A)
LEFT_DOWN, LEFT_UP, X_DOWN = 0x0201, 0x0202, 0x020B


def test_a_key_that_a_worker_holds_is_let_go_of_as_it_was_pressed():
    held = Held(MARK)
    held.key(*SHIFT, LLKHF_INJECTED, MARK)
    held.key(0xA3, 0x1D, LLKHF_INJECTED | LLKHF_EXTENDED, MARK)
    assert held.releases() == [
        KeyEvent(0xA0, 0x2A, is_up=True),
        KeyEvent(0xA3, 0x1D, is_extended=True, is_up=True),
    ]
    held.key(*SHIFT, LLKHF_INJECTED | LLKHF_UP, MARK)
    assert [each.virtual_key for each in held.releases()] == [0xA3]


def test_what_the_person_or_another_program_holds_stays():
    held = Held(MARK)
    held.key(*SHIFT, 0, 0)
    held.key(0xA2, 0x1D, LLKHF_INJECTED, 0)
    held.button(LEFT_DOWN, 0, 0)
    assert held.releases() == []


def test_a_key_that_the_person_presses_too_is_theirs():
    held = Held(MARK)
    held.key(*SHIFT, LLKHF_INJECTED, MARK)
    held.key(*SHIFT, 0, 0)
    assert held.releases() == []


def test_characters_without_a_key_are_not_held():
    held = Held(MARK)
    held.key(0xE7, 0x6F22, LLKHF_INJECTED, MARK)
    assert held.releases() == []


def test_buttons_are_let_go_of_and_the_fourth_is_another_than_the_fifth():
    held = Held(MARK)
    held.button(LEFT_DOWN, 0, MARK)
    held.button(X_DOWN, 2 << 16, MARK)
    held.button(0x0200, 0, MARK)  # it moved
    held.button(LEFT_UP, 0, MARK)
    assert held.releases() == [MouseEvent(0x0100, data=2)]
