"""How spare keys are lent."""

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


def test_last_use_of_the_key_that_is_lent_next_is_told():
    spares = SpareKeys([200, 201])
    assert spares.next_use(held=()) is None
    keycodes = [spares.lend(keysym, float(keysym), held=()) for keysym in (1, 2)]
    assert spares.next_use(held=()) == 1.0
    spares.lent(1, 3.0)
    assert spares.next_use(held=()) == 2.0
    assert spares.next_use(held=keycodes[1:]) == 3.0
    assert spares.next_use(held=keycodes) is None


def test_what_is_lent_stays_so_with_a_map_that_was_loaded_anew_if_it_kept_it():
    before = SpareKeys([200, 201])
    kept, gone = (before.lend(keysym, 1.0, held=()) for keysym in (1, 2))
    assert before.loans == {kept: 1, gone: 2}
    after = before.after([200, 201, 202], still={kept})
    assert after.lent(1, 2.0) == kept
    assert after.lent(2, 2.0) is None
    assert {after.lend(keysym, 3.0, held=()) for keysym in (3, 4)} == {gone, 202}
