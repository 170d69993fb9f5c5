"""Which key gives a character."""

from agents.windows.keymap import Stroke
from agents.windows.layout import Layout
from portcullis.protocol.messages import ALT_GRAPH, SHIFT
from tests.support.windows_keyboard import layout


def test_character_lies_on_its_key_with_exactly_its_modifiers():
    german = layout("de")
    place = german.best("@", "", 0, False)
    assert (place.code, place.modifiers) == ("KeyQ", ALT_GRAPH)
    place = german.best("z", "", 0, False)
    assert (place.code, place.modifiers) == ("KeyY", 0)


def test_caps_lock_turns_what_shift_does():
    us = layout("us")
    assert us.best("A", "", 0, False).modifiers == SHIFT
    assert us.best("A", "", 0, True).modifiers == 0
    assert us.best("!", "", 0, True).modifiers == SHIFT


def test_dead_keys_and_what_lies_nowhere_have_no_place():
    german = layout("de")
    assert german.best("^", "Backquote", 0, False) is None
    assert german.best("漢", "", 0, False) is None


def test_the_physical_key_is_preferred_then_the_fewest_changes():
    keys = {"One": Stroke(1, 1), "Two": Stroke(2, 2), "Three": Stroke(3, 3)}
    said = {(1, SHIFT): "x", (2, 0): "x", (3, ALT_GRAPH): "x"}
    built = Layout(keys, lambda stroke, modifiers, has_caps: said.get((stroke.virtual_key, modifiers)))
    assert built.best("x", "", 0, False).code == "Two"
    assert built.best("x", "", SHIFT, False).code == "One"
    assert built.best("x", "Three", 0, False).code == "Three"


def test_control_characters_are_no_text_of_a_key():
    built = Layout({"A": Stroke(1, 1)}, lambda *_: "\x01")
    assert list(built.characters()) == []
