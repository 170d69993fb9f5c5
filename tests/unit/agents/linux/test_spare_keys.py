"""How spare keys are lent."""

import pytest

from agents.linux.spare_keys import SpareKeys


def test_lent_key_is_kept_for_its_character():
    spares = SpareKeys([200, 201])
    assert spares.lent(1, 0.0) is None
    keycode = spares.lend(1, 0.0, held=())
    assert spares.lent(1, 1.0) == keycode


def test_longest_unused_key_is_lent_anew_and_a_held_one_never():
    spares = SpareKeys([200, 201, 202])
    keycodes = [spares.lend(keysym, float(keysym), held=()) for keysym in (1, 2, 3)]
    spares.lent(1, 4.0)
    assert spares.lend(4, 10.0, held=(keycodes[1],)) == keycodes[2]
    assert spares.lent(3, 10.0) is None
    assert spares.lend(5, 10.0, held=keycodes) is None


def test_key_that_was_just_used_has_to_settle_first():
    spares = SpareKeys([200])
    assert spares.wait_seconds(0.0, held=()) == 0
    spares.lend(1, 0.0, held=())
    assert spares.wait_seconds(0.1, held=()) == pytest.approx(0.4)
    assert spares.wait_seconds(0.6, held=()) == 0
    assert spares.wait_seconds(0.6, held=(200,)) > 0
